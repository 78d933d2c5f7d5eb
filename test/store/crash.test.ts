import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyChain } from '../../src/audit/index.ts';
import type { Store } from '../../src/service/store.ts';
import { describeLayer } from '../support/layers.ts';
import { createMigrated, kinds, openTestStore, type TestDatabase } from './support/databases.ts';
import { advanceTo, commitOne } from './support/records.ts';
import { linesOf, startStorm } from './support/storm-process.ts';

/** Acknowledged steps by serial, from what the process said. */
function acknowledged(lines: readonly string[]): ReadonlyMap<string, bigint> {
  const last = new Map<string, bigint>();
  for (const line of lines) {
    const [, serial, step] = /^(VT\S+) (\d+)$/.exec(line) ?? [];
    if (serial !== undefined && step !== undefined) last.set(serial, BigInt(step));
  }
  return last;
}

/** Whatever was acknowledged is there, in state and in the chain, and is not accepted again. */
async function expectDurable(store: Store, lines: readonly string[]): Promise<void> {
  const subjects = new Set<string>();
  let position;
  for (let after = 0; ;) {
    const page = await store.auditEvents('one', after, 10_000);
    if (page.length === 0) break;
    const verdict = verifyChain(page, position);
    expect(verdict).toMatchObject({ intact: true });
    position = verdict.intact ? verdict.position : undefined;
    for (const { body } of page) {
      subjects.add((JSON.parse(body) as { subject: string }).subject);
    }
    after = page.at(-1)!.sequence;
  }
  const said = lines.filter((line) => line.startsWith('VT'));
  expect(said.filter((subject) => !subjects.has(subject))).toEqual([]);
  for (const [serial, step] of acknowledged(lines)) {
    const application = (await store.authenticatorBySerial(serial))!.applications[0]!;
    expect(application.lastStep).toBeGreaterThanOrEqual(step);
    for (let replayed = step; replayed >= 0n && replayed > step - 8n; replayed -= 1n) {
      const replay = { advance: advanceTo(application, replayed) };
      expect(await commitOne(store, replay)).toEqual({ status: 'conflict', on: 'application' });
    }
  }
}

/** A server notices only after a moment that the process at the other end is gone. */
async function reopen(database: TestDatabase): Promise<Store> {
  for (;;) {
    try {
      return await openTestStore(database.location);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'instance-in-use')) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

for (const kind of kinds) {
  const define = (): void => {
    let database: TestDatabase;
    beforeEach(async () => {
      database = await createMigrated(kind);
    });
    afterEach(() => database.remove());

    test('kill -9 with 32 decisions in flight loses nothing that was acknowledged', async () => {
      const child = startStorm(database.location);
      const lines = await linesOf(child, (_, count) => {
        if (count === 600) child.kill('SIGKILL');
      });
      expect(child.signalCode).toBe('SIGKILL');
      expect(acknowledged(lines).size).toBeGreaterThan(20);
      expect(lines.length).toBeGreaterThanOrEqual(600);
      const store = await reopen(database);
      await expectDurable(store, lines);
      await store.close();
    });

    if (kind.name === 'SQLite') {
      test('a file that cannot grow is store-full, and nothing acknowledged is lost', async () => {
        const child = startStorm(database.location, { fileKibibytesMax: 3_072 });
        const lines = await linesOf(child);
        expect(lines.slice(-2)).toEqual(['error store-full', 'ping store-full']);
        expect(acknowledged(lines).size).toBeGreaterThan(20);
        const store = await reopen(database);
        await expectDurable(store, lines);
        await store.ping();
        await store.close();
      });
    }
  };
  if (kind.layer === null) describe(kind.name, define);
  else describeLayer(kind.layer, kind.name, define);
}
