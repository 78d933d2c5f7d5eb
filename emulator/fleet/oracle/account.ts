import type { Rules } from './rules.ts';

/** A user's account as the database must show it. */
export interface AccountState {
  readonly lockCount: number;
  readonly lockedAtMs: number | null;
  readonly unlockTries: number;
  readonly lastAttemptAtMs: number | null;
  readonly lastSuccessAtMs: number | null;
}

/** Open; locked, but this attempt may unlock; locked and too early for it; locked and no way. */
export type Standing = 'open' | 'may-unlock' | 'too-early' | 'locked';

/** The rules of docs/policies.md on failures, the lock and the unlock of one's own accord. */
export class Account {
  readonly #rules: Rules;
  #state: AccountState = {
    lockCount: 0,
    lockedAtMs: null,
    unlockTries: 0,
    lastAttemptAtMs: null,
    lastSuccessAtMs: null,
  };

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  get state(): AccountState {
    return this.#state;
  }

  recall(state: AccountState): void {
    this.#state = state;
  }

  standing(nowMs: number): Standing {
    const { lockedAtMs, unlockTries, lastAttemptAtMs } = this.#state;
    const { autoUnlockMaxTries, autoUnlockMinDurationSeconds, autoUnlockMultiplier } = this.#rules;
    if (lockedAtMs === null) return 'open';
    if (unlockTries >= autoUnlockMaxTries) return 'locked';
    const quietMs = autoUnlockMinDurationSeconds * 1000 * autoUnlockMultiplier ** unlockTries;
    return nowMs - (lastAttemptAtMs ?? lockedAtMs) >= quietMs ? 'may-unlock' : 'too-early';
  }

  succeed(nowMs: number): void {
    this.#state = {
      lockCount: 0,
      lockedAtMs: null,
      unlockTries: 0,
      lastAttemptAtMs: nowMs,
      lastSuccessAtMs: nowMs,
    };
  }

  fail(nowMs: number): void {
    const { lockedAtMs, unlockTries } = this.#state;
    const lockCount = this.#state.lockCount + 1;
    const isTry = lockedAtMs !== null;
    const { userLockThreshold } = this.#rules;
    const locks = !isTry && userLockThreshold > 0 && lockCount >= userLockThreshold;
    this.#state = {
      ...this.#state,
      lockCount,
      lockedAtMs: locks ? nowMs : lockedAtMs,
      unlockTries: isTry ? unlockTries + 1 : 0,
      lastAttemptAtMs: nowMs,
    };
  }

  /** An attempt that came too early: the wait begins anew. */
  touch(nowMs: number): void {
    this.#state = { ...this.#state, lastAttemptAtMs: nowMs };
  }

  /** By the help desk. */
  unlock(): void {
    this.#state = { ...this.#state, lockCount: 0, lockedAtMs: null, unlockTries: 0 };
  }
}
