import { scrypt } from 'node:crypto';
import { TallystickError } from '../../errors.ts';
import type { PasswordHash } from '../ports.ts';

/** RFC 7914; 16 MiB and some 40 ms a password. */
const cost = { N: 2 ** 14, r: 8, p: 1 };
const hashBytes = 32;
/** HMAC fills a short key up with NULs: without an end a password would also be itself with NULs behind. */
const terminator = '\u0001';
/** Each fills a core: the rest of them answer everybody else. */
const atOnceMax = 2;
const waitingMax = 256;

/**
 * scrypt, two at once; the others wait for their turn.
 *
 * @param iterations in place of 2^14, for tests that are about something else
 */
export function createPasswordHash(iterations: number = cost.N): PasswordHash {
  let running = 0;
  const waiting: (() => void)[] = [];
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  const enter = (): Promise<void> => {
    if (running < atOnceMax) {
      running += 1;
      return Promise.resolve();
    }
    if (waiting.length >= waitingMax) {
      throw new TallystickError('overloaded', 'Too many passwords are being looked at; try again.');
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  return {
    async derive(password, salt) {
      await enter();
      try {
        return await derived(password, salt, iterations);
      } finally {
        leave();
      }
    },
  };
}

function derived(password: string, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  const bytes = Buffer.from(password + terminator, 'utf8');
  return new Promise((resolve, reject) => {
    scrypt(bytes, salt, hashBytes, { ...cost, N: iterations }, (error, hash) => {
      bytes.fill(0);
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
