import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  createMigrated,
  openTestStore,
  sqliteKind,
  type TestDatabase,
} from './support/databases.ts';
import { aDecision } from './support/records.ts';

const pathOf = ({ location }: TestDatabase): string => (location as { path: string }).path;

it.each<[string, (path: string) => void]>([
  ['removed', (path) => rmSync(path)],
  [
    'replaced by its copy',
    (path) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  ],
])('a database file that was %s takes no decision: it would be lost', async (_, change) => {
  const database = await createMigrated(sqliteKind);
  const store = await openTestStore(database.location);
  expect(await store.commit([aDecision()])).toEqual([{ status: 'committed' }]);
  change(pathOf(database));
  const gone = { code: 'store-unavailable', message: expect.stringContaining('removed') as string };
  await expect(store.commit([aDecision()])).rejects.toMatchObject(gone);
  await expect(store.ping()).rejects.toMatchObject(gone);
  await store.close();
  await database.remove();
});
