import {
  createECDH,
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { type PackageHeader } from '../../src/offline/header.ts';
import { fingerprintOf } from '../../src/offline/keys.ts';
import { OfflineError, type OfflineErrorCode } from '../../src/offline/offline-error.ts';
import {
  buildPackage,
  type PackageParties,
  type PackageSecrets,
} from '../../src/offline/package.ts';
import { type Agree } from '../../src/offline/seal.ts';

/** A P-256 key pair, as a module or an agent holds it. */
export interface Pair {
  readonly spki: Buffer;
  readonly privateKey: KeyObject;
  readonly agree: Agree;
}

export function pairOf(privateKey: KeyObject, spki: Buffer): Pair {
  const { d } = privateKey.export({ format: 'jwk' });
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.from(d!, 'base64url'));
  return { spki, privateKey, agree: (point) => ecdh.computeSecret(point) };
}

export function newPair(): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return pairOf(privateKey, publicKey.export({ format: 'der', type: 'spki' }));
}

/** @param sec1 ECPrivateKey in DER */
export function privateKeyOf(sec1: Buffer): KeyObject {
  return createPrivateKey({ key: sec1, format: 'der', type: 'sec1' });
}

/** ECDSA with SHA-256, r and s in 64 bytes. */
export function signedBy({ privateKey }: Pick<Pair, 'privateKey'>, message: Uint8Array): Buffer {
  return sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
}

export const server: Pair = newPair();
export const agent: Pair = newPair();

/** A UUID that is always the same for a number. */
export function uuidOf(number: number): string {
  const hex = createHash('sha256').update(String(number)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const agentId: string = uuidOf(1);

/** A header of four counters that reads well, with other members where a test wants them. */
export function headerOf(changes: Partial<PackageHeader> = {}): PackageHeader {
  return {
    v: 1,
    kid: fingerprintOf(server.spki),
    packageId: uuidOf(2),
    agentId,
    agentKeyId: fingerprintOf(agent.spki),
    userId: uuidOf(3),
    userName: 'Zoë',
    domainName: 'example.test',
    serial: 'VDP0000017',
    applicationName: 'main',
    algorithm: 'HOTP-SHA1-8',
    kind: 'event',
    first: 148n,
    count: 4,
    driftSeconds: 0,
    windowBackSteps: 1,
    windowForwardSteps: 1,
    lookAhead: 2,
    eventMode: 'shared',
    sequence: 1,
    issuedAtMs: 1_780_000_000_000,
    notBeforeMs: 1_780_000_000_000,
    notAfterMs: 1_780_259_200_000,
    eventsMax: 2,
    failuresMax: 5,
    warnDays: 1,
    warnEvents: 1,
    clockBackMaxSeconds: 300,
    keyMode: 'sw',
    tagBits: 18,
    pinMode: 'server',
    kdf: { algorithm: 'scrypt', n: 2 ** 16, r: 8, p: 1, salt: Buffer.alloc(16, 7) },
    policyHash: 'ab'.repeat(32),
    emergency: [],
    ...changes,
  };
}

/** What makes a header one of time steps, of event counters or of challenges. */
export const kinds: Record<PackageHeader['kind'], Partial<PackageHeader>> = {
  time: { kind: 'time', algorithm: 'TOTP-SHA1-8-30S', eventMode: null, first: 59_333_333n },
  event: { kind: 'event', algorithm: 'HOTP-SHA1-8', eventMode: 'shared', first: 148n },
  challenge: {
    kind: 'challenge',
    algorithm: 'OCRA-1:HOTP-SHA1-8:QN08',
    eventMode: null,
    first: 0n,
  },
};

export const keyOfPackage: Buffer = Buffer.alloc(32, 0x5a);

/** What the device of these tests shows. */
export function responseAt(index: bigint): string {
  return String((index * 7_654_321n + 12_345_678n) % 100_000_000n).padStart(8, '0');
}

/** A package, signed by the server of these tests unless another is named. */
export function packageOf(
  header: PackageHeader,
  secrets: PackageSecrets = { challenges: [], emergencyCodes: [] },
  by: Pair = server,
): Buffer {
  const builder = buildPackage(header, secrets, Buffer.from(keyOfPackage), agent.spki);
  for (let entry = 0; entry < header.count; entry += 1) {
    builder.add(responseAt(header.first + BigInt(entry)));
  }
  return builder.finish(signedBy(by, builder.toSign()));
}

/** The parties for which `packageOf` makes them. */
export const parties: PackageParties = {
  serverKey: server.spki,
  agentId,
  agentKey: agent.spki,
  agree: agent.agree,
};

/** Runs `act` and returns the OfflineError; anything else is rethrown. */
export function errorOf(act: () => unknown): OfflineError {
  try {
    act();
  } catch (error) {
    if (error instanceof OfflineError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The code of the OfflineError, or null when nothing is thrown; anything else is rethrown. */
export async function codeOf(act: () => unknown): Promise<OfflineErrorCode | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (error instanceof OfflineError) return error.code;
    throw error;
  }
}
