import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { ensureBuilt, runProgram } from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { freshPostgresDatabase } from '../support/postgres.ts';

const demo = fileURLToPath(new URL('../../scripts/demo', import.meta.url));

describeLayer('postgresql', 'the demo', () => {
  beforeAll(ensureBuilt);

  it.each([
    ['resident', 'sqlite'],
    ['wrapped', 'sqlite'],
    ['resident', 'postgres'],
    ['wrapped', 'postgres'],
  ])('passes with %s seeds on %s', async (residency, kind) => {
    const database = kind === 'postgres' ? await freshPostgresDatabase() : null;
    const where = database === null ? [] : ['--postgres', database.connectionString];
    const ran = await runProgram(demo, ['--residency', residency, ...where]);
    await database?.drop();
    expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      new RegExp(`All as it must be: 7\\d checks \\(${residency} seeds, ${kind}\\)\\.\n$`),
    );
  });
});
