/**
 * HMAC-SHA-256 (RFC 2104, FIPS 180-4) for whoever computes a great many under one key, over messages that
 * differ in their last bytes only: two compressions each, several times as fast as through `createHmac`.
 */
export class HmacOfOneBlock {
  readonly #inner: Int32Array;
  readonly #outer: Int32Array;
  readonly #constant: number;
  readonly #lastBlock: Buffer = Buffer.alloc(64);
  readonly #outerBlock: Buffer = Buffer.alloc(64);
  readonly #state: Int32Array = new Int32Array(8);
  readonly #answer: Buffer = Buffer.alloc(32);

  /** @param example as long as every message, and the same up to its last whole block */
  constructor(key: Uint8Array, example: Uint8Array) {
    this.#constant = Math.floor(example.length / 64) * 64;
    const rest = example.length - this.#constant;
    if (key.length > 64 || rest > 55) throw new RangeError('more than one block is left');
    this.#inner = keyed(key, 0x36);
    for (let at = 0; at < this.#constant; at += 64) {
      compress(this.#inner, Buffer.from(example.subarray(at, at + 64)));
    }
    this.#outer = keyed(key, 0x5c);
    pad(this.#lastBlock, rest, 64 + example.length);
    pad(this.#outerBlock, 32, 64 + 32);
  }

  /** The answer is overwritten by the next. */
  of(message: Uint8Array): Buffer {
    this.#lastBlock.set(message.subarray(this.#constant));
    this.#state.set(this.#inner);
    compress(this.#state, this.#lastBlock);
    for (let at = 0; at < 8; at += 1) this.#outerBlock.writeInt32BE(this.#state[at]!, 4 * at);
    this.#state.set(this.#outer);
    compress(this.#state, this.#outerBlock);
    for (let at = 0; at < 8; at += 1) this.#answer.writeInt32BE(this.#state[at]!, 4 * at);
    return this.#answer;
  }
}

function keyed(key: Uint8Array, mask: number): Int32Array {
  const block = Buffer.alloc(64);
  block.set(key);
  const state = new Int32Array(initial);
  compress(
    state,
    block.map((byte) => byte ^ mask),
  );
  return state;
}

function pad(block: Buffer, from: number, totalBytes: number): void {
  block[from] = 0x80;
  block.writeUInt32BE(totalBytes * 8, 60);
}

/** The first 32 bits of the fractional parts of roots of the first primes. */
function fractions(count: number, root: (prime: number) => number): readonly number[] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes.map((prime) => Math.floor((root(prime) % 1) * 2 ** 32) | 0);
}

const initial = fractions(8, Math.sqrt);
const rounds = new Int32Array(fractions(64, Math.cbrt));
const schedule = new Int32Array(64);

function compress(state: Int32Array, block: Uint8Array): void {
  for (let at = 0; at < 16; at += 1) {
    const byte = 4 * at;
    schedule[at] =
      (block[byte]! << 24) | (block[byte + 1]! << 16) | (block[byte + 2]! << 8) | block[byte + 3]!;
  }
  for (let at = 16; at < 64; at += 1) {
    const x = schedule[at - 15]!;
    const y = schedule[at - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[at] = (schedule[at - 16]! + s0 + schedule[at - 7]! + s1) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let at = 0; at < 64; at += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + s1 + ((e & f) ^ (~e & g)) + rounds[at]! + schedule[at]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
  state[4] = state[4]! + e;
  state[5] = state[5]! + f;
  state[6] = state[6]! + g;
  state[7] = state[7]! + h;
}
