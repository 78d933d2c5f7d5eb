import { rm } from 'node:fs/promises';
import { AgentError } from './agent-error.ts';
import { type AgentConfig, readConfig } from './config.ts';
import type { AgentEnv } from './env.ts';
import { noted } from './journal.ts';
import { destroyFileIdentity } from './identity.ts';
import { keyFolderOf, openKeys, stateLabel } from './keys.ts';
import { destroyHardwareIdentity } from './p11.ts';
import { headerOf, packagesOf, type UserName, without } from './packages.ts';
import { type Agent, withSession } from './session.ts';

/**
 * Destroys the offline data of a user here; the next report says so.
 *
 * @returns how many packages went
 */
export async function removeUser(agent: Agent, name: UserName): Promise<number> {
  return withSession(agent, async (session) => {
    const found = packagesOf(session.state(), name);
    let next = session.state();
    for (const its of found) {
      const { packageId } = its;
      const kind = headerOf(its).eventMode === 'reserved' ? 'released' : 'removed';
      next = noted(next, session.now, { kind, packageId });
    }
    const ids = found.map(({ packageId }) => packageId);
    if (ids.length > 0) await session.save(without(next, ids));
    return ids.length;
  });
}

/** Destroys everything of an agent, readable or damaged. The server is to be told by its administrator. */
export async function reset(env: AgentEnv, folder: string): Promise<void> {
  const config = await readConfig(env, folder);
  await destroyKeys(env, folder, config);
  for (const name of await env.files.list(folder)) {
    if (/\.entries(?:\.draft)?$/.test(name)) await env.files.wipe(`${folder}/${name}`);
  }
  await rm(keyFolderOf(folder), { recursive: true, force: true });
  for (const name of ['state', 'state.draft', 'config.json', 'config.json.draft', 'agent.sock']) {
    await env.files.wipe(`${folder}/${name}`);
  }
  await env.files.syncFolder(folder);
}

async function destroyKeys(env: AgentEnv, folder: string, config: AgentConfig): Promise<void> {
  const keyFolder = keyFolderOf(folder);
  if (config.hardware !== null) {
    const keys = await openKeys(env, folder, config, null).catch(ifDamaged);
    await keys?.destroySecret(stateLabel);
    await keys?.close();
    await destroyHardwareIdentity(config.hardware);
    return;
  }
  for (const name of await env.files.list(keyFolder)) await env.files.wipe(`${keyFolder}/${name}`);
  await destroyFileIdentity(env, keyFolder);
}

function ifDamaged(error: unknown): null {
  if (error instanceof AgentError && error.code === 'damaged') return null;
  throw error;
}
