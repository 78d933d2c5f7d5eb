import { createHmac } from 'node:crypto';

/** What moves a device from one response to the next, and how it shows them. */
export interface Sequence {
  readonly hash: 'SHA1' | 'SHA256' | 'SHA512';
  readonly digits: number;
  /** Length of a step of the clock; whatever it is where there is no clock. */
  readonly stepSeconds: number;
  readonly hasCounter: boolean;
  readonly hasClock: boolean;
  /** Of RFC 6287, with a decimal question (QN); null for HOTP and TOTP. */
  readonly suite: string | null;
  /** Whether somebody types a question. */
  readonly isAsked: boolean;
}

/** Where a response stands; null for what the device does not have. */
export interface Position {
  readonly counter: number | null;
  readonly step: number | null;
}

/**
 * The response at a position, straight from the RFCs (4226 section 5.3, 6238 section 4.2, 6287
 * section 5), so that neither side of the proof is asked what it would show.
 *
 * @param question decimal; what a device asks nobody for is `0`
 */
export function responseAt(
  seed: Uint8Array,
  { suite, digits, hash }: Sequence,
  { counter, step }: Position,
  question: string,
): string {
  const parts = [counter, step].map((factor) => (factor === null ? [] : [eightBytes(factor)]));
  const [counterBytes = [], stepBytes = []] = parts;
  const message =
    suite === null
      ? [...counterBytes, ...stepBytes]
      : [Buffer.from(`${suite}\0`), ...counterBytes, questionBytes(question), ...stepBytes];
  const mac = createHmac(hash, seed).update(Buffer.concat(message)).digest();
  const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/** What two questions have in common that get the same response. */
export function questionKey(question: string): string {
  return questionBytes(question).toString('hex');
}

function questionBytes(question: string): Buffer {
  return Buffer.from(BigInt(question).toString(16).padEnd(256, '0'), 'hex');
}

function eightBytes(factor: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(factor));
  return bytes;
}
