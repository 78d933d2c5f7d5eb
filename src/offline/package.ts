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
import {
  bodyKey,
  fingerprintOf,
  hmacSha256,
  isSigned,
  keyBytes,
  readPublicKey,
  sha256,
  tagKey,
} from './keys.ts';
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
/** Of a challenge and of an emergency code. */
const charactersMax = 64;
const printable = new RegExp(`^[ -~]{1,${charactersMax}}$`);
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
  /** Overwrites what is secret, when it comes to nothing. */
  discard(): void;
}

/**
 * @param packageKey 32 bytes that the server can derive again; overwritten once the tags are made
 * @param spki the agent's public key
 * @throws OfflineError malformed for a header or a public key that is none
 */
export function buildPackage(
  header: PackageHeader,
  secrets: PackageSecrets,
  packageKey: Uint8Array,
  spki: Uint8Array,
): PackageBuilder {
  const headerBytes = writeHeader(header);
  readPublicKey(spki);
  if (header.agentKeyId !== fingerprintOf(spki)) {
    throw new RangeError('agentKeyId must be the fingerprint of the agent’s key');
  }
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
  const discard = (): void => {
    for (const secret of [key, plain, packageKey]) secret.fill(0);
  };
  return {
    discard,
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
      if (added !== header.count) {
        throw new RangeError(`${header.count - added} entries are missing`);
      }
      if (parts === null) {
        const encryption = bodyKey(packageKey);
        const sealedKey = sealTo(spki, context, packageKey);
        parts = [headerBytes, sealedKey, encrypt(encryption, context, plain)];
        encryption.fill(0);
        discard();
      }
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

/** How many challenges and emergency codes go with a header. */
function wanted(header: PackageHeader): { challenges: number; emergencyCodes: number } {
  const { first, last } = blockRange(header);
  return {
    challenges: hasChallenges(header) ? last - first + 1 : 0,
    emergencyCodes: header.emergency.length,
  };
}

function writePreamble(header: PackageHeader, secrets: PackageSecrets): Buffer {
  const counts = wanted(header);
  return framed(
    writeTexts(secrets.challenges, counts.challenges, 'challenges'),
    writeTexts(secrets.emergencyCodes, counts.emergencyCodes, 'emergency codes'),
  );
}

function writeTexts(texts: readonly string[], count: number, part: string): Buffer {
  if (texts.length !== count || !texts.every((text) => printable.test(text))) {
    throw new RangeError(`${count} ${part} of 1 to ${charactersMax} ASCII characters are wanted`);
  }
  return framed(...texts);
}

function readTexts(bytes: Buffer, count: number, part: string): readonly string[] {
  const reader = new ByteReader(bytes, part);
  const texts = Array.from({ length: count }, () => {
    // Every byte a character of its own, so that none passes for another.
    const text = reader.take(reader.u32()).toString('latin1');
    if (!printable.test(text)) {
      throw malformed(part, `texts of 1 to ${charactersMax} ASCII characters`);
    }
    return text;
  });
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
    if (length > partBytesMax) {
      throw malformed('the package', `of parts of at most ${partBytesMax} bytes`);
    }
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
  try {
    return { header, packageKey, ...readBody(header, openBody(packageKey, context, body)) };
  } catch (error) {
    packageKey.fill(0);
    throw error;
  }
}

function openBody(packageKey: Buffer, context: Buffer, body: Buffer): Buffer {
  if (packageKey.length !== keyBytes) throw malformed('the package key', `${keyBytes} bytes`);
  const encryption = bodyKey(packageKey);
  try {
    return decrypt(encryption, context, body);
  } finally {
    encryption.fill(0);
  }
}

function readBody(header: PackageHeader, plain: Buffer): PackageSecrets & { tags: Buffer } {
  const counts = wanted(header);
  const reader = new ByteReader(plain, 'the body');
  const challenges = readTexts(reader.take(reader.u32()), counts.challenges, 'challenges');
  const emergencyCodes = readTexts(reader.take(reader.u32()), counts.emergencyCodes, 'codes');
  const tags = reader.rest();
  if (tags.length !== header.count * tagBytes) {
    throw malformed('the body', `${header.count} tags of ${tagBytes} bytes`);
  }
  return { challenges, emergencyCodes, tags };
}

/** A salt for the slow hash of a PIN. */
export function newSalt(): Buffer {
  return randomBytes(16);
}
