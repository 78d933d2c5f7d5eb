import { accountState, autoUnlockAtMs } from '../../domain/account.ts';
import { floorOf, sequenceOf } from '../../domain/application.ts';
import { estimateDrift } from '../../domain/drift-history.ts';
import type {
  Application,
  AuthenticatorWithApplications,
  Domain,
  Policy,
  User,
} from '../../domain/model.ts';
import { pinStateOf } from '../../domain/pin-edit.ts';
import { effectivePolicy } from '../../domain/policy.ts';
import {
  graceEndsAtMs,
  isInGrace,
  isPasswordPermitted,
  localAuthenticationOf,
} from '../../domain/grace.ts';
import { backupModeOf } from '../../domain/virtual-otp.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { timeWindowOf } from '../../domain/window.ts';
import { algorithmText, stepInterval, type TimeStepping } from '../../oath/index.ts';
import type { Administration } from '../api.ts';
import type {
  AccountNow,
  ApplicationNow,
  AuthenticatorNow,
  PolicySource,
  StepNow,
  UserExplanation,
} from '../explanation.ts';
import { requireBoundedName } from '../request-members.ts';
import type { AtDesk, Desk } from './desk.ts';
import { notFound } from './desk.ts';
import { type AuditTale, explainedEvents, readTale } from './explained-events.ts';
import { requirePolicy } from './policies.ts';
import { requireDomain, subjectOf } from './users.ts';
import { checkListLimit } from './values.ts';

const attemptsMax = 100;

/** The use case of whoever is asked why somebody could not log on. */
export function explainAdministration(atDesk: AtDesk): Pick<Administration, 'explainUser'> {
  return {
    explainUser: (caller, domainName, userName, limit, policyName) =>
      atDesk(caller, 'audit.read', (desk) => {
        checkListLimit(limit, attemptsMax);
        requireBoundedName('user', userName);
        const domain = requireDomain(desk, domainName);
        const named = policyName === null ? null : requirePolicy(desk.configuration, policyName);
        return explainUser(desk, domain, userName.normalize('NFC'), limit, named);
      }),
  };
}

interface Judging extends Pick<UserExplanation, 'policyName' | 'policyFrom'> {
  readonly policy: EffectivePolicy;
}

/** What the user meets where he logs on says more than the policy of whoever asks about him. */
function judgingBy(
  { configuration, standing }: Desk,
  named: Policy | null,
  { attempts }: AuditTale,
): Judging {
  const judging = (
    { id, name }: Policy,
    policyFrom: Exclude<PolicySource, 'own-key'>,
  ): Judging => ({
    policyName: name,
    policyFrom,
    policy: effectivePolicy(id, configuration.snapshot.policies),
  });
  if (named !== null) return judging(named, 'request');
  for (const { details } of attempts) {
    const { policy: name } = details;
    // None where no component let the program in; a policy that was deleted judges nobody any more.
    const policy = typeof name === 'string' ? configuration.policyByName(name) : null;
    if (policy !== null) return judging(policy, 'last-attempt');
  }
  const { policyName, policy } = standing;
  return { policyName, policyFrom: 'own-key', policy };
}

/** @throws TallystickError `not-found` for a name that nobody has and nobody tried */
async function explainUser(
  desk: Desk,
  domain: Domain,
  userName: string,
  limit: number,
  named: Policy | null,
): Promise<UserExplanation> {
  const { context, nowMs } = desk;
  const user = await context.store.userByName(domain.id, userName);
  const found = user === null ? [] : await context.store.authenticatorsOfUser(user.id);
  const subject = subjectOf(domain, userName);
  const tale = await readTale(context.store, subject, found, limit);
  if (user === null && tale.attempts.length === 0) throw notFound('The user');
  const { policyName, policyFrom, policy } = judgingBy(desk, named, tale);
  return {
    userName: user?.userName ?? userName,
    domainName: domain.name,
    atMs: nowMs,
    policyName,
    policyFrom,
    account: user === null ? null : accountNow({ user, found }, policy, nowMs, tale),
    authenticators: found.map((one) => authenticatorNow(one, nowMs, policy)),
    events: explainedEvents(tale, found),
  };
}

function accountNow(
  {
    user,
    found,
  }: { readonly user: User; readonly found: readonly AuthenticatorWithApplications[] },
  policy: EffectivePolicy,
  nowMs: number,
  { aboutUser }: AuditTale,
): AccountNow {
  const account = accountState(user, policy, nowMs);
  const localAuthentication = localAuthenticationOf(user, policy);
  const { lockedAtMs, lockedBy } = user;
  const isLocking = (action: string): boolean => {
    return (action === 'user.lock') === (lockedBy === 'administrator');
  };
  const lock = aboutUser.find(({ atMs, action }) => atMs === lockedAtMs && isLocking(action));
  return {
    state: account.state === 'refused' ? account.code : account.state,
    isDisabled: user.isDisabled,
    expiresAtMs: user.expiresAtMs,
    lockCount: user.lockCount,
    lockThreshold: policy.userLockThreshold,
    lockedAtMs,
    lockedBy,
    lockedByActor: lock?.actor ?? null,
    unlockTries: user.unlockTries,
    unlocksItselfAtMs: autoUnlockAtMs(user, policy),
    localAuthentication,
    passwordSetAtMs: user.password.setAtMs,
    isPasswordPermitted:
      user.password.verifier !== null &&
      isPasswordPermitted(
        found.map(({ authenticator }) => authenticator),
        localAuthentication,
        nowMs,
        policy,
      ),
    lastAttemptAtMs: user.lastAttemptAtMs,
    lastSuccessAtMs: user.lastSuccessAtMs,
  };
}

function authenticatorNow(
  { authenticator, applications }: AuthenticatorWithApplications,
  nowMs: number,
  policy: EffectivePolicy,
): AuthenticatorNow {
  const { serial, model, isVirtual, isDisabled, expiresAtMs, assignedAtMs, lastUsedAtMs } =
    authenticator;
  const { kind, backup } = authenticator;
  return {
    serial,
    model,
    isVirtual,
    isDisabled,
    expiresAtMs,
    assignedAtMs,
    lastUsedAtMs,
    kind,
    graceEndsAtMs: isInGrace(authenticator, nowMs, policy)
      ? graceEndsAtMs(authenticator, policy)
      : null,
    backup:
      kind === 'device'
        ? {
            mode: backupModeOf(authenticator, policy),
            endsAtMs: backup.endsAtMs,
            usesLeft: backup.usesLeft ?? policy.backupVirtualUses,
          }
        : null,
    applications: applications.map((application) => applicationNow(application, nowMs, policy)),
  };
}

function applicationNow(
  application: Application,
  nowMs: number,
  policy: EffectivePolicy,
): ApplicationNow {
  const { algorithm } = application;
  const sequence = sequenceOf(algorithm, policy.challengeCheckMode);
  const stepping = sequence?.stepping ?? null;
  return {
    name: application.name,
    mode: application.mode,
    algorithm: algorithmText(algorithm),
    isDisabled: application.isDisabled,
    pin: pinStateOf(application.pin),
    epoch: application.epoch,
    nextEventCounter: sequence?.hasCounter === true ? application.nextEventCounter : null,
    ...noClock,
    ...(sequence === null || stepping === null
      ? {}
      : {
          last: application.lastStep < 0n ? null : stepNow(application.lastStep, stepping),
          ...windowNow(application, stepping, nowMs, policy),
          lowest: stepNow(floorOf(application, sequence).lowestStep, stepping),
          floorMs: application.floorMs,
          driftSeconds: application.driftSeconds,
          driftAtMs: application.driftAtMs,
          driftRate: driftRate(application, stepping),
        }),
    isDriftFrozen: application.isDriftFrozen,
    failureCount: application.failureCount,
    isResponseRemembered: application.pendingSync !== null,
    resetAtMs: application.resetAtMs,
    lastUsedAtMs: application.lastUsedAtMs,
  };
}

const noClock = {
  last: null,
  expected: null,
  window: null,
  lowest: null,
  floorMs: null,
  driftSeconds: null,
  driftAtMs: null,
  driftRate: null,
};

function windowNow(
  application: Application,
  stepping: TimeStepping,
  nowMs: number,
  policy: EffectivePolicy,
): Pick<ApplicationNow, 'expected' | 'window'> {
  const { kind, centres } = timeWindowOf(application, stepping, nowMs, policy);
  const [{ step, halfWidthSteps }] = centres;
  const window = { kind, halfWidthSteps, otherCentres: centres.length - 1 };
  return { expected: stepNow(step, stepping), window };
}

function stepNow(step: bigint, stepping: TimeStepping): StepNow {
  return { step, beginsAtMs: stepInterval(step, stepping).startMs };
}

function driftRate(
  { driftHistory }: Application,
  { timeStepSeconds }: TimeStepping,
): ApplicationNow['driftRate'] {
  const estimate = estimateDrift(driftHistory, timeStepSeconds);
  return estimate === null
    ? null
    : { ratePpm: estimate.ratePpm, ratePpmError: estimate.ratePpmError };
}
