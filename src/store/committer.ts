import { setImmediate as nextTurn } from 'node:timers/promises';
import { TallystickError } from '../errors.ts';
import type { CommitResult } from '../service/store.ts';
import type { DecisionOutcome, Engine, PreparedDecision } from './engine.ts';

/** Decisions that may wait; a caller beyond them is refused as overloaded. */
export const queuedMax = 4_096;
/** Turns of the event loop in which a batch may still grow, as long as it does. */
const gatherTurnsMax = 4;

interface WaitingDecision {
  readonly kind: 'decision';
  readonly prepared: PreparedDecision;
  readonly claims: readonly string[];
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingWork {
  readonly kind: 'alone';
  /** Runs to its end and never rejects: it settles its own promise. */
  readonly run: () => Promise<void>;
}

/**
 * The one writer of an instance. Decisions that arrive while a commit is in flight wait and then
 * share the next transaction; other work takes its place in the same queue and runs alone.
 */
export class Committer {
  readonly #engine: Pick<Engine, 'batchMax' | 'claims' | 'commitBatch'>;
  #waiting: (WaitingDecision | WaitingWork)[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(engine: Pick<Engine, 'batchMax' | 'claims' | 'commitBatch'>) {
    this.#engine = engine;
  }

  /**
   * Results in order, once all of them are durable.
   *
   * @throws TallystickError overloaded or shutting-down before anything was queued; what the engine
   * rejects with otherwise
   */
  async commit(decisions: readonly PreparedDecision[]): Promise<readonly CommitResult[]> {
    this.#refuseBeyond(decisions.length);
    const results = decisions.map(
      (prepared) =>
        new Promise<CommitResult>((resolve, reject) => {
          const claims = this.#engine.claims(prepared.decision);
          this.#waiting.push({ kind: 'decision', prepared, claims, resolve, reject });
        }),
    );
    this.#start();
    return await Promise.all(results);
  }

  /** Runs `work` between batches, alone. @throws TallystickError as `commit`, and what `work` throws */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#refuseBeyond(1);
    const result = new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ kind: 'alone', run: () => work().then(resolve, reject) });
    });
    this.#start();
    return await result;
  }

  /** Refuses what comes from now on and waits for what was queued. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #refuseBeyond(count: number): void {
    if (this.#isClosed) {
      throw new TallystickError('shutting-down', 'The server is shutting down.');
    }
    if (this.#waiting.length + count > queuedMax) {
      throw new TallystickError('overloaded', 'Too many requests are waiting for the database.');
    }
  }

  #start(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const [first] = this.#waiting;
      if (first?.kind === 'alone') {
        this.#waiting.shift();
        await first.run();
      } else {
        await this.#commitTogether(this.#takeBatch());
      }
    }
  }

  /** Requests that arrived together are decided in the same few turns: worth one sync of the disk. */
  async #gather(): Promise<void> {
    let seen = 0;
    for (let turn = 0; turn < gatherTurnsMax; turn += 1) {
      const { length } = this.#waiting;
      if (length === seen || length >= this.#engine.batchMax) return;
      seen = length;
      await nextTurn();
    }
  }

  /** From the front up to work that runs alone; who claims what is taken or awaited stays behind. */
  #takeBatch(): readonly WaitingDecision[] {
    const batch: WaitingDecision[] = [];
    const behind: (WaitingDecision | WaitingWork)[] = [];
    const claimed = new Set<string>();
    let index = 0;
    for (; index < this.#waiting.length && batch.length < this.#engine.batchMax; index += 1) {
      const waiting = this.#waiting[index];
      if (waiting?.kind !== 'decision') break;
      const isFree = waiting.claims.every((claim) => !claimed.has(claim));
      for (const claim of waiting.claims) claimed.add(claim);
      (isFree ? batch : behind).push(waiting);
    }
    this.#waiting = [...behind, ...this.#waiting.slice(index)];
    return batch;
  }

  async #commitTogether(batch: readonly WaitingDecision[]): Promise<void> {
    let outcomes: readonly DecisionOutcome[];
    try {
      outcomes = await this.#engine.commitBatch(batch.map(({ prepared }) => prepared));
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const [index, { resolve, reject }] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome instanceof TallystickError) {
        reject(outcome ?? new TallystickError('internal', 'A decision has no outcome.'));
      } else {
        resolve(outcome);
      }
    }
  }
}
