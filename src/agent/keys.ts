import { join } from 'node:path';
import { framed } from '../offline/bytes.ts';
import type { AgentConfig } from './config.ts';
import { type DeviceSecret, fileSecret, memorySecret } from './device-secret.ts';
import type { AgentEnv } from './env.ts';
import { type Identity, openFileIdentity } from './identity.ts';
import { openHardware, type StateCounter } from './p11.ts';

/** The keys of an enrolled agent, wherever its mode keeps them. */
export interface AgentKeys {
  readonly identity: Identity;
  /** Null in mode `ram` outside the process that has the server's share. */
  readonly secret: DeviceSecret | null;
  /** Seals the state: needs neither PIN nor share, so that tries are counted before either is there. */
  readonly stateKey: Buffer;
  readonly counter: StateCounter | null;
  /** For what is destroyed whether or not the share is there. */
  readonly destroySecret: (label: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export const stateLabel = 'state';

/** @param share the server's, in mode `ram` */
export async function openKeys(
  env: AgentEnv,
  folder: string,
  config: Pick<AgentConfig, 'agentId' | 'agentKey' | 'mode' | 'hardware'>,
  share: Uint8Array | null,
): Promise<AgentKeys> {
  const keyOf = (secret: DeviceSecret): Promise<Buffer> =>
    secret.mac(stateLabel, framed('ovp1/state', config.agentId));
  if (config.hardware !== null) {
    const spki = Buffer.from(config.agentKey, 'base64');
    const { identity, secret, counter, close } = await openHardware(config.hardware, spki);
    try {
      const destroySecret = (label: string): Promise<void> => secret.destroy(label);
      const stateKey = await keyOf(secret);
      return { identity, secret, counter, close, destroySecret, stateKey };
    } catch (error) {
      await close();
      throw error;
    }
  }
  const keyFolder = keyFolderOf(folder);
  const onDisk = fileSecret(env, keyFolder);
  return {
    identity: await openFileIdentity(env, keyFolder),
    secret: secretOf(env, keyFolder, config.mode, share),
    stateKey: await keyOf(onDisk),
    counter: null,
    destroySecret: (label) => onDisk.destroy(label),
    close: () => Promise.resolve(),
  };
}

function secretOf(
  env: AgentEnv,
  keyFolder: string,
  mode: AgentConfig['mode'],
  share: Uint8Array | null,
): DeviceSecret | null {
  if (mode !== 'ram') return fileSecret(env, keyFolder);
  return share === null ? null : memorySecret(env, keyFolder, share);
}

/** Where keys that no hardware has are. */
export function keyFolderOf(folder: string): string {
  return join(folder, 'keys');
}
