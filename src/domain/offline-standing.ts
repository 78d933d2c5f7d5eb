import { dayMs } from './durations.ts';
import type { AuthenticatorWithApplications, User } from './model.ts';
import type { OfflineAgent, OfflinePackage } from './offline.ts';
import { isKeyModeEnough, isServing, isStanding, type OfflineSubject } from './offline-plan.ts';
import type { OfflineSettings } from './offline-settings.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/** Whether a package that was made is still good: of what it hangs on, and for how long. */

/** What a package was made under, as it is now. */
export interface OfflineCircumstances {
  readonly user: User | null;
  /** The authenticator with its applications; null when it is gone or another's. */
  readonly owner: AuthenticatorWithApplications | null;
  readonly policy: EffectivePolicy;
  /** Of `policyText`, as in `OfflinePackage.policyHash`. */
  readonly policyHash: string;
  readonly agent: Pick<OfflineAgent, 'state' | 'keyMode'>;
}

/**
 * Whether nothing that a package hangs on has changed since: settings, assignment, PIN, password, epoch,
 * account, device, workstation.
 */
export function standsStill(
  offlinePackage: OfflinePackage,
  { user, owner, policy, policyHash, agent }: OfflineCircumstances,
  nowMs: number,
): boolean {
  const application = owner?.applications.find(({ id }) => id === offlinePackage.applicationId);
  if (user === null || owner === null || application === undefined) return false;
  const { authenticator } = owner;
  const isPermitted =
    agent.state === 'active' &&
    policy.offlineEnabled &&
    isKeyModeEnough(agent.keyMode, policy) &&
    offlinePackage.policyHash === policyHash;
  return (
    isPermitted &&
    isStanding(offlinePackage, nowMs) &&
    isMadeFor(offlinePackage, { user, authenticator, application }) &&
    isServing({ user, authenticator, application }, nowMs, policy)
  );
}

/**
 * Whether a package, or the handle of one, is for the same person, assignment, PIN, static password (if it
 * takes one) and epoch.
 */
export function isMadeFor(
  {
    userId,
    assignmentVersion,
    pinVersion,
    passwordVersion,
    epoch,
  }: Pick<
    OfflinePackage,
    'userId' | 'assignmentVersion' | 'pinVersion' | 'passwordVersion' | 'epoch'
  >,
  { user, authenticator, application }: Omit<OfflineSubject, 'agent'>,
): boolean {
  return (
    user.id === userId &&
    authenticator.assignmentVersion === assignmentVersion &&
    application.pin.version === pinVersion &&
    (passwordVersion === null || user.password.version === passwordVersion) &&
    application.epoch === epoch
  );
}

/**
 * Whether a package that stands is still as good as new: of time steps, at the workstation, less than a
 * day old, and with logons to spare.
 */
export function isCurrent(
  { kind, state, createdAtMs, eventsUsed, eventsMax }: OfflinePackage,
  nowMs: number,
  { offlineWarnEvents }: OfflineSettings,
): boolean {
  const isFresh = nowMs >= createdAtMs && nowMs - createdAtMs < dayMs;
  return (
    kind === 'time' &&
    state === 'installed' &&
    isFresh &&
    eventsMax - eventsUsed > offlineWarnEvents
  );
}
