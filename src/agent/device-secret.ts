import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { AgentError } from './agent-error.ts';
import type { AgentEnv } from './env.ts';

/** How safe the secret of a package is: in hardware, in the memory of a running agent, or on disk. */
export type KeyMode = 'hw' | 'ram' | 'sw';

/**
 * The secrets without which the entries on the disk say nothing: one for each package, by its label,
 * so that one can be destroyed without the others.
 */
export interface DeviceSecret {
  readonly mode: KeyMode;
  /** Whether hardware counts wrong PINs. */
  readonly countsFailures: boolean;
  create(label: string): Promise<void>;
  /** HMAC-SHA-256 under it, 32 bytes. @throws AgentError damaged when it is gone, device when it cannot be reached */
  mac(label: string, message: Uint8Array): Promise<Buffer>;
  /** No error if it is gone already. */
  destroy(label: string): Promise<void>;
}

const secretBytes = 32;

/** In files of mode 0600: who copies the disk has them. */
export function fileSecret(env: AgentEnv, folder: string): DeviceSecret {
  const path = (label: string): string => join(folder, `${label}.key`);
  return {
    mode: 'sw',
    countsFailures: false,
    create: async (label) => {
      const secret = env.randomBytes(secretBytes);
      await env.files.wipe(path(label));
      await env.files.writeNew(path(label), secret);
      await env.files.syncFolder(folder);
      secret.fill(0);
    },
    mac: async (label, message) => {
      const secret = await readSecret(env, path(label));
      const mac = createHmac('sha256', secret).update(message).digest();
      secret.fill(0);
      return mac;
    },
    destroy: (label) => env.files.wipe(path(label)),
  };
}

/**
 * From the server's share, which is only in this process, and a part on disk, which can be destroyed:
 * neither is enough.
 */
export function memorySecret(env: AgentEnv, folder: string, share: Uint8Array): DeviceSecret {
  const onDisk = fileSecret(env, folder);
  return {
    ...onDisk,
    mode: 'ram',
    mac: async (label, message) => {
      const part = await onDisk.mac(label, share);
      const mac = createHmac('sha256', part).update(message).digest();
      part.fill(0);
      return mac;
    },
  };
}

async function readSecret(env: AgentEnv, path: string): Promise<Buffer> {
  let secret: Buffer;
  try {
    secret = await env.files.read(path, secretBytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EFBIG') throw error;
    throw new AgentError('damaged', `${path} is ${code === 'ENOENT' ? 'gone' : 'damaged'}`);
  }
  if (secret.length !== secretBytes) throw new AgentError('damaged', `${path} is damaged`);
  return secret;
}
