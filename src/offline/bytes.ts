import { malformed } from './offline-error.ts';

/** Reads a byte string from its beginning; whatever is missing or left over is refused. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #part: string;
  #at = 0;

  /** @param part what is read, for the error text */
  constructor(bytes: Uint8Array, part: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#part = part;
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed(this.#part, 'whole: bytes are missing');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  /** All that is left. */
  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed(this.#part, 'without trailing bytes');
  }
}

/** Big-endian, 4 bytes. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Big-endian, 8 bytes. */
export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/**
 * Length and bytes of each part, so that no two lists of parts make the same bytes.
 *
 * @param parts text as UTF-8
 */
export function framed(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
      return [u32(bytes.length), bytes];
    }),
  );
}
