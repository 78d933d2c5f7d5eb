import { applicationTypeOf, serves } from './application-use.ts';
import { sequenceOf } from './application.ts';
import { dayMs } from './durations.ts';
import { algorithmInputs } from '../oath/index.ts';
import { refusedFor } from './lock.ts';
import type { Application, Authenticator, AuthenticatorWithApplications } from './model.ts';
import { nameKey } from './names.ts';
import type { RefusalCode, Refused } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { backupModeOf } from './virtual-otp.ts';

/** Which of a user's authenticators are asked for, and for what. */
export interface EligibleRequest {
  /** All that are assigned to the user, with all their applications. */
  readonly authenticators: readonly AuthenticatorWithApplications[];
  readonly serial: string | null;
  readonly applicationName: string | null;
  /**
   * A synchronisation concerns exactly one authenticator; a device is backed up that may be required
   * not to be used itself.
   */
  readonly purpose: 'verify' | 'verify-signature' | 'synchronise' | 'back-up';
}

export type Eligible =
  | {
      readonly kind: 'eligible';
      /** At least one, each with at least one application; only what may serve. */
      readonly authenticators: readonly AuthenticatorWithApplications[];
    }
  | { readonly kind: 'refused'; readonly refused: Refused };

/**
 * What one attempt is compared with at most. What it costs must have an end, and each is noted in the
 * database when a response is refused.
 */
export const applicationsPerAttemptMax: number = 64;

/** How far an authenticator got before it failed. */
type Rank = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/**
 * The authenticators and applications that may serve a request: assigned, permitted by the policy
 * (virtual or not, model, application names and type), enabled, not expired, and, where the caller
 * narrows it, of that serial and application name. Applications that need a PIN or session data
 * that no request carries can't serve, nor do those that were not used for too long or had too many
 * wrong responses; those that unlock devices never do, and those that sign serve signatures alone: a
 * synchronisation is told so. Where none may, the authenticator that got furthest names the refusal; where more than `applicationsPerAttemptMax` applications may, it is
 * `authenticator-ambiguous`, and a serial or an application name narrows them.
 *
 * @param nowMs Unix milliseconds
 */
export function eligibleAuthenticators(
  request: EligibleRequest,
  nowMs: number,
  policy: EffectivePolicy,
): Eligible {
  if (policy.localAuthentication === 'none') return refuse('nothing-verifies');
  const { serial, purpose } = request;
  // What a virtual mobile authenticator is good for is no response of its own.
  const authenticators = request.authenticators.filter(
    ({ authenticator }) => authenticator.kind === 'device',
  );
  if (authenticators.length === 0) return refuse('authenticator-none');
  const named =
    serial === null
      ? authenticators
      : authenticators.filter(({ authenticator }) => isSame(authenticator.serial, serial));
  if (named.length === 0) return refuse('authenticator-not-assigned');
  if (purpose === 'synchronise' && named.length > 1) return refuse('authenticator-ambiguous');
  const serving: AuthenticatorWithApplications[] = [];
  let furthest: Rank = 0;
  for (const one of named) {
    const examined = examine(one, request, nowMs, policy);
    if (typeof examined === 'object') serving.push(examined);
    else if (examined > furthest) furthest = examined;
  }
  if (serving.length === 0) return refuse(refusalAt(furthest, purpose));
  const count = serving.reduce((sum, { applications }) => sum + applications.length, 0);
  if (count > applicationsPerAttemptMax) return refuse('authenticator-ambiguous');
  return { kind: 'eligible', authenticators: serving };
}

function examine(
  one: AuthenticatorWithApplications,
  { applicationName, purpose }: EligibleRequest,
  nowMs: number,
  policy: EffectivePolicy,
): AuthenticatorWithApplications | Rank {
  const { authenticator, applications } = one;
  if (!isAdmitted(authenticator, purpose, policy)) return 0;
  if (authenticator.isDisabled) return 1;
  if (authenticator.expiresAtMs !== null && nowMs >= authenticator.expiresAtMs) return 2;
  const permitted = applications.filter(
    (application) =>
      (applicationName === null || isSame(application.name, applicationName)) &&
      isPermitted(application, policy),
  );
  if (permitted.length === 0) return 3;
  const use = purpose === 'verify-signature' ? 'signature' : 'logon';
  const able = permitted.filter(
    ({ mode, algorithm }) => serves(mode, use) && sequenceOf(algorithm) !== null,
  );
  if (able.length === 0) return 4;
  const active = able.filter((application) => !isInactive(application, nowMs, policy));
  if (active.length === 0) return 5;
  const serving = active.filter((application) => !isLocked(application, policy));
  return serving.length === 0 ? 6 : { authenticator, applications: serving };
}

/** Whether the policy lets such a device serve, and nothing else is required in its place. */
function isAdmitted(
  authenticator: Authenticator,
  purpose: EligibleRequest['purpose'],
  policy: EffectivePolicy,
): boolean {
  if (authenticator.isVirtual && policy.virtualAuthenticators === 'forbidden') return false;
  if (!isListed(policy.authenticatorModels, authenticator.model)) return false;
  const isShown = purpose === 'verify' || purpose === 'verify-signature';
  return !isShown || backupModeOf(authenticator, policy) !== 'required';
}

/** Whether an authenticator may serve, whatever its applications: named, permitted, enabled, in date. */
export function isServing(
  authenticator: Authenticator,
  serial: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): boolean {
  const { isDisabled, expiresAtMs, model } = authenticator;
  return (
    (serial === null || isSame(authenticator.serial, serial)) &&
    isListed(policy.authenticatorModels, model) &&
    !isDisabled &&
    (expiresAtMs === null || nowMs < expiresAtMs)
  );
}

/** Unused for longer than the policy lets it be; a reset is a use. */
function isInactive(
  { lastUsedAtMs, resetAtMs, createdAtMs }: Application,
  nowMs: number,
  { applicationMaxInactiveDays }: EffectivePolicy,
): boolean {
  if (applicationMaxInactiveDays === 0) return false;
  const seenAtMs = Math.max(lastUsedAtMs ?? createdAtMs, resetAtMs ?? createdAtMs);
  return nowMs - seenAtMs > applicationMaxInactiveDays * dayMs;
}

function isLocked(
  { failureCount }: Application,
  { identificationThreshold }: EffectivePolicy,
): boolean {
  return identificationThreshold > 0 && failureCount >= identificationThreshold;
}

function refusalAt(rank: Rank, purpose: EligibleRequest['purpose']): RefusalCode {
  switch (rank) {
    case 0:
    case 3:
      return 'authenticator-not-permitted';
    case 1:
      return 'authenticator-disabled';
    case 2:
      return 'authenticator-expired';
    case 5:
      return 'application-inactive';
    case 6:
      return 'application-locked';
    case 4:
      return purpose === 'synchronise' ? 'sync-kind-unsupported' : 'authenticator-not-permitted';
  }
}

function isPermitted(application: Application, policy: EffectivePolicy): boolean {
  if (application.isDisabled || !isListed(policy.applicationNames, application.name)) return false;
  const { applicationType, timeAndEventApplications } = policy;
  if (timeAndEventApplications === 'forbidden' && isTimeAndEvent(application)) return false;
  return applicationType === 'no-restriction' || applicationType === applicationTypeOf(application);
}

function isTimeAndEvent({ algorithm }: Application): boolean {
  const inputs = algorithmInputs(algorithm);
  return inputs.eventCounter && inputs.timeStep;
}

/** An empty list means any. */
function isListed(names: readonly string[], name: string): boolean {
  return names.length === 0 || names.some((listed) => isSame(listed, name));
}

function isSame(left: string, right: string): boolean {
  return nameKey(left) === nameKey(right);
}

function refuse(code: RefusalCode): Eligible {
  return { kind: 'refused', refused: refusedFor(code) };
}
