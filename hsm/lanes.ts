import { fault, faultOf, ModuleFault } from './errors.ts';
import type { Recovery } from './errors.ts';
import type { CallOptions, Lane, ModuleFailure } from './types.ts';

/** A piece of work that can stop between two calls on the module and go on later. */
export interface Work<T> {
  /** Works until it is done (true) or the clock reaches `until` (false). */
  advance(until: number): boolean;
  result(): T;
}

export interface LanesOptions {
  readonly sliceMs: number;
  readonly queueLimit: number;
  readonly monotonicMs: () => number;
  /** Repairs the module before a piece of work is tried once more; rejects if it cannot. */
  readonly recover: (fault: ModuleFault) => Promise<void>;
}

interface Entry {
  readonly lane: Lane;
  readonly expiresAt: number;
  readonly advance: (until: number) => boolean;
  readonly finish: () => void;
  readonly fail: (failure: ModuleFailure) => void;
  /** The strongest repair that was tried for it; only a stronger one is tried after that. */
  repaired: number;
}

/**
 * A lost login shows as a lost session first, and lost handles after that; so a call may be repaired
 * more than once, each time by more, and never without end.
 */
const strengths: Readonly<Record<Recovery, number>> = {
  none: 0,
  retry: 1,
  session: 1,
  'self-test': 2,
  handle: 2,
  login: 2,
  reinitialise: 3,
};

const laneOrder: readonly Lane[] = ['logon', 'sync', 'background'];
const pausedSweepMs = 20;

/**
 * One queue per lane in front of the module. The calls are synchronous, so work runs in slices: a
 * slice begins at once when nothing waits, ends after `sliceMs`, and the event loop turns before
 * the next one. Between slices a higher lane goes first. An entry whose deadline passes is refused,
 * even in the middle; after a failure that can be repaired it goes on at the head of its lane.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #queues: Record<Lane, Entry[]> = { logon: [], sync: [], background: [] };
  #waiting = 0;
  #nextExpiry = Infinity;
  #sliceEndsAt: number | undefined;
  #isTurnScheduled = false;
  #isPaused = false;
  #closed: ModuleFailure | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /**
   * @returns what the work gives; rejects with a ModuleFault
   */
  run<T>(options: CallOptions, work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (failure: ModuleFailure): void => reject(new ModuleFault(failure, 'none'));
      const now = this.#options.monotonicMs();
      const refusal = this.#refusalOf(options);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      this.#enqueue({
        lane: options.lane,
        expiresAt: now + options.deadlineMs,
        advance: (until) => work.advance(until),
        finish: () => resolve(work.result()),
        fail,
        repaired: 0,
      });
      this.#work();
      this.#scheduleTurn();
    });
  }

  /** A single call that cannot be divided. */
  once<T>(options: CallOptions, call: () => T): Promise<T> {
    let value: { readonly of: T } | undefined;
    return this.run(options, {
      advance: () => {
        value = { of: call() };
        return true;
      },
      result: () => {
        if (value === undefined) throw fault('contract', 'a call ended without a result');
        return value.of;
      },
    });
  }

  /** Nothing runs until `resume`; deadlines still pass. */
  pause(): void {
    this.#isPaused = true;
    this.#sweepWhilePaused();
  }

  resume(): void {
    this.#isPaused = false;
    this.#scheduleTurn();
  }

  /** Refuses what waits and whatever comes later. */
  close(failure: ModuleFailure): void {
    this.#closed = failure;
    for (const lane of laneOrder) {
      for (const entry of this.#queues[lane].splice(0)) entry.fail(failure);
    }
    this.#waiting = 0;
  }

  #refusalOf({ deadlineMs }: CallOptions): ModuleFault | undefined {
    if (this.#closed !== undefined) return new ModuleFault(this.#closed, 'none');
    if (Number.isNaN(deadlineMs)) return fault('contract', 'the deadline is not a number');
    if (deadlineMs <= 0) return new ModuleFault(expired, 'none');
    if (this.#waiting >= this.#options.queueLimit) {
      return fault('unavailable', `${this.#waiting} calls wait for the module already`);
    }
    return undefined;
  }

  #enqueue(entry: Entry): void {
    this.#queues[entry.lane].push(entry);
    this.#waiting += 1;
    this.#nextExpiry = Math.min(this.#nextExpiry, entry.expiresAt);
  }

  #putBack(entry: Entry): void {
    this.#queues[entry.lane].unshift(entry);
    this.#waiting += 1;
  }

  #take(): Entry | undefined {
    for (const lane of laneOrder) {
      const entry = this.#queues[lane].shift();
      if (entry === undefined) continue;
      this.#waiting -= 1;
      return entry;
    }
    return undefined;
  }

  #work(): void {
    const { monotonicMs, sliceMs } = this.#options;
    this.#sliceEndsAt ??= monotonicMs() + sliceMs;
    while (!this.#isPaused && this.#waiting > 0) {
      const now = monotonicMs();
      if (now >= this.#sliceEndsAt) return;
      const entry = this.#take();
      if (entry === undefined) return;
      if (now >= entry.expiresAt) entry.fail(expired);
      else this.#advance(entry, this.#sliceEndsAt);
    }
  }

  #advance(entry: Entry, until: number): void {
    try {
      if (entry.advance(until)) entry.finish();
      else this.#putBack(entry);
    } catch (error) {
      this.#failed(entry, faultOf(error, 'module'));
    }
  }

  #failed(entry: Entry, cause: ModuleFault): void {
    const strength = strengths[cause.recovery];
    if (strength <= entry.repaired) {
      entry.fail(cause.failure);
      return;
    }
    entry.repaired = strength;
    if (cause.recovery === 'retry' || cause.recovery === 'session') {
      this.#putBack(entry);
      return;
    }
    this.pause();
    this.#options.recover(cause).then(
      () => {
        this.#putBack(entry);
        this.resume();
      },
      (error: unknown) => {
        entry.fail(faultOf(error, 'recovery').failure);
        this.resume();
      },
    );
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled || this.#isPaused) return;
    this.#isTurnScheduled = true;
    setImmediate(() => {
      this.#isTurnScheduled = false;
      this.#sliceEndsAt = undefined;
      if (this.#waiting === 0) return;
      this.#sweep();
      this.#work();
      this.#scheduleTurn();
    });
  }

  #sweepWhilePaused(): void {
    if (!this.#isPaused) return;
    this.#sweep();
    setTimeout(() => this.#sweepWhilePaused(), pausedSweepMs);
  }

  #sweep(): void {
    const now = this.#options.monotonicMs();
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Infinity;
    for (const lane of laneOrder) {
      const kept = this.#queues[lane].filter((entry) => {
        if (now >= entry.expiresAt) {
          entry.fail(expired);
          return false;
        }
        this.#nextExpiry = Math.min(this.#nextExpiry, entry.expiresAt);
        return true;
      });
      this.#waiting -= this.#queues[lane].length - kept.length;
      this.#queues[lane] = kept;
    }
  }
}

const expired: ModuleFailure = {
  kind: 'unavailable',
  ckr: 0,
  detail: 'the deadline passed before the module was free',
};
