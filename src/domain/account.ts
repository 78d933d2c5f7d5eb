import { dayMs } from './durations.ts';
import type { AdministratorRole, User } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/** Whether an attempt on this account may be examined at all. */
export type AccountState =
  | { readonly state: 'open' }
  /** Locked, but this attempt may unlock it: commit as `unlock-*` with exactly these tries spent. */
  | { readonly state: 'auto-unlock'; readonly expectedTries: number }
  | {
      readonly state: 'refused';
      readonly code: 'user-disabled' | 'user-expired' | 'user-inactive' | 'user-locked';
      /** The attempt restarts the clock of the automatic unlock and must be noted (`touch`). */
      readonly touch: boolean;
    };

type RefusedAccount = Extract<AccountState, { state: 'refused' }>;

/**
 * The state of an account, examined in OAS's order: disabled, expired, inactive, locked. A lock by
 * threshold may unlock itself: each try has to come `autoUnlockMinDurationSeconds`, times
 * `autoUnlockMultiplier` for every try already spent, after the last attempt. One that comes sooner
 * restarts that clock and spends nothing. A lock by an administrator stays.
 *
 * A count that reached the threshold without a lock (the threshold was lowered) refuses as well:
 * the store would not commit a success on it.
 *
 * @param nowMs Unix milliseconds
 */
export function accountState(user: User, policy: EffectivePolicy, nowMs: number): AccountState {
  const refused = refusedAccount(user, policy, nowMs);
  const unlockAtMs = refused?.code === 'user-locked' ? autoUnlockAtMs(user, policy) : null;
  if (refused === undefined || unlockAtMs === null) return refused ?? { state: 'open' };
  return nowMs >= unlockAtMs
    ? { state: 'auto-unlock', expectedTries: user.unlockTries }
    : { ...refused, touch: true };
}

/**
 * From when on an attempt may unlock an account that the threshold locked, if none comes before; null
 * when none ever may.
 */
export function autoUnlockAtMs(user: User, policy: EffectivePolicy): number | null {
  if (user.lockedBy !== 'threshold' || user.unlockTries >= policy.autoUnlockMaxTries) return null;
  const waitMs =
    policy.autoUnlockMinDurationSeconds * 1000 * policy.autoUnlockMultiplier ** user.unlockTries;
  return (user.lastAttemptAtMs ?? Number(user.lockedAtMs)) + waitMs;
}

/** As `accountState`, but a locked user stays locked: a synchronisation never unlocks. */
export function syncAccountState(
  user: User,
  policy: EffectivePolicy,
  nowMs: number,
): { readonly state: 'open' } | RefusedAccount {
  return refusedAccount(user, policy, nowMs) ?? { state: 'open' };
}

/** What decides whether somebody who signed in may go on administering. */
export type Administering = Pick<
  User,
  'isDisabled' | 'expiresAtMs' | 'lockedBy' | 'administratorRole'
>;

/**
 * Whether sessions of this user may be open. A lock by wrong responses is left out: anybody could end the
 * sessions of others by it.
 *
 * @param nowMs Unix milliseconds
 */
export function mayAdminister<Who extends Administering>(
  user: Who,
  nowMs: number,
): user is Who & { readonly administratorRole: AdministratorRole } {
  const isShutOut = user.isDisabled || isExpired(user, nowMs) || user.lockedBy === 'administrator';
  return !isShutOut && user.administratorRole !== null;
}

function refusedAccount(
  user: User,
  policy: EffectivePolicy,
  nowMs: number,
): RefusedAccount | undefined {
  const refused = (code: RefusedAccount['code']): RefusedAccount => ({
    state: 'refused',
    code,
    touch: false,
  });
  if (user.isDisabled) return refused('user-disabled');
  if (isExpired(user, nowMs)) return refused('user-expired');
  if (isInactive(user, policy, nowMs)) return refused('user-inactive');
  if (isLocked(user, policy)) return refused('user-locked');
  return undefined;
}

function isExpired({ expiresAtMs }: Pick<User, 'expiresAtMs'>, nowMs: number): boolean {
  return expiresAtMs !== null && nowMs >= expiresAtMs;
}

function isInactive(user: User, policy: EffectivePolicy, nowMs: number): boolean {
  if (policy.userMaxInactiveDays === 0) return false;
  const lastSeenAtMs = user.lastSuccessAtMs ?? user.createdAtMs;
  return nowMs - lastSeenAtMs > policy.userMaxInactiveDays * dayMs;
}

function isLocked(user: User, policy: EffectivePolicy): boolean {
  if (user.lockedAtMs !== null) return true;
  return policy.userLockThreshold > 0 && user.lockCount >= policy.userLockThreshold;
}
