import { join } from 'node:path';
import { z } from 'zod';
import { ByteReader, framed, u32 } from '../offline/bytes.ts';
import { eraseEntries } from '../offline/entries.ts';
import { blocksOf, type PackageHeader } from '../offline/header.ts';
import { sha256 } from '../offline/keys.ts';
import { decrypt, encrypt } from '../offline/seal.ts';
import type { DeviceSecret } from './device-secret.ts';
import { type Files, isDamage } from './files.ts';

/**
 * What is kept of a package's entries, in a file of its own: the kept bits, and for each block its tag
 * key, sealed under the device secret, and its challenge. A file is never changed: its successor has
 * another name, and the state says which one counts.
 */
export interface KeptEntries {
  readonly kept: Buffer;
  readonly blocks: readonly KeptBlock[];
}

export interface KeptBlock {
  readonly block: number;
  /** Sealed, base64. */
  readonly key: string;
  readonly challenge: string | null;
}

const blocksShape: z.ZodType<readonly KeptBlock[]> = z.array(
  z.strictObject({
    block: z.int().min(0),
    key: z.base64(),
    challenge: z.string().nullable(),
  }),
);
const fileBytesMax = 8 * 2 ** 20;
const namePattern = /\.entries(?:\.draft)?$/;

/** By which a file is named in the state. */
export interface EntriesName {
  readonly name: string;
  readonly sha256: string;
  /** Those before it are erased. */
  readonly firstBlock: number;
}

/** Durable when it returns. @param generation another one for each file of a package */
export async function writeEntries(
  files: Files,
  folder: string,
  packageId: string,
  generation: number,
  { kept, blocks }: KeptEntries,
): Promise<EntriesName> {
  const bytes = framed(kept, JSON.stringify(blocks));
  const name = `${packageId}.${generation}.entries`;
  // One that a crash left over: the state does not know of it.
  await files.wipe(join(folder, name));
  await files.writeNew(join(folder, name), bytes);
  await files.syncFolder(folder);
  const firstBlock = blocks[0]?.block ?? Number.MAX_SAFE_INTEGER;
  return { name, sha256: sha256(bytes).toString('hex'), firstBlock };
}

/** Null when it is gone or not the one that the state speaks of. */
export async function readEntries(
  files: Files,
  folder: string,
  { name, sha256: expected }: EntriesName,
): Promise<KeptEntries | null> {
  try {
    const bytes = await files.read(join(folder, name), fileBytesMax);
    if (sha256(bytes).toString('hex') !== expected) return null;
    const reader = new ByteReader(bytes, 'the entries');
    const kept = reader.take(reader.u32());
    const blocks = reader.take(reader.u32());
    reader.end();
    return { kept, blocks: blocksShape.parse(JSON.parse(blocks.toString('utf8'))) };
  } catch (error) {
    if (isDamage(error)) return null;
    throw error;
  }
}

/** Wipes every file of entries that the state does not name. */
export async function wipeStrays(
  files: Files,
  folder: string,
  named: ReadonlySet<string>,
): Promise<void> {
  for (const name of await files.list(folder)) {
    if (namePattern.test(name) && !named.has(name)) await files.wipe(join(folder, name));
  }
}

/** Without the entries up to and with an index, and without the keys of blocks that end there. */
export function erased(
  header: PackageHeader,
  { kept, blocks }: KeptEntries,
  through: bigint,
): KeptEntries {
  const left = Buffer.from(kept);
  eraseEntries(header, left, through);
  const from = blocksOf(header)(through + 1n);
  return { kept: left, blocks: blocks.filter(({ block }) => block >= from) };
}

/** Seals and opens the tag keys of one package. The caller overwrites it. */
export async function tagSealKey(secret: DeviceSecret, packageId: string): Promise<Buffer> {
  return secret.mac(packageId, framed('ovp1/tags', packageId));
}

export function sealTagKey(sealKey: Uint8Array, block: number, key: Uint8Array): string {
  return encrypt(sealKey, tagContext(block), key).toString('base64');
}

/** @throws OfflineError forged */
export function openTagKey(sealKey: Uint8Array, { block, key }: KeptBlock): Buffer {
  return decrypt(sealKey, tagContext(block), Buffer.from(key, 'base64'));
}

function tagContext(block: number): Buffer {
  return framed('ovp1/tagkey', u32(block));
}
