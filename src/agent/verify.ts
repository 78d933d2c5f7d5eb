import { entryKeyMessage, findEntry } from '../offline/entries.ts';
import { blocksOf, hasChallenges } from '../offline/header.ts';
import { OfflineError } from '../offline/offline-error.ts';
import { type AgentCode, AgentError } from './agent-error.ts';
import { seen, waitMs } from './clock.ts';
import { isCode, splitCode, usableCodes } from './emergency.ts';
import { type KeptEntries, openTagKey, tagSealKey } from './entries-file.ts';
import { entriesOf, erase, giveUp } from './erase.ts';
import { requireSecret, splitCredential, stretchedFront } from './install.ts';
import { noted } from './journal.ts';
import {
  emergencyFailuresMax,
  headerOf,
  locked,
  obstacle,
  packagesOf,
  type Standing,
  standingOf,
  type UserName,
  windowOf,
} from './packages.ts';
import type { Session } from './agent.ts';
import { type AgentState, type EmergencyState, type PackageState, withPackage } from './state.ts';

/** What came of an attempt, or what has to come before it. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly by: 'offline' | 'emergency'; readonly standing: Standing }
  | { readonly kind: 'refused'; readonly code: AgentCode; readonly detail: string }
  | { readonly kind: 'wait'; readonly durationMs: number }
  | { readonly kind: 'challenge'; readonly challenge: string };

/** What was typed, and the challenge that it answers, if any. */
export interface Typed {
  readonly text: string;
  readonly challenge: string | null;
}

/**
 * Verifies what was typed by the packages of a user. The try is counted, durably, before anything is
 * computed; a success is used up, durably, before it is told.
 */
export async function verify(session: Session, name: UserName, typed: Typed): Promise<Verdict> {
  const found = await usable(session, name);
  if (!Array.isArray(found)) return found;
  const durations = found.map(({ failures, lastFailure }) =>
    waitMs(failures, lastFailure, session.now),
  );
  const durationMs = Math.max(...durations);
  if (durationMs > 0) return { kind: 'wait', durationMs };
  const asked = await challengeFor(session, found, typed);
  if (asked !== null) return asked;
  const ids = found.map(({ packageId }) => packageId);
  await writeAhead(session, ids);
  for (const packageId of ids) {
    const accepted = await tryResponse(session, packageId, typed.text);
    if (accepted === null) continue;
    await forgive(session, found, packageId);
    return accepted;
  }
  for (const packageId of ids) {
    const accepted = await tryEmergency(session, packageId, typed.text);
    if (accepted !== null) return accepted;
  }
  return refuse(session, ids);
}

/** The packages by which something can be verified, or why there is none. */
async function usable(
  session: Session,
  name: UserName,
): Promise<PackageState[] | Extract<Verdict, { kind: 'refused' }>> {
  const { state, nowMs } = session;
  if (state().isRevoked) return refused('revoked', 'the server has revoked this agent');
  const all = packagesOf(state(), name);
  if (all.length === 0) return refused('no-data', 'no package of this user');
  if (new Set(all.map((each) => headerOf(each).domainName)).size > 1) {
    return refused('no-data', 'packages of several domains: name the domain');
  }
  await lockSpent(session, all);
  const judged = packagesOf(state(), name);
  const free = judged.filter((its) => obstacle(state(), its, nowMs) === null);
  if (free.length > 0) return free;
  const [code = 'no-data'] = judged.flatMap((its) => obstacle(state(), its, nowMs) ?? []);
  if (code === 'clock') await noteClock(session, name);
  return refused(code, `nothing can be verified: ${code}`);
}

function refused(code: AgentCode, detail: string): Extract<Verdict, { kind: 'refused' }> {
  return { kind: 'refused', code, detail };
}

/** A crash after the last try was counted, before it was judged. */
async function lockSpent(session: Session, all: readonly PackageState[]): Promise<void> {
  const { state, now, nowMs } = session;
  let next = state();
  for (const its of all) {
    const isSpent =
      (its.status === 'installed' && its.failures >= headerOf(its).failuresMax) ||
      (its.status === 'soft-locked' && its.emergencyFailures >= emergencyFailuresMax);
    if (isSpent && obstacle(next, its, nowMs) === null) next = locked(next, its, now, nowMs);
  }
  if (next !== state()) await session.save(next);
}

/** Once for each package until something else happens: whoever tries again does not fill the disk. */
async function noteClock(session: Session, name: UserName): Promise<void> {
  const { state, now } = session;
  const last = state().lines.at(-1);
  const isNoted = last !== undefined && Buffer.from(last.record, 'base64').includes('"clock-back"');
  if (isNoted) return;
  let next = state();
  for (const { packageId } of packagesOf(next, name)) {
    next = noted(next, now, { kind: 'clock-back', packageId });
  }
  await session.save(next);
}

/** The challenge to be shown first, where every package that is left asks for one. */
async function challengeFor(
  session: Session,
  found: readonly PackageState[],
  typed: Typed,
): Promise<Verdict | null> {
  const asking = found.filter((its) => its.status === 'installed' && hasChallenges(headerOf(its)));
  const [first] = asking;
  if (first === undefined || asking.length < found.length || typed.challenge !== null) return null;
  const header = headerOf(first);
  const entries = await entriesOf(session, first);
  if (entries === null) return refused('damaged', 'the entries are damaged');
  const { from, to } = windowOf(first, header, session.nowMs);
  const at = header.kind === 'time' ? to - BigInt(header.windowForwardSteps) : from;
  const block = blocksOf(header)(at < header.first ? header.first : at);
  const challenge = entries.blocks.find((each) => each.block === block)?.challenge;
  if (challenge === undefined || challenge === null) return refused('used-up', 'no challenge left');
  return { kind: 'challenge', challenge };
}

/**
 * Pulling the plug is a wrong try: of each package here, and one to the server, which takes one acceptance
 * off it.
 */
async function writeAhead(session: Session, packageIds: readonly string[]): Promise<void> {
  const { now, nowMs } = session;
  const [first = null] = packageIds;
  let next = seen(session.state(), nowMs);
  for (const packageId of packageIds) {
    const its = packageIn(next, packageId);
    next = withPackage(next, packageId, {
      failures: its.failures + 1,
      lastFailure: spanOf(session),
    });
  }
  await session.save(noted(next, now, { kind: 'attempted', packageId: first }));
}

function spanOf({ now }: Session): NonNullable<PackageState['lastFailure']> {
  return { bootMs: now.bootMs, bootId: now.bootId };
}

function packageIn(state: AgentState, packageId: string): PackageState {
  const found = state.packages.find((each) => each.packageId === packageId);
  if (found === undefined) throw new Error('the package went away under the lock');
  return found;
}

async function tryResponse(
  session: Session,
  packageId: string,
  text: string,
): Promise<Verdict | null> {
  const its = packageIn(session.state(), packageId);
  const header = headerOf(its);
  const parts = splitCredential(header, text);
  if (its.status !== 'installed' || parts === null) return null;
  const entries = await entriesOf(session, its);
  if (entries === null) return null;
  const index = await indexOf(session, its, entries, parts);
  return index === null ? null : accept(session, its, entries, index);
}

async function indexOf(
  session: Session,
  its: PackageState,
  entries: KeptEntries,
  { front, response }: { readonly front: string; readonly response: string },
): Promise<bigint | null> {
  const secret = requireSecret(session.agent);
  const header = headerOf(its);
  const used: Buffer[] = [];
  const using = (key: Buffer): Buffer => (used.push(key), key);
  try {
    const slow = using(await stretchedFront(header, front));
    const message = entryKeyMessage(its.packageId, slow);
    const entryKey = using(await secret.mac(its.packageId, message));
    const sealKey = using(await tagSealKey(secret, its.packageId));
    const tagKeyOf = (block: number): Buffer | null => {
      const kept = entries.blocks.find((each) => each.block === block);
      return kept === undefined ? null : using(openTagKey(sealKey, kept));
    };
    const window = windowOf(its, header, session.nowMs);
    return findEntry(header, entries.kept, entryKey, tagKeyOf, { response, ...window });
  } catch (error) {
    const isDamage = error instanceof AgentError && error.code === 'damaged';
    if (!isDamage && !(error instanceof OfflineError)) throw error;
    await giveUp(session, its.packageId);
    return null;
  } finally {
    for (const key of used) key.fill(0);
  }
}

async function accept(
  session: Session,
  its: PackageState,
  entries: KeptEntries,
  index: bigint,
): Promise<Verdict> {
  const { packageId } = its;
  const left = await erase(session, its, entries, index);
  const next = withPackage(session.state(), packageId, {
    failures: 0,
    lastFailure: null,
    lastIndex: String(index),
    eventsUsed: its.eventsUsed + 1,
    entries: left,
  });
  await session.save(noted(next, session.now, { kind: 'accepted', packageId, index }));
  const now = packageIn(session.state(), packageId);
  const standing = standingOf(session.state(), now, session.nowMs);
  return { kind: 'accepted', by: 'offline', standing };
}

/**
 * Uses up here what the server has just accepted, where no new package has taken the place of the old one:
 * whoever saw it typed must not sign on with it once the network is unplugged.
 */
export async function useUp(
  session: Session,
  names: readonly UserName[],
  text: string,
): Promise<void> {
  for (const its of packagesOf(session.state(), ...names)) {
    const parts = splitCredential(headerOf(its), text);
    const isOpen = obstacle(session.state(), its, session.nowMs) === null;
    if (!isOpen || its.status !== 'installed' || parts === null) continue;
    const entries = await entriesOf(session, its);
    const index = entries === null ? null : await indexOf(session, its, entries, parts);
    if (entries === null || index === null) continue;
    const left = await erase(session, its, entries, index);
    const used = { lastIndex: String(index), entries: left };
    await session.save(withPackage(session.state(), its.packageId, used));
  }
}

/** The other devices of the user: what was typed was right, only not for them. */
async function forgive(
  session: Session,
  before: readonly PackageState[],
  packageId: string,
): Promise<void> {
  const others = before.filter((each) => each.packageId !== packageId);
  if (others.length === 0) return;
  let next = session.state();
  for (const { packageId: other, failures, lastFailure } of others) {
    if (packageIn(next, other).status === 'damaged') continue;
    next = withPackage(next, other, { failures, lastFailure });
  }
  await session.save(next);
}

async function tryEmergency(
  session: Session,
  packageId: string,
  text: string,
): Promise<Verdict | null> {
  const { state, nowMs } = session;
  const its = packageIn(state(), packageId);
  if (its.status !== 'installed' && its.status !== 'soft-locked') return null;
  const isLocked = its.status === 'soft-locked';
  const fitting = usableCodes(its.emergency, nowMs).flatMap((code) => {
    const parts = splitCode(code, text);
    return parts === null ? [] : [{ code, parts }];
  });
  // A wrong response of the same form is one wrong try, and no wrong emergency code beside it; and
  // whoever tries his device at a lock has guessed no code.
  const isGuess = isLocked || splitCredential(headerOf(its), text) === null;
  const isCounted = isGuess && fitting.length > 0;
  if (isCounted) {
    const emergencyFailures = its.emergencyFailures + 1;
    await session.save(withPackage(state(), packageId, { emergencyFailures }));
  }
  for (const { code, parts } of fitting) {
    if (await isCode(code, parts)) return acceptCode(session, packageId, code);
  }
  if (isCounted) {
    const event = { kind: 'emergency-refused', packageId } as const;
    await session.save(noted(state(), session.now, event));
  }
  return null;
}

async function acceptCode(
  session: Session,
  packageId: string,
  { codeId }: EmergencyState,
): Promise<Verdict> {
  const { state, now } = session;
  const emergency = packageIn(state(), packageId).emergency.map((each) =>
    each.codeId === codeId ? { ...each, uses: each.uses + 1 } : each,
  );
  const next = withPackage(state(), packageId, {
    status: 'installed',
    failures: 0,
    emergencyFailures: 0,
    lastFailure: null,
    emergency,
  });
  await session.save(noted(next, now, { kind: 'emergency-accepted', packageId, codeId }));
  const standing = standingOf(state(), packageIn(state(), packageId), session.nowMs);
  return { kind: 'accepted', by: 'emergency', standing };
}

/** Nothing fitted: what is spent now is locked. */
async function refuse(session: Session, packageIds: readonly string[]): Promise<Verdict> {
  const { now, nowMs } = session;
  let next = session.state();
  let code: AgentCode = 'damaged';
  for (const packageId of packageIds) {
    const its = packageIn(next, packageId);
    if (its.status === 'damaged') continue;
    next = noted(next, now, { kind: 'refused', packageId });
    const isSpent =
      its.failures >= headerOf(its).failuresMax || its.emergencyFailures >= emergencyFailuresMax;
    if (isSpent) next = locked(next, its, now, nowMs);
    code = codeAfter(packageIn(next, packageId), code);
  }
  await session.save(next);
  return refused(code, code === 'damaged' ? 'the entries are damaged' : 'nothing fitted');
}

/** The mildest word of several packages. */
function codeAfter({ status }: PackageState, before: AgentCode): AgentCode {
  if (status === 'installed' || before === 'refused') return 'refused';
  if (status === 'soft-locked' || before === 'emergency-needed') return 'emergency-needed';
  return status === 'locked' ? 'locked' : before;
}
