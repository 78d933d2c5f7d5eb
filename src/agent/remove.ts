import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from './agent-error.ts';
import { begunFileName, readBegun } from './begun.ts';
import { type AgentConfig, isEnrolled, readConfig } from './config.ts';
import type { AgentEnv } from './env.ts';
import { noted } from './journal.ts';
import { type AgentKeys, keyFolderOf, openKeys, stateLabel } from './keys.ts';
import { destroyHardware } from './p11.ts';
import { headerOf, packagesOf, type UserName, without } from './packages.ts';
import type { Agent, Session } from './agent.ts';
import { withSession } from './session.ts';
import { type PackageState, readState } from './state.ts';

/**
 * Destroys the offline data of a user here, by whichever of the names; the next report says so.
 *
 * @returns how many packages went
 */
export function removeUser(agent: Agent, ...names: readonly UserName[]): Promise<number> {
  return withSession(agent, (session) => remove(session, packagesOf(session.state(), ...names)));
}

/**
 * Destroys what reserves event counters of a user: the server takes none of them before the next report
 * has given them back.
 *
 * @returns how many packages went
 */
export function releaseReserved(agent: Agent, name: UserName): Promise<number> {
  return withSession(agent, (session) =>
    remove(session, packagesOf(session.state(), name).filter(isReserving)),
  );
}

function isReserving(its: PackageState): boolean {
  return headerOf(its).eventMode === 'reserved';
}

async function remove(session: Session, found: readonly PackageState[]): Promise<number> {
  let next = session.state();
  for (const its of found) {
    const kind = isReserving(its) ? 'released' : 'removed';
    next = noted(next, session.now, { kind, packageId: its.packageId });
  }
  const ids = found.map(({ packageId }) => packageId);
  if (ids.length > 0) await session.save(without(next, ids));
  return ids.length;
}

/** What a reset found. `damaged`: nobody knows whether keys of it are left in a module. */
export type Reset =
  | { readonly was: 'enrolled'; readonly agentId: string }
  | { readonly was: 'enrolling' | 'damaged' };

/**
 * Destroys everything of an agent, readable or damaged, also of one whose enrolment has not ended. The
 * server is to be told by its administrator.
 */
export async function reset(env: AgentEnv, folder: string): Promise<Reset> {
  const done = await destroySecrets(env, folder);
  for (const name of await env.files.list(folder)) {
    if (/\.entries(?:\.draft)?$/.test(name)) await env.files.wipe(join(folder, name));
  }
  await rm(keyFolderOf(folder), { recursive: true, force: true });
  for (const name of ['state', 'config.json', begunFileName]) {
    await env.files.wipe(join(folder, name));
    await env.files.wipe(join(folder, `${name}.draft`));
  }
  await env.files.wipe(join(folder, 'agent.sock'));
  await env.files.syncFolder(folder);
  return done;
}

async function destroySecrets(env: AgentEnv, folder: string): Promise<Reset> {
  if (!(await isEnrolled(env, folder))) {
    await destroyUnended(env, folder);
    return { was: 'enrolling' };
  }
  const config = await readableConfig(env, folder);
  await destroyKeys(env, folder, config);
  return config === null ? { was: 'damaged' } : { was: 'enrolled', agentId: config.agentId };
}

async function readableConfig(env: AgentEnv, folder: string): Promise<AgentConfig | null> {
  try {
    return await readConfig(env, folder);
  } catch (error) {
    if (error instanceof AgentError && error.code === 'damaged') return null;
    throw error;
  }
}

async function destroyKeys(
  env: AgentEnv,
  folder: string,
  config: AgentConfig | null,
): Promise<void> {
  if (config !== null && config.hardware !== null) {
    const labels = await packageLabels(env, folder, config);
    await destroyHardware(config.hardware, [stateLabel, ...labels]);
    return;
  }
  await wipeKeyFiles(env, folder);
}

async function wipeKeyFiles(env: AgentEnv, folder: string): Promise<void> {
  const keyFolder = keyFolderOf(folder);
  if (!(await env.files.exists(keyFolder))) return;
  for (const name of await env.files.list(keyFolder)) await env.files.wipe(join(keyFolder, name));
}

/** @throws AgentError not-enrolled where none was begun either */
async function destroyUnended(env: AgentEnv, folder: string): Promise<void> {
  let hardware: AgentConfig['hardware'] = null;
  try {
    const begun = await readBegun(env, folder);
    if (begun === null) await readConfig(env, folder);
    else ({ hardware } = begun);
  } catch (error) {
    // Which keys in hardware were its own is not known any more.
    if (!(error instanceof AgentError) || error.code !== 'damaged') throw error;
  }
  if (hardware !== null) await destroyHardware(hardware, [stateLabel]);
  await wipeKeyFiles(env, folder);
}

/** A state that cannot be read leaves keys in the module that open nothing any more. */
async function packageLabels(
  env: AgentEnv,
  folder: string,
  config: AgentConfig,
): Promise<readonly string[]> {
  let keys: AgentKeys | null = null;
  try {
    keys = await openKeys(env, folder, config, null);
    const { agentId } = config;
    const state = await readState({ files: env.files, folder, agentId, key: keys.stateKey });
    return [...state.doomed, ...state.packages.map(({ packageId }) => packageId)];
  } catch (error) {
    if (error instanceof AgentError && error.code === 'damaged') return [];
    throw error;
  } finally {
    await keys?.close();
  }
}
