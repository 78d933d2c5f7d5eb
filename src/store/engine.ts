import type { AdministerResult, CommitResult, Decision } from '../service/store.ts';
import type { TallystickError } from '../errors.ts';
import type { PreparedChanges } from './administer.ts';
import type { UnchainedEvent } from './chain-tip.ts';
import type { SqlValue, Statement, Template } from './query-builder.ts';

/** A decision whose audit body is written and whose numbers can be stored. */
export interface PreparedDecision {
  readonly decision: Decision;
  readonly event: UnchainedEvent;
}

/** What becomes of one decision of a batch: an error here is its own, the batch was committed. */
export type DecisionOutcome = CommitResult | TallystickError;

/**
 * One database as the committer and the reads see it. The committer calls the writing methods one
 * at a time; each rejects with a TallystickError, and then nothing of the call was written.
 */
export interface Engine {
  /** Most decisions that share a transaction. */
  readonly batchMax: number;
  /**
   * What a decision holds while it is applied: two decisions that name the same may not share a
   * transaction. Empty when the engine applies them one after the other.
   */
  claims(decision: Decision): readonly string[];
  commitBatch(batch: readonly PreparedDecision[]): Promise<readonly DecisionOutcome[]>;
  administer(
    changes: PreparedChanges,
    events: readonly UnchainedEvent[],
  ): Promise<AdministerResult>;
  /** Runs statements in one transaction; how many rows they changed together. */
  write(statements: readonly Statement[]): Promise<number>;
  /** Rows of a hot statement as arrays, in the order of its columns. */
  arrays<Name extends string>(
    statement: Template<Name>,
    values: Readonly<Record<Name, SqlValue>>,
  ): Promise<readonly (readonly unknown[])[]>;
  /** Rows of several statements in one consistent read. */
  rows(statements: readonly Statement[]): Promise<readonly (readonly object[])[]>;
  close(): Promise<void>;
}
