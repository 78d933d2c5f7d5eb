import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { responses } from '../../emulator/index.ts';
import { parseResponseAlgorithm } from '../../src/oath/index.ts';
import { alternate, type BenchRow } from './measure.ts';

/** Making responses by the thousand, against the HMAC alone. */
export async function benchEmulator(count: number, rounds: number): Promise<BenchRow> {
  const seed = new Uint8Array(20).fill(7);
  const algorithm = parseResponseAlgorithm({ kind: 'event', hash: 'SHA1', digits: 6 });
  const message = new Uint8Array(8);
  const view = new DataView(message.buffer);
  let guard = 0;
  const measured = await alternate(
    [
      {
        name: 'emulator',
        run: (n) => {
          for (const response of responses(algorithm, seed, 0n, n)) guard += response.length;
          return Promise.resolve();
        },
      },
      {
        name: 'floor',
        run: (n) => {
          for (let counter = 0; counter < n; counter += 1) {
            view.setUint32(4, counter);
            guard += hmac(sha1, seed, message)[0] ?? 0;
          }
          return Promise.resolve();
        },
      },
    ],
    count,
    rounds,
  );
  const [emulator, floor] = measured;
  if (!emulator || !floor || guard === 0) throw new Error('no samples');
  return {
    row: 'emulator',
    operation: `make HOTP responses, ${Math.round(1e6 / emulator.microsecondsEach)} a second`,
    microsecondsEach: emulator.microsecondsEach,
    floorMicrosecondsEach: floor.microsecondsEach,
    floor: 'one HMAC-SHA-1 by the same library, key hashed anew',
    ratio: emulator.microsecondsEach / floor.microsecondsEach,
    target: '>= 300,000/s',
  };
}
