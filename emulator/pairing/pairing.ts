import {
  constants,
  createHash,
  createPrivateKey,
  generateKeyPair,
  privateDecrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { algorithmHash, algorithmToJson } from '../../src/oath/index.ts';
import { applicationText, type DeviceApplication } from '../device/application.ts';
import { EmulatorError } from '../errors.ts';
import { keyCheckValue } from '../device/mac.ts';
import type { BundleEntry, PairBundle, PairRequest } from './pairing-files.ts';
import { type DevicePorts, nodePorts } from '../device/ports.ts';
import { Secret } from '../device/secret.ts';
import {
  checkSeed,
  createUnpairedToken,
  type TokenSpec,
  type VirtualToken,
} from '../device/token.ts';

/** NIST SP 800-57 part 1: 3072 bits match the 128 bits of a seed. */
const rsaBits = 3072;

/**
 * A token without seeds and with a fresh RSA key pair, and the request that asks a server for its
 * seeds. The private key stays in the token until a bundle is accepted.
 *
 * @throws EmulatorError input-invalid for a serial, profile or clock out of range
 */
export async function requestPairing(
  spec: TokenSpec,
  nowMs: number,
  ports: DevicePorts = nodePorts,
): Promise<{ readonly token: VirtualToken; readonly request: PairRequest }> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: rsaBits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const pairing = {
    status: 'requested',
    privateKey: new Secret(privateKey),
    publicKey,
    requestedAtMs: nowMs,
  } as const;
  const token = createUnpairedToken(spec, pairing, ports);
  return { token, request: pairRequestOf(token) };
}

/**
 * The request of a token that waits for its bundle: the same one every time.
 *
 * @throws EmulatorError pairing-refused for a token that asked for nothing
 */
export function pairRequestOf(token: VirtualToken): PairRequest {
  if (token.pairing.status !== 'requested') throw alreadySeeded(token);
  return {
    format: 'tallystick-pair-request',
    version: 1,
    serial: token.serial,
    model: token.model,
    publicKey: Buffer.from(token.pairing.publicKey).toString('base64'),
    applications: token.applications.map(({ name, mode, algorithm }) => ({
      name,
      mode,
      algorithm: algorithmToJson(algorithm),
    })),
  };
}

/**
 * The token with the seeds of its bundle and without its private key: a second bundle can no longer
 * be opened. All seeds are checked before the token changes at all.
 *
 * @throws EmulatorError pairing-refused saying which part of the bundle does not answer the request
 */
export function acceptBundle(token: VirtualToken, bundle: PairBundle, nowMs: number): VirtualToken {
  const { pairing } = token;
  if (bundle.serial !== token.serial) throw refused('the bundle is for another serial');
  if (pairing.status !== 'requested') throw alreadySeeded(token);
  const publicKeySha256 = createHash('sha256').update(pairing.publicKey).digest('hex');
  if (bundle.publicKeySha256 !== publicKeySha256) {
    throw refused('the bundle was made for another request: its public key digest differs');
  }
  checkApplications(token, bundle);
  const opened = openSeeds(pairing.privateKey, token, bundle.applications);
  pairing.privateKey.wipe();
  return {
    ...token,
    pairing: { status: 'paired', publicKeySha256, pairedAtMs: nowMs },
    applications: opened,
    state: {
      ...token.state,
      screen: { kind: 'off' },
      eventCounters: bundle.applications.map(({ eventCounter }) => eventCounter),
    },
  };
}

/** The server decides nothing about the device: what was asked for comes back, or nothing does. */
function checkApplications(token: VirtualToken, bundle: PairBundle): void {
  const asked = token.applications.map(applicationText);
  const given = bundle.applications.map(applicationText);
  if (asked.length === given.length && asked.every((text, index) => text === given[index])) return;
  throw refused(
    `the bundle's applications are ${given.join(', ')}; the request was for ${asked.join(', ')}`,
  );
}

function openSeeds(
  privateKey: Secret,
  token: VirtualToken,
  entries: readonly BundleEntry[],
): readonly DeviceApplication[] {
  const seeds: Secret[] = [];
  try {
    for (const entry of entries) seeds.push(openSeed(privateKey, entry));
  } catch (error) {
    for (const seed of seeds) seed.wipe();
    throw error;
  }
  return token.applications.map((application, index) => ({
    ...application,
    seed: seeds[index] ?? null,
  }));
}

/** RSA-OAEP with SHA-1 and MGF1-SHA-1, no label: the one form that every module offers. */
function openSeed(privateKey: Secret, entry: BundleEntry): Secret {
  const key = createPrivateKey({
    key: Buffer.from(privateKey.exposeSecret()),
    format: 'der',
    type: 'pkcs8',
  });
  let bytes: Buffer;
  try {
    bytes = privateDecrypt(
      { key, oaepHash: 'sha1', padding: constants.RSA_PKCS1_OAEP_PADDING },
      entry.envelope,
    );
  } catch {
    throw refused(
      `the envelope of application ${entry.name} cannot be opened with this token's key`,
    );
  }
  if (bytes.length !== entry.seedBytes) {
    bytes.fill(0);
    throw refused(`the seed of application ${entry.name} is not as long as the bundle says`);
  }
  const seed = checkSeed(bytes);
  if (keyCheckValue(algorithmHash(entry.algorithm), seed) === entry.keyCheckValue) return seed;
  seed.wipe();
  throw refused(`the seed of application ${entry.name} does not match its key check value`);
}

function alreadySeeded(token: VirtualToken): EmulatorError {
  const why = token.pairing.status === 'paired' ? 'is paired already' : 'has seeds of its own';
  return refused(`token ${token.serial} ${why}; a bundle is accepted once`);
}

function refused(message: string): EmulatorError {
  return new EmulatorError('pairing-refused', message);
}
