import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { auditChain } from '../../src/audit/index.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { systemClock as clock } from '../../src/main.ts';
import { installationRecords, sha256Hex } from '../../src/service/index.ts';
import { migrateDatabase, openStore } from '../../src/store/index.ts';
import { type Ran, runHere } from './support.ts';

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-audit-'));
  const database = { kind: 'sqlite', path: join(folder, 'a.db') } as const;
  const module = { uri: 'pkcs11:token=none?module-path=/nonexistent.so', pinFile: 'none.pin' };
  const config = JSON.stringify({ database: { path: 'a.db' }, module });
  writeFileSync(join(folder, 'c.json'), config, { mode: 0o600 });
  await migrateDatabase({ database, clock });
  const store = await openStore({ database, instance: 'main', chain: auditChain, clock });
  const given = { nowMs: 1, adminKeySha256: sha256Hex('x') };
  const { changes, audit } = installationRecords(await store.loadConfiguration(), given);
  await store.administer(changes, audit);
  await store.administer([], { ...audit, action: 'user.lock', atMs: 2 });
  await store.close();
});
afterEach(() => rmSync(folder, { recursive: true }));

const verify = (): Promise<Ran> =>
  runHere(['audit', 'verify', '--json', '--config', join(folder, 'c.json')]);

/** As somebody would who writes to the database and knows the trigger that forbids it. */
function tamper(statement: string): void {
  const database = new Database(join(folder, 'a.db'));
  const triggers = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    .pluck()
    .all() as string[];
  for (const name of triggers) database.exec(`DROP TRIGGER "${name}"`);
  database.exec(statement);
  database.close();
}

it('finds an untouched audit intact', async () => {
  const ran = await verify();
  expect(ran).toMatchObject({ code: 0, said: '' });
  expect(JSON.parse(ran.printed)).toEqual({
    intact: true,
    chains: [{ instance: 'main', events: 2, broken: null }],
  });
});

it('compares the time beside an event with the one that was hashed', async () => {
  tamper('UPDATE audit_event SET at_ms = 77 WHERE sequence = 2');
  const ran = await verify();
  expect(ran.code).toBe(exitCodes.refused);
  expect(JSON.parse(ran.printed)).toEqual({
    intact: false,
    chains: [{ instance: 'main', events: 0, broken: 'broken at 2: time' }],
  });
});

it.each(['DELETE FROM audit_event', 'DELETE FROM audit_event; DELETE FROM instance'])(
  'does not take an emptied audit for an intact one: %s',
  async (statement) => {
    tamper(statement);
    const ran = await verify();
    expect(ran.code).toBe(exitCodes.refused);
    expect(JSON.parse(ran.printed)).toMatchObject({ intact: false });
    expect(ran.said).toMatch(/no chain has the event installation\.init/);
  },
);
