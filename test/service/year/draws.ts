import { createHmac } from 'node:crypto';

const bytesPerDraw = 6;

/**
 * Random numbers of one thing of one token: HMAC-SHA256 of the fleet's seed over `fleet/serial/label`
 * and a block number. Equal labels draw equally; another token, or another label, moves nothing.
 */
export class Draws {
  readonly #seed: string;
  readonly #label: string;
  #block: Buffer = Buffer.alloc(0);
  #offset = 0;
  #blocks = 0;

  constructor(seed: string, serial: string, label: string) {
    this.#seed = seed;
    this.#label = `fleet/${serial}/${label}`;
  }

  /** The 20 bytes of a seed: nothing else is drawn from this label. */
  seed(): Buffer {
    return createHmac('sha256', this.#seed).update(this.#label).digest().subarray(0, 20);
  }

  /** At least 0, below 1. */
  unit(): number {
    if (this.#offset + bytesPerDraw > this.#block.length) this.#fill();
    const drawn = this.#block.readUIntBE(this.#offset, bytesPerDraw);
    this.#offset += bytesPerDraw;
    return drawn / 2 ** (8 * bytesPerDraw);
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** Both ends included. */
  whole(low: number, high: number): number {
    return low + Math.floor((high - low + 1) * this.unit());
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => String(this.whole(0, 9))).join('');
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.unit()));
    return radius * Math.cos(2 * Math.PI * this.unit());
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let product = this.unit();
    let count = 0;
    for (; product > limit; count += 1) product *= this.unit();
    return count;
  }

  #fill(): void {
    this.#block = createHmac('sha256', this.#seed)
      .update(`${this.#label}/${String(this.#blocks)}`)
      .digest();
    this.#blocks += 1;
    this.#offset = 0;
  }
}
