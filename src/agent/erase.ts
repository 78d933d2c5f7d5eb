import { blocksOf, stepAt } from '../offline/header.ts';
import { erased, type KeptEntries, readEntries, writeEntries } from './entries-file.ts';
import { noted } from './journal.ts';
import { destroyed, headerOf } from './packages.ts';
import type { Session } from './agent.ts';
import { type PackageState, withPackage } from './state.ts';

/**
 * The entries of a package; when they are not those that were written, the package is given up.
 *
 * @returns null when they are damaged
 */
export async function entriesOf(session: Session, its: PackageState): Promise<KeptEntries | null> {
  const { env, folder } = session.agent;
  const entries = its.entries === null ? null : await readEntries(env.files, folder, its.entries);
  if (entries === null) await giveUp(session, its.packageId);
  return entries;
}

/** What is damaged is never looked at again. */
export async function giveUp(session: Session, packageId: string): Promise<void> {
  const next = destroyed(session.state(), packageId, 'damaged');
  await session.save(noted(next, session.now, { kind: 'damaged', packageId }));
}

/** Where the entries are once those up to `through` are gone; the state does not say so yet. */
export async function erase(
  { agent, state }: Session,
  its: PackageState,
  entries: KeptEntries,
  through: bigint,
): ReturnType<typeof writeEntries> {
  const { env, folder } = agent;
  const left = erased(headerOf(its), entries, through);
  return writeEntries(env.files, folder, its.packageId, state().counter + 1, left);
}

/** Once a day: the steps that no response can belong to any more, and the keys of their days. */
export async function eraseWhatPassed(session: Session, its: PackageState): Promise<void> {
  const header = headerOf(its);
  if (its.entries === null || header.kind !== 'time') return;
  const through = stepAt(header, session.nowMs) - BigInt(header.windowBackSteps) - 1n;
  if (through < header.first || blocksOf(header)(through + 1n) <= its.entries.firstBlock) return;
  const entries = await entriesOf(session, its);
  if (entries === null) return;
  const left = await erase(session, its, entries, through);
  await session.save(withPackage(session.state(), its.packageId, { entries: left }));
}
