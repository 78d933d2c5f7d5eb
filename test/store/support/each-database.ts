import { beforeAll, describe } from 'vitest';
import type { Store } from '../../../src/service/store.ts';
import { describeLayer } from '../../support/layers.ts';
import { createMigrated, type Kind, kinds, openTestStore, type TestDatabase } from './databases.ts';

/** What the tests of one file share on one database; filled before the first of them. */
export interface Opened {
  kind: Kind;
  database: TestDatabase;
  store: Store;
}

/** The same tests over SQLite and over PostgreSQL, each with a fresh database and an open store. */
export function eachDatabase(define: (opened: Opened) => void): void {
  for (const kind of kinds) {
    const defineKind = (): void => {
      const opened = { kind } as Opened;
      beforeAll(async () => {
        opened.database = await createMigrated(kind);
        opened.store = await openTestStore(opened.database.location);
        return async () => {
          await opened.store.close();
          await opened.database.remove();
        };
      });
      define(opened);
    };
    if (kind.layer === null) describe(kind.name, defineKind);
    else describeLayer(kind.layer, kind.name, defineKind);
  }
}
