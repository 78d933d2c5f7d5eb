import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  sign,
} from 'node:crypto';
import { join } from 'node:path';
import { spkiOf } from '../offline/keys.ts';
import { setupError } from './agent-error.ts';
import type { AgentEnv } from './env.ts';
import { replaceFile } from './files.ts';

/** The key pair by which the server knows this computer. */
export interface Identity {
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** ECDSA, SHA-256, r and s in 64 bytes. */
  readonly sign: (message: Uint8Array) => Promise<Buffer>;
  /** The x coordinate that an ECDH with this uncompressed point gives. */
  readonly agree: (point: Uint8Array) => Promise<Buffer>;
}

const fileName = 'agent.key';
const keyBytesMax = 4096;

/** A new key pair in a file of mode 0600 (PKCS#8); an older one goes. */
export async function createFileIdentity(env: AgentEnv, folder: string): Promise<Identity> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  await replaceFile(env.files, folder, fileName, Buffer.from(pem));
  return openFileIdentity(env, folder);
}

/** @throws AgentError device when it cannot be read */
export async function openFileIdentity(env: AgentEnv, folder: string): Promise<Identity> {
  const path = join(folder, fileName);
  try {
    const privateKey = createPrivateKey(await env.files.read(path, keyBytesMax));
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    return {
      spki,
      sign: (message) =>
        Promise.resolve(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
      agree: (point) => {
        const key = { key: spkiOf(point), format: 'der', type: 'spki' } as const;
        return Promise.resolve(diffieHellman({ privateKey, publicKey: createPublicKey(key) }));
      },
    };
  } catch (error) {
    throw setupError('device', `the key of this computer, ${path}, cannot be read`, error);
  }
}

export async function destroyFileIdentity(env: AgentEnv, folder: string): Promise<void> {
  await env.files.wipe(join(folder, fileName));
}
