/**
 * `npm run bench [-- --json] [-- --quick]`: what claims to be fast, as ratios to floors measured in the
 * same run. Times differ from machine to machine and from hour to hour; ratios are what counts.
 */
import { parseArgs } from 'node:util';
import { benchEmulator } from './bench/emulator.ts';
import { benchEngine } from './bench/engine.ts';
import { install } from './bench/installation.ts';
import type { BenchRow } from './bench/measure.ts';
import { benchEdges } from './bench/edges.ts';
import { benchOffline } from './bench/offline.ts';

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
});
const rounds = values.quick ? 5 : 9;
const size = (full: number): number => (values.quick ? Math.ceil(full / 10) : full);
const userCount = 256;

const rows: BenchRow[] = [];
rows.push(await benchEmulator(size(200_000), rounds));
const installation = await install(userCount);
try {
  rows.push(...(await benchEngine(installation, size(4_096), rounds)));
  rows.push(...(await benchOffline(installation, rounds)));
} finally {
  await installation.remove();
}
const engine = rows.find(({ row }) => row === 'engine');
if (engine === undefined) throw new Error('the engine was measured');
rows.push(...(await benchEdges(engine.floorMicrosecondsEach, userCount, size(4_096), rounds)));

if (values.json) {
  process.stdout.write(`${JSON.stringify({ node: process.version, rounds, rows }, null, 2)}\n`);
} else {
  process.stdout.write(`Medians of ${rounds} alternating rounds, microseconds each.\n\n`);
  for (const row of rows) {
    process.stdout.write(
      `${row.row.padEnd(10)} ${row.microsecondsEach.toFixed(1).padStart(8)}  floor ` +
        `${row.floorMicrosecondsEach.toFixed(1).padStart(8)}  ratio ${row.ratio.toFixed(2)} ` +
        `(target ${row.target})\n           ${row.operation}; floor: ${row.floor}\n`,
    );
  }
}
