import type { AuditEntry } from './store.ts';

/** The only source of time. A use case reads `nowMs` once and passes it down, retries included. */
export interface Clock {
  /** Unix milliseconds, an integer. */
  nowMs(): number;
  /** Never runs backwards; for time-outs and durations only. */
  monotonicMs(): number;
}

/** The arithmetic of the audit chain; `src/audit` satisfies it, the committer calls it. */
export interface AuditChain {
  /** Canonical JSON of an entry: sorted members, no white space. */
  body(entry: AuditEntry): string;
  /** Hex of SHA-256 over instance, sequence, previous hash and body. */
  hash(instance: string, sequence: number, previousHash: string, body: string): string;
}
