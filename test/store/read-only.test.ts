import { chmodSync, chownSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMigrated, sqliteKind, type TestDatabase } from './support/databases.ts';
import { linesOf, startStorm } from './support/storm-process.ts';

/** Permissions mean nothing to root, who therefore starts the store as nobody. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

describe('a read-only SQLite database', () => {
  let database: TestDatabase;
  let path: string;
  beforeEach(async () => {
    database = await createMigrated(sqliteKind);
    path = database.location.kind === 'sqlite' ? database.location.path : '';
    chmodSync(dirname(path), 0o755);
    if (isRoot) for (const file of [path, dirname(path)]) chownSync(file, nobody, nobody);
  });
  afterEach(async () => {
    chmodSync(dirname(path), 0o755);
    await database.remove();
  });

  const start = (): Promise<readonly string[]> =>
    linesOf(startStorm(database.location, isRoot ? { userId: nobody } : {}));

  test('is named as such when its file cannot be written', async () => {
    chmodSync(path, 0o444);
    expect(await start()).toEqual(['error store-read-only']);
  });

  test('is named as such when nothing can be written beside it', async () => {
    chmodSync(dirname(path), 0o555);
    expect(await start()).toEqual(['error store-read-only']);
  });
});
