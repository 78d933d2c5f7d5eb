import type { AuditChain, Clock } from '../service/ports.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

/** Which database. A connection string may hold a password: it appears in no error and no log. */
export type DatabaseLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | {
      readonly kind: 'postgres';
      readonly connectionString: string;
      /** All connections of this instance together, at least 2: one commits, the others read. */
      readonly maxConnections: number;
    };

export interface OpenStoreOptions {
  readonly database: DatabaseLocation;
  /**
   * Names this server's audit chain, 1 to 64 of `A-Z a-z 0-9 . _ -`. Servers that share a
   * PostgreSQL database need different names; a SQLite database has one server at a time.
   */
  readonly instance: string;
  readonly chain: AuditChain;
  readonly clock: Clock;
  /**
   * Default true: hold the instance's lock. Without it the store only reads, beside a running
   * server; every write is refused as `store-read-only`.
   */
  readonly lock?: boolean;
}
