/**
 * `npm run proof NAME`: the long form of a proof whose short form runs with every test. Without a name
 * it lists them. `npm run proof year -- --module softhsm` asks a real module instead of a fake one.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Proof {
  /** Files, or beginnings of their paths. */
  readonly files: readonly string[];
  readonly shows: string;
  /** What `--module` may name; a fake one otherwise. */
  readonly modules?: readonly string[];
}

const proofs: Readonly<Record<string, Proof>> = {
  oath: { files: ['test/oath/property.test.ts'], shows: 'the core against an independent one' },
  interleavings: {
    files: ['test/domain/one-time.test.ts'],
    shows: 'nothing is accepted twice in any interleaving; counters and steps never fall',
  },
  races: {
    files: ['test/e2e/races.test.ts'],
    shows: 'two servers on one PostgreSQL: one acceptance, and the lock holds',
  },
  year: {
    files: ['test/service/year.test.ts'],
    shows: 'a year of 1,000 drifting tokens: no outcome that a model did not predict',
    modules: ['softhsm'],
  },
  fleet: {
    files: ['test/emulator/fleet/memory.test.ts'],
    shows: 'ten thousand virtual tokens for a year, in bounded memory, killed and taken up again',
  },
  drive: {
    files: ['test/e2e/fleet-drive'],
    shows: '200 virtual tokens for a year against a server: no answer that was not expected',
  },
  crash: {
    files: ['test/e2e/crash.test.ts'],
    shows: 'kill -9 under load: nothing acknowledged is lost, nothing is accepted again',
  },
  reside: {
    files: ['test/e2e/reside-interrupted.test.ts'],
    shows: 'kill -9 while seeds move into the module: the next run completes it, one object each',
  },
  soap: {
    files: ['test/e2e/soap/mutated.test.ts'],
    shows: '100,000 mutated envelopes: no server fault, no process error, memory flat',
  },
  memory: {
    files: ['test/regressions/hsm/memory.test.ts'],
    shows: 'a million MACs leave nothing behind in memory, resident and wrapped',
  },
  hid: {
    files: ['test/emulator/hid/'],
    shows: 'a key and its host survive 100,000 odd reports, and a reset makes the key sound again',
  },
  offline: {
    files: ['test/offline/', 'test/agent/', 'test/e2e/offline', 'test/service/emergency/draw'],
    shows:
      'a million mutated offline documents; every response tried on a copied disk; kill -9 at every write',
  },
};

const [name, ...options] = process.argv.slice(2);
const proof = name === undefined ? undefined : proofs[name];
if (proof === undefined) {
  for (const [known, { shows }] of Object.entries(proofs)) {
    process.stderr.write(`${known.padEnd(14)} ${shows}\n`);
  }
  process.exit(name === undefined ? 0 : 2);
}
const [option, module = ''] = options;
const isModule = option === '--module' && proof.modules?.includes(module) === true;
if (options.length > 0 && !(isModule && options.length === 2)) {
  const allowed = proof.modules?.map((one) => `only --module ${one}`).join(', ') ?? 'nothing';
  process.stderr.write(`After the name of this proof may come ${allowed}.\n`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  [
    fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url)),
    'run',
    '--config',
    fileURLToPath(new URL('../test/vitest.config.ts', import.meta.url)),
    '--testTimeout=1800000',
    ...proof.files,
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, TALLYSTICK_PROOF: 'long', TALLYSTICK_PROOF_MODULE: module },
  },
);
process.exit(status ?? 1);
