import { randomBytes } from 'node:crypto';
import { ByteReader, framed, u64 } from './bytes.ts';
import {
  blockRange,
  blocksOf,
  hasChallenges,
  type PackageHeader,
  readHeader,
  writeHeader,
} from './header.ts';
import { bodyKey, fingerprintOf, hmacSha256, isSigned, keyBytes, sha256, tagKey } from './keys.ts';
import { malformed, OfflineError } from './offline-error.ts';
import { type Agree, decrypt, encrypt, openSealed, sealTo } from './seal.ts';

/**
 * A package: `OVP1`, header, sealed package key, body and signature. The header is JSON in the clear; the
 * body (challenges, emergency codes, one tag for each entry) is encrypted under a key that only the
 * agent gets. The signature covers all of it, by the digests of its parts.
 */
const magic = Buffer.from('OVP1');
export const tagBytes = 16;
const signatureBytes = 64;
const challengeCharactersMax = 64;
const codeCharactersMax = 64;
/** Of the parts, in bytes: header, sealed key, body. */
const partBytesMax = 8 * 2 ** 20;

/** What the body has beside the tags. */
export interface PackageSecrets {
  /** One for each block, in order; empty unless the algorithm answers challenges. */
  readonly challenges: readonly string[];
  /** In the order of `PackageHeader.emergency`. */
  readonly emergencyCodes: readonly string[];
}

/**
 * The tag by which one response of one entry is known. The agent keeps but a part of it.
 *
 * @param response what the device shows for this index
 */
export function entryTag(
  key: Uint8Array,
  packageId: string,
  index: bigint,
  response: string,
): Buffer {
  const message = framed('ovp1/entry', packageId, u64(index), response);
  return hmacSha256(key, message).subarray(0, tagBytes);
}

/** Fills a package entry by entry, so that a server may do so in slices. */
export interface PackageBuilder {
  /** In order, `count` times. */
  add(response: string): void;
  /** What the server signs (ECDSA P-256, SHA-256), once every entry is there. */
  toSign(): Buffer;
  /** The package with its signature, r and s in 64 bytes. */
  finish(signature: Uint8Array): Buffer;
}

/**
 * @param packageKey 32 bytes that the server can derive again; overwritten once the tags are made
 * @param spki the agent's public key
 */
export function buildPackage(
  header: PackageHeader,
  secrets: PackageSecrets,
  packageKey: Uint8Array,
  spki: Uint8Array,
): PackageBuilder {
  const headerBytes = writeHeader(header);
  const context = sha256(headerBytes);
  const preamble = writePreamble(header, secrets);
  const plain = Buffer.alloc(preamble.length + header.count * tagBytes);
  preamble.copy(plain);
  preamble.fill(0);
  const blockOf = blocksOf(header);
  let added = 0;
  let block = -1;
  let key: Buffer = Buffer.alloc(keyBytes);
  let parts: readonly [Buffer, Buffer, Buffer] | null = null;
  return {
    add(response) {
      if (added >= header.count) throw new RangeError('every entry was added');
      const index = header.first + BigInt(added);
      const its = blockOf(index);
      if (its !== block) {
        key.fill(0);
        key = tagKey(packageKey, its);
        block = its;
      }
      const tag = entryTag(key, header.packageId, index, response);
      tag.copy(plain, preamble.length + added * tagBytes);
      added += 1;
    },
    toSign() {
      if (added !== header.count)
        throw new RangeError(`${header.count - added} entries are missing`);
      const encryption = bodyKey(packageKey);
      const sealedKey = sealTo(spki, context, packageKey);
      parts ??= [headerBytes, sealedKey, encrypt(encryption, context, plain)];
      for (const secret of [key, plain, encryption, packageKey]) secret.fill(0);
      return signedMessage(parts);
    },
    finish(signature) {
      if (parts === null) throw new RangeError('toSign comes first');
      if (signature.length !== signatureBytes) throw new RangeError('a signature has 64 bytes');
      return Buffer.concat([magic, framed(...parts), signature]);
    },
  };
}

function signedMessage(parts: readonly Uint8Array[]): Buffer {
  return framed('ovp1/package', ...parts.map((part) => sha256(part)));
}

function writePreamble(header: PackageHeader, secrets: PackageSecrets): Buffer {
  const { first, last } = blockRange(header);
  const challengesWanted = hasChallenges(header) ? last - first + 1 : 0;
  if (secrets.challenges.length !== challengesWanted) {
    throw new RangeError(`${challengesWanted} challenges are wanted`);
  }
  if (secrets.emergencyCodes.length !== header.emergency.length) {
    throw new RangeError(`${header.emergency.length} emergency codes are wanted`);
  }
  const listed = [secrets.challenges, secrets.emergencyCodes].map((texts) => framed(...texts));
  return framed(...listed);
}

function readTexts(bytes: Buffer, charactersMax: number, part: string): readonly string[] {
  const reader = new ByteReader(bytes, part);
  const texts: string[] = [];
  for (let left = bytes.length; left > 0;) {
    const length = reader.u32();
    if (length === 0 || length > charactersMax) {
      throw malformed(part, `texts of 1 to ${charactersMax} characters`);
    }
    texts.push(reader.take(length).toString('ascii'));
    left -= 4 + length;
  }
  reader.end();
  return texts;
}

/** A package that was made for this agent, opened. The caller overwrites `packageKey` and `tags`. */
export interface OpenedPackage extends PackageSecrets {
  readonly header: PackageHeader;
  readonly packageKey: Buffer;
  /** `tagBytes` for each entry. */
  readonly tags: Buffer;
}

/** By whom and for whom a package must have been made. */
export interface PackageParties {
  /** The server's public key, as it was pinned at enrolment. */
  readonly serverKey: Uint8Array;
  readonly agentId: string;
  readonly agentKey: Uint8Array;
  readonly agree: Agree;
}

/**
 * The header of a package whose signature is right and that was made for this agent.
 *
 * @throws OfflineError malformed, forged or foreign
 */
export function verifyPackage(
  bytes: Uint8Array,
  { serverKey, agentId, agentKey }: Omit<PackageParties, 'agree'>,
): { readonly header: PackageHeader; readonly parts: readonly [Buffer, Buffer, Buffer] } {
  const reader = new ByteReader(bytes, 'the package');
  if (!reader.take(magic.length).equals(magic)) throw malformed('the package', 'of format OVP1');
  const part = (): Buffer => {
    const length = reader.u32();
    if (length > partBytesMax) throw malformed('the package', `parts of at most ${partBytesMax}`);
    return reader.take(length);
  };
  const parts: readonly [Buffer, Buffer, Buffer] = [part(), part(), part()];
  const signature = reader.take(signatureBytes);
  reader.end();
  if (!isSigned(serverKey, signedMessage(parts), signature)) {
    throw new OfflineError('forged', 'The signature of the package is not the server’s.');
  }
  const header = readHeader(parts[0]);
  const isOurs =
    header.kid === fingerprintOf(serverKey) &&
    header.agentId === agentId &&
    header.agentKeyId === fingerprintOf(agentKey);
  if (!isOurs) throw new OfflineError('foreign', 'The package was made for another agent.');
  return { header, parts };
}

/** @throws OfflineError malformed, forged or foreign */
export async function openPackage(
  bytes: Uint8Array,
  parties: PackageParties,
): Promise<OpenedPackage> {
  const { header, parts } = verifyPackage(bytes, parties);
  const [headerBytes, sealedKey, body] = parts;
  const context = sha256(headerBytes);
  const packageKey = await openSealed(parties.agentKey, parties.agree, context, sealedKey);
  const encryption = bodyKey(packageKey);
  const plain = decrypt(encryption, context, body);
  encryption.fill(0);
  const reader = new ByteReader(plain, 'the body');
  const challenges = readTexts(reader.take(reader.u32()), challengeCharactersMax, 'a challenge');
  const emergencyCodes = readTexts(reader.take(reader.u32()), codeCharactersMax, 'a code');
  const tags = reader.rest();
  if (tags.length !== header.count * tagBytes) {
    throw malformed('the body', `${header.count} tags of ${tagBytes} bytes`);
  }
  return { header, packageKey, challenges, emergencyCodes, tags };
}

/** A salt for the slow hash of a PIN. */
export function newSalt(): Buffer {
  return randomBytes(16);
}
