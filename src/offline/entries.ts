import { timingSafeEqual } from 'node:crypto';
import { framed } from './bytes.ts';
import { blocksOf, type PackageHeader } from './header.ts';
import { hmacSha256 } from './keys.ts';
import { entryTag, tagBytes } from './package.ts';

/**
 * What an agent keeps of a package: a few bits of each tag, under a key that only the device secret and
 * the PIN give. With so few of them most of the responses that there are fit to some PIN, so that a
 * copied disk tells neither.
 */

/** Bytes that hold so many bits. */
function bytesOf(tagBits: number): number {
  return Math.ceil(tagBits / 8);
}

/** The message under the device secret that gives the key of a package's entries. */
export function entryKeyMessage(packageId: string, stretchedPin: Uint8Array): Buffer {
  return framed('ovp1/loc', packageId, stretchedPin);
}

function keptPart(entryKey: Uint8Array, tag: Uint8Array, tagBits: number): Buffer {
  const mac = hmacSha256(entryKey, tag);
  const kept = Buffer.from(mac.subarray(0, bytesOf(tagBits)));
  mac.fill(0);
  const spare = bytesOf(tagBits) * 8 - tagBits;
  const last = kept.length - 1;
  kept.writeUInt8((kept.readUInt8(last) >> spare) << spare, last);
  return kept;
}

/**
 * @param tags `tagBytes` for each entry, as the package holds them; the caller overwrites them
 * @returns what goes on the disk
 */
export function keepEntries(
  { count, tagBits }: Pick<PackageHeader, 'count' | 'tagBits'>,
  entryKey: Uint8Array,
  tags: Uint8Array,
): Buffer {
  const each = bytesOf(tagBits);
  const kept = Buffer.alloc(count * each);
  for (let entry = 0; entry < count; entry += 1) {
    const tag = tags.subarray(entry * tagBytes, (entry + 1) * tagBytes);
    keptPart(entryKey, tag, tagBits).copy(kept, entry * each);
  }
  return kept;
}

/**
 * Compares a response with the entries of a window. Every index is looked at, whatever was found.
 *
 * @param tagKeyOf the tag key of a block, or null when it is gone
 * @returns the first index that fits, or null
 */
export function findEntry(
  header: PackageHeader,
  kept: Uint8Array,
  entryKey: Uint8Array,
  tagKeyOf: (block: number) => Uint8Array | null,
  shown: { readonly response: string; readonly from: bigint; readonly to: bigint },
): bigint | null {
  const each = bytesOf(header.tagBits);
  const blockOf = blocksOf(header);
  const last = header.first + BigInt(header.count) - 1n;
  const from = shown.from > header.first ? shown.from : header.first;
  const to = shown.to < last ? shown.to : last;
  let found: bigint | null = null;
  for (let index = from; index <= to; index += 1n) {
    const key = tagKeyOf(blockOf(index));
    const at = Number(index - header.first) * each;
    const stored = kept.subarray(at, at + each);
    if (key === null || stored.length !== each || isErased(stored)) continue;
    const tag = entryTag(key, header.packageId, index, shown.response);
    const isRight = timingSafeEqual(keptPart(entryKey, tag, header.tagBits), stored);
    if (isRight) found ??= index;
  }
  return found;
}

/** Overwrites the entries up to and with an index. */
export function eraseEntries(
  header: Pick<PackageHeader, 'first' | 'count' | 'tagBits'>,
  kept: Uint8Array,
  through: bigint,
): void {
  const entries = through - header.first + 1n;
  if (entries <= 0n) return;
  kept.fill(0, 0, Math.min(header.count, Number(entries)) * bytesOf(header.tagBits));
}

/** An erased entry is all zeros, as one in 2^tagBits of the others is, which then serves nobody. */
function isErased(stored: Uint8Array): boolean {
  return stored.every((byte) => byte === 0);
}
