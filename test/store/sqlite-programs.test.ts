import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChainedEvent } from '../../src/store/chain-tip.ts';
import { migrateDatabase } from '../../src/store/index.ts';
import { openSqlite, type SqliteConnection } from '../../src/store/sqlite-connection.ts';
import { type Step, SqlitePrograms } from '../../src/store/sqlite-programs.ts';
import { stepsOf } from '../../src/store/sqlite-steps.ts';
import { frozenClock, sqliteKind, type TestDatabase } from './support/databases.ts';
import { aDecision } from './support/records.ts';

const instance = 'one';
/** More kinds of decisions than are kept prepared. */
const kinds = 260;

describe('a program', () => {
  let database: TestDatabase;
  let connection: SqliteConnection;
  let programs: SqlitePrograms;
  let sequence = 0;

  beforeAll(async () => {
    database = await sqliteKind.create();
    const { location } = database;
    if (location.kind !== 'sqlite') throw new Error('a SQLite database');
    await migrateDatabase({ database: location, clock: frozenClock });
    connection = openSqlite(location.path, { mayWrite: true });
    programs = new SqlitePrograms(connection);
    connection.exec(`insert into instance values ('${instance}', 1, 0)`);
  });

  afterAll(async () => {
    connection.close();
    await database.remove();
  });

  const event = (): ChainedEvent => {
    sequence += 1;
    const hash = 'f'.repeat(64);
    return { instance, sequence, atMs: 1, subjectKey: '', body: '{}', previousHash: hash, hash };
  };
  const decoys = (count: number): readonly Step[] =>
    Array.from({ length: count }, (_, index) =>
      stepsOf(aDecision({ user: { kind: 'decoy' } }), instance, index),
    ).flat();
  const count = (from: string): unknown =>
    connection.prepare(`select count(*) from ${from}`).pluck().get();

  test('runs every write and the event, also after others took its place', () => {
    for (let steps = 0; steps < kinds; steps += 1) programs.of(decoys(steps))(event());
    programs.of(decoys(1))(event());
    expect(count('decoy')).toBe(kinds - 1);
    expect(count('audit_event')).toBe(kinds + 1);
    expect(connection.prepare('select lock_count from decoy where slot = 0').pluck().get()).toBe(
      kinds,
    );
    expect(count(`temp.sqlite_temp_schema where type = 'view'`)).toBe(kinds - 256 + 1);
  });

  test('leaves nothing of a decision whose event cannot be appended', () => {
    const program = programs.of(decoys(2));
    const before = connection.prepare('select * from decoy order by slot').all();
    expect(() => program({ ...event(), sequence: 1 })).toThrow('UNIQUE');
    expect(connection.prepare('select * from decoy order by slot').all()).toEqual(before);
  });
});
