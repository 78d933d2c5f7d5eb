import {
  constants,
  createHash,
  createPrivateKey,
  generateKeyPair,
  privateDecrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { algorithmHash, algorithmToJson } from '../../src/oath/index.ts';
import { type ApplicationProgram, applicationText } from '../device/application.ts';
import { EmulatorError } from '../errors.ts';
import { keyCheckValue } from '../device/mac.ts';
import type { BundleEntry, PairBundle, PairRequest } from './pairing-files.ts';
import { type DevicePorts, nodePorts } from '../device/ports.ts';
import { Secret } from '../device/secret.ts';
import {
  checkSeed,
  createUnpairedToken,
  type Pairing,
  type TokenSpec,
  type VirtualToken,
} from '../device/token.ts';

/** What a device asks by; a token is such, and a key. */
export interface Requester {
  readonly serial: string;
  readonly model: string;
  readonly pairing: Pairing;
  readonly applications: readonly Pick<ApplicationProgram, 'name' | 'mode' | 'algorithm'>[];
}

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
  const token = createUnpairedToken(spec, await beginPairing(nowMs), ports);
  return { token, request: pairRequestOf(token) };
}

/** A fresh key pair for a device, which waits for its bundle from then on. */
export async function beginPairing(
  nowMs: number,
): Promise<Extract<Pairing, { status: 'requested' }>> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: rsaBits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return {
    status: 'requested',
    privateKey: new Secret(privateKey),
    publicKey,
    requestedAtMs: nowMs,
  };
}

/**
 * The request of a token that waits for its bundle: the same one every time.
 *
 * @throws EmulatorError pairing-refused for a token that asked for nothing
 */
export function pairRequestOf(device: Requester): PairRequest {
  if (device.pairing.status !== 'requested') throw alreadySeeded(device);
  return {
    format: 'tallystick-pair-request',
    version: 1,
    serial: device.serial,
    model: device.model,
    publicKey: Buffer.from(device.pairing.publicKey).toString('base64'),
    applications: device.applications.map(({ name, mode, algorithm }) => ({
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
  const { pairing, seeds } = openBundle(token, bundle, nowMs);
  return {
    ...token,
    pairing,
    applications: token.applications.map((application, index) => ({
      ...application,
      seed: seeds[index] ?? null,
    })),
    state: {
      ...token.state,
      screen: { kind: 'off' },
      eventCounters: bundle.applications.map(({ eventCounter }) => eventCounter),
    },
  };
}

/**
 * The seeds of a bundle, one for each application of the device, which is paired from then on: its private key is
 * overwritten. Errors as for `acceptBundle`.
 */
export function openBundle(
  device: Requester,
  bundle: PairBundle,
  nowMs: number,
): { readonly pairing: Pairing; readonly seeds: readonly Secret[] } {
  const { pairing } = device;
  if (bundle.serial !== device.serial) throw refused('the bundle is for another serial');
  if (pairing.status !== 'requested') throw alreadySeeded(device);
  const publicKeySha256 = createHash('sha256').update(pairing.publicKey).digest('hex');
  if (bundle.publicKeySha256 !== publicKeySha256) {
    throw refused('the bundle was made for another request: its public key digest differs');
  }
  checkApplications(device, bundle);
  const seeds = openSeeds(pairing.privateKey, bundle.applications);
  pairing.privateKey.wipe();
  return { pairing: { status: 'paired', publicKeySha256, pairedAtMs: nowMs }, seeds };
}

/** The server decides nothing about the device: what was asked for comes back, or nothing does. */
function checkApplications(device: Requester, bundle: PairBundle): void {
  const asked = device.applications.map(applicationText);
  const given = bundle.applications.map(applicationText);
  if (asked.length === given.length && asked.every((text, index) => text === given[index])) return;
  throw refused(
    `the bundle's applications are ${given.join(', ')}; the request was for ${asked.join(', ')}`,
  );
}

function openSeeds(privateKey: Secret, entries: readonly BundleEntry[]): readonly Secret[] {
  const seeds: Secret[] = [];
  try {
    for (const entry of entries) seeds.push(openSeed(privateKey, entry));
  } catch (error) {
    for (const seed of seeds) seed.wipe();
    throw error;
  }
  return seeds;
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

function alreadySeeded({ serial, pairing }: Requester): EmulatorError {
  const why = pairing.status === 'paired' ? 'is paired already' : 'has seeds of its own';
  return refused(`token ${serial} ${why}; a bundle is accepted once`);
}

function refused(message: string): EmulatorError {
  return new EmulatorError('pairing-refused', message);
}
