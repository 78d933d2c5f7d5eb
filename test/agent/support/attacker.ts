import { createHmac, scryptSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTagKey, readEntries, tagSealKey } from '../../../src/agent/entries-file.ts';
import { nodeEnv } from '../../../src/agent/env.ts';
import { fileSecret } from '../../../src/agent/device-secret.ts';
import { headerOf } from '../../../src/agent/packages.ts';
import { readState } from '../../../src/agent/state.ts';
import { framed } from '../../../src/offline/bytes.ts';
import { entryKeyMessage } from '../../../src/offline/entries.ts';
import { blocksOf, type PackageHeader } from '../../../src/offline/header.ts';
import { HmacOfOneBlock } from './hmac-of-one-block.ts';

/** All that a copied folder of an agent in mode `sw` tells of one entry. */
export interface StolenEntry {
  readonly header: PackageHeader;
  readonly index: bigint;
  readonly stored: Buffer;
  readonly tagKey: Buffer;
  /** As it is in the file. */
  readonly sealedTagKey: Buffer;
  readonly deviceSecret: Buffer;
  /** The entry and those about it: so many bytes are nowhere else by chance. */
  readonly neighbours: Buffer;
  /** The key of the entry under a PIN: a slow hash, once for each PIN. */
  readonly entryKeyOf: (pin: string) => Buffer;
}

/** Reads a copied folder as the agent would, without ever counting a try. */
export async function stolenEntry(folder: string, agentId: string): Promise<StolenEntry> {
  const keys = join(folder, 'keys');
  const secret = fileSecret(nodeEnv, keys);
  const key = await secret.mac('state', framed('ovp1/state', agentId));
  const state = await readState({ files: nodeEnv.files, folder, agentId, key });
  const its = state.packages[0]!;
  const header = headerOf(its);
  const { kept, blocks } = (await readEntries(nodeEnv.files, folder, its.entries!))!;
  // Of the first day, and not of its beginning.
  const index = header.first + 1000n;
  const bytes = Math.ceil(header.tagBits / 8);
  const at = Number(index - header.first) * bytes;
  const sealKey = await tagSealKey(secret, its.packageId);
  const block = blocks.find((each) => each.block === blocksOf(header)(index))!;
  const deviceSecret = readFileSync(join(keys, `${its.packageId}.key`));
  return {
    header,
    index,
    stored: kept.subarray(at, at + bytes),
    tagKey: openTagKey(sealKey, block),
    sealedTagKey: Buffer.from(block.key),
    deviceSecret,
    neighbours: kept.subarray(at - 15, at + 15),
    entryKeyOf: (pin) => {
      const { salt, n: N, r, p } = header.kdf;
      const slow = scryptSync(pin, salt, 32, { N, r, p, maxmem: 2 ** 28 });
      const message = entryKeyMessage(its.packageId, slow);
      return createHmac('sha256', deviceSecret).update(message).digest();
    },
  };
}

/**
 * Tries responses `from` up to but not with `to`, under several PINs at once.
 *
 * @returns how many fit under each, and those that do
 */
export function search(
  { header, index, stored, tagKey }: StolenEntry,
  entryKeys: readonly Buffer[],
  from: number,
  to: number,
): readonly (readonly string[])[] {
  const position = Buffer.alloc(8);
  position.writeBigUInt64BE(index);
  const message = framed('ovp1/entry', header.packageId, position, '00000000');
  const tagOf = new HmacOfOneBlock(tagKey, message);
  const keptOf = entryKeys.map((key) => new HmacOfOneBlock(key, Buffer.alloc(16)));
  const found = entryKeys.map((): string[] => []);
  const digits = message.length - 8;
  const wanted = stored.readUIntBE(0, 3) >>> (24 - header.tagBits);
  for (let response = from; response < to; response += 1) {
    writeDigits(message, digits, response);
    const tag = tagOf.of(message);
    for (const [at, kept] of keptOf.entries()) {
      const bits = kept.of(tag.subarray(0, 16)).readUInt32BE(0) >>> (32 - header.tagBits);
      if (bits === wanted) found[at]!.push(String(response).padStart(8, '0'));
    }
  }
  return found;
}

function writeDigits(message: Buffer, at: number, response: number): void {
  let left = response;
  for (let digit = 7; digit >= 0; digit -= 1) {
    message[at + digit] = 48 + (left % 10);
    left = Math.floor(left / 10);
  }
}
