/**
 * Has a module compute MACs and looks at the memory of this process: `mac-load.ts URI RESIDENCY
 * COUNT`, with `--expose-gc`. Writes the bytes that each MAC left behind, as JSON: the second least of
 * four quarters.
 */
import { openModule, type Residency } from '../../../hsm/index.ts';
import { freshSpec, referenceTo, soon } from '../../hsm/support.ts';

const perCall = 25;
const [uri = '', residency = '', countText = '0'] = process.argv.slice(2);
const module = await openModule({ uri, residency: residency as Residency });
const spec = freshSpec();
const seed = referenceTo(spec, await module.generateSeed(spec, soon));
let moving = 0n;

async function compute(count: number): Promise<void> {
  for (let done = 0; done < count; done += perCall) {
    const messages = Array.from({ length: perCall }, () => {
      const message = Buffer.alloc(8);
      message.writeBigUInt64BE((moving += 1n));
      return message;
    });
    const [result] = await module.mac([{ seed, messages }], soon);
    if (result?.ok !== true) throw new Error('no MACs');
  }
}

function settled(): NodeJS.MemoryUsage {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage();
}

const count = Number(countText);
await compute(8_000);
const windows: { rss: number; heap: number; external: number }[] = [];
for (let window = 0; window < 4; window += 1) {
  const before = settled();
  await compute(count / 4);
  const after = settled();
  const perMac = (of: 'rss' | 'heapUsed' | 'external'): number =>
    (after[of] - before[of]) / (count / 4);
  windows.push({ rss: perMac('rss'), heap: perMac('heapUsed'), external: perMac('external') });
}
await module.close();
// What leaks leaks in every quarter; an arena that the process takes or gives back, in one of them.
const lower = (of: 'rss' | 'heap' | 'external'): number =>
  windows.map((window) => window[of]).toSorted((a, b) => a - b)[1] ?? Number.NaN;
process.stdout.write(
  JSON.stringify({ rss: lower('rss'), heap: lower('heap'), external: lower('external') }),
);
