import { dayMs } from './durations.ts';
import type { Authenticator, User } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import type { LocalAuthentication } from './password-settings.ts';

type GracePolicy = Pick<EffectivePolicy, 'gracePeriodDays'>;

/** What verifies this user: his own setting where he has one, else the policy's. */
export function localAuthenticationOf(
  { localAuthentication: own }: Pick<User, 'localAuthentication'>,
  { localAuthentication }: Pick<EffectivePolicy, 'localAuthentication'>,
): LocalAuthentication {
  return own ?? localAuthentication;
}

/**
 * Until when a user may do without this authenticator, if nothing comes before; null when there is no
 * such time: it is assigned to nobody, or was used since it was.
 */
export function graceEndsAtMs(
  { assignedAtMs, lastUsedAtMs, graceEndsAtMs: own }: Authenticator,
  { gracePeriodDays }: GracePolicy,
): number | null {
  if (assignedAtMs === null) return null;
  if (lastUsedAtMs !== null && lastUsedAtMs >= assignedAtMs) return null;
  return own ?? assignedAtMs + gracePeriodDays * dayMs;
}

/** Whether the grace period of an authenticator is running. */
export function isInGrace(
  authenticator: Authenticator,
  nowMs: number,
  policy: GracePolicy,
): boolean {
  const endsAtMs = graceEndsAtMs(authenticator, policy);
  return endsAtMs !== null && nowMs < endsAtMs;
}

/**
 * Whether a static password lets this user in. Where it does until the grace period ends, one
 * authenticator whose grace is over is enough to end it; whoever has none has nothing else yet.
 *
 * @param authenticators all that are assigned to the user
 * @param localAuthentication of the user (`localAuthenticationOf`)
 */
export function isPasswordPermitted(
  authenticators: readonly Authenticator[],
  localAuthentication: LocalAuthentication,
  nowMs: number,
  policy: GracePolicy,
): boolean {
  switch (localAuthentication) {
    case 'none':
    case 'authenticator-only':
      return false;
    case 'authenticator-or-password':
      return true;
    case 'password-in-grace':
      return authenticators.every((authenticator) => isInGrace(authenticator, nowMs, policy));
  }
}
