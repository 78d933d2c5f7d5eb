/**
 * `npm run proof NAME`: the long form of a proof whose short form runs with every test. Without a name
 * it lists them.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const proofs: Readonly<Record<string, { readonly file: string; readonly shows: string }>> = {
  oath: { file: 'test/oath/property.test.ts', shows: 'the core against an independent one' },
  interleavings: {
    file: 'test/domain/one-time.test.ts',
    shows: 'nothing is accepted twice in any interleaving; counters and steps never fall',
  },
  races: {
    file: 'test/e2e/races.test.ts',
    shows: 'two servers on one PostgreSQL: one acceptance, and the lock holds',
  },
  crash: {
    file: 'test/e2e/crash.test.ts',
    shows: 'kill -9 under load: nothing acknowledged is lost, nothing is accepted again',
  },
  memory: {
    file: 'test/regressions/hsm/memory.test.ts',
    shows: 'a million MACs leave nothing behind in memory, resident and wrapped',
  },
};

const [name] = process.argv.slice(2);
const proof = name === undefined ? undefined : proofs[name];
if (proof === undefined) {
  for (const [known, { shows }] of Object.entries(proofs)) {
    process.stderr.write(`${known.padEnd(14)} ${shows}\n`);
  }
  process.exit(name === undefined ? 0 : 2);
}
const { status } = spawnSync(
  process.execPath,
  [
    fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url)),
    'run',
    '--config',
    fileURLToPath(new URL('../test/vitest.config.ts', import.meta.url)),
    '--testTimeout=1800000',
    proof.file,
  ],
  { stdio: 'inherit', env: { ...process.env, TALLYSTICK_PROOF: 'long' } },
);
process.exit(status ?? 1);
