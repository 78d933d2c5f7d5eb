import { serves } from './application-use.ts';
import { accountState } from './account.ts';
import { eventCounterMax, floorOf, type Sequence, sequenceOf } from './application.ts';
import { expectedDriftSeconds, stepAtDrift } from './drift.ts';
import { dayMs } from './durations.ts';
import type { Application, Authenticator, User } from './model.ts';
import { type OfflineAgent, type OfflinePackage, standingStates } from './offline.ts';
import {
  type KeyMode,
  type OfflineEventMode,
  offlineSettings,
  type OfflineSettings,
} from './offline-settings.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { hasPin, mustChange } from './server-pin.ts';
import { responseCharacters, stepInterval, type TimeStepping } from '../oath/index.ts';

/**
 * Who may be given what for logons without a server, and for how long it stands. Pure: what is in the
 * package is made elsewhere.
 */

/** Why a person gets no package although he was verified. */
export type OfflineRefusal =
  /** The policy allows none. */
  | 'not-enabled'
  /** The workstation keeps its secret in a weaker place than the policy wants. */
  | 'key-mode'
  /** Not a device's response was shown, but a password or what was sent. */
  | 'no-device'
  /** Clock and counter together, an OCRA suite with a PIN or session, or bytes for a key. */
  | 'algorithm'
  | 'response-too-short'
  | 'pin-none'
  | 'pin-too-short'
  | 'pin-change-required'
  /** The policy wants a static password as well, and none was shown that is kept here. */
  | 'password-none'
  /** Nothing is left: it ends before it begins, or the counter is at its end. */
  | 'nothing-left'
  | 'too-many-agents'
  | 'too-many-authenticators'
  | 'too-many-packages'
  /** The workstation has packages of as many users and authenticators as it may. */
  | 'agent-full'
  /** The account, the authenticator or the application does not serve (any more). */
  | 'not-serving';

/** Where a package may last, whatever the policy says: the weaker the place, the shorter. */
const caps: Readonly<Record<KeyMode, { readonly days: number; readonly events: number }>> = {
  sw: { days: 3, events: 30 },
  hw: { days: 7, events: 100 },
  ram: { days: 14, events: 100 },
};

const strength: Readonly<Record<KeyMode, number>> = { hw: 2, ram: 1, sw: 0 };
const softwareDigitsMin = 8;
const digitsMin = 6;
const softwarePinLengthMin = 6;
/** What the answer to a report can name. */
const packagesPerAgentMax = 64;

/** Whether a place is at least as good as the policy asks for. */
export function isKeyModeEnough(keyMode: KeyMode, { offlineKeyMode }: OfflineSettings): boolean {
  return strength[keyMode] >= strength[offlineKeyMode];
}

/** What a package holds and how it is to be used. */
export interface OfflineTerms {
  readonly kind: 'time' | 'event' | 'challenge';
  readonly first: bigint;
  readonly count: number;
  readonly driftSeconds: number;
  readonly eventMode: OfflineEventMode | null;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly eventsMax: number;
  readonly tagBits: number;
  readonly pinMode: 'none' | 'server';
  readonly isPasswordRequired?: true | undefined;
}

export type OfflinePlanning =
  | { readonly kind: 'terms'; readonly terms: OfflineTerms }
  | { readonly kind: 'refused'; readonly reason: OfflineRefusal };

/** For whom, by which device, at which workstation. */
export interface OfflineSubject {
  readonly agent: Pick<OfflineAgent, 'id' | 'keyMode' | 'countsFailures'>;
  readonly user: User;
  readonly authenticator: Authenticator;
  readonly application: Application;
}

/**
 * What such a package would hold, or why there is none.
 *
 * @param subject with the version of the static password that was shown, null where none was
 * @param entriesMax of the format
 */
export function planOffline(
  subject: OfflineSubject & Pick<OfflinePackage, 'passwordVersion'>,
  nowMs: number,
  policy: EffectivePolicy,
  entriesMax: number,
): OfflinePlanning {
  const { agent, user, authenticator, application } = subject;
  const closed = closedFor(subject, nowMs, policy);
  if (closed !== null) return refused(closed);
  const sequence = sequenceOf(application.algorithm);
  if (sequence === null || hasNoPackage(sequence)) return refused('algorithm');
  const isPasswordRequired = policy.offlineRequirePassword;
  const flaw = flawOf(application, agent.keyMode, policy) ?? passwordFlawOf(subject, policy);
  if (flaw !== null) return refused(flaw);
  const cap = caps[agent.keyMode];
  const eventsMax = Math.min(policy.offlineEvents, cap.events);
  const notAfterMs = Math.min(
    nowMs + Math.min(policy.offlineDays, cap.days) * dayMs,
    user.expiresAtMs ?? Infinity,
    authenticator.expiresAtMs ?? Infinity,
  );
  const range = rangeOf({
    application,
    sequence,
    nowMs,
    notAfterMs,
    eventsMax,
    entriesMax,
    policy,
  });
  if (range === null || range.notAfterMs <= nowMs) return refused('nothing-left');
  return {
    kind: 'terms',
    terms: {
      ...range,
      eventMode: range.kind === 'event' ? policy.offlineEventMode : null,
      // A computer whose clock is a little behind can use it at once.
      notBeforeMs: Math.max(0, nowMs - policy.offlineClockBackMaxSeconds * 1000),
      eventsMax,
      tagBits: tagBitsOf(agent, responseCharacters(application.algorithm)),
      pinMode: pinModeOf(application),
      ...(isPasswordRequired ? { isPasswordRequired } : {}),
    },
  };
}

function passwordFlawOf(
  { passwordVersion }: Pick<OfflinePackage, 'passwordVersion'>,
  { offlineRequirePassword }: OfflineSettings,
): OfflineRefusal | null {
  return offlineRequirePassword && passwordVersion === null ? 'password-none' : null;
}

/** Whether a PIN comes in front of what is typed at the workstation. */
export function pinModeOf({ pin }: Pick<Application, 'pin'>): OfflineTerms['pinMode'] {
  return hasPin(pin) ? 'server' : 'none';
}

function refused(reason: OfflineRefusal): OfflinePlanning {
  return { kind: 'refused', reason };
}

function closedFor(
  { agent, user, authenticator, application }: OfflineSubject,
  nowMs: number,
  policy: EffectivePolicy,
): OfflineRefusal | null {
  if (!policy.offlineEnabled) return 'not-enabled';
  if (!isKeyModeEnough(agent.keyMode, policy)) return 'key-mode';
  return isServing({ user, authenticator, application }, nowMs, policy) ? null : 'not-serving';
}

/** What a workstation shows without a server is typed by a person: digits. */
function isOfKey({ challenged }: Sequence): boolean {
  return challenged?.kind === 'hmac-challenge';
}

function isClockAndCounter({ hasCounter, stepping }: Sequence): boolean {
  return hasCounter && stepping !== null;
}

function hasNoPackage(sequence: Sequence): boolean {
  return isClockAndCounter(sequence) || isOfKey(sequence);
}

/** What a disk, or whoever looks over a shoulder, would tell too soon. */
function flawOf(
  application: Application,
  keyMode: KeyMode,
  policy: EffectivePolicy,
): OfflineRefusal | null {
  const charactersMin = keyMode === 'sw' ? softwareDigitsMin : digitsMin;
  if (responseCharacters(application.algorithm) < charactersMin) return 'response-too-short';
  return pinRefusal(application, keyMode, policy);
}

function pinRefusal(
  { pin }: Application,
  keyMode: KeyMode,
  { offlinePinless, offlineMinPinLength }: OfflineSettings,
): OfflineRefusal | null {
  if (mustChange(pin)) return 'pin-change-required';
  const { verifier } = pin;
  if (!hasPin(pin) || verifier === null) return offlinePinless === 'allowed' ? null : 'pin-none';
  const lengthMin =
    keyMode === 'sw' ? Math.max(softwarePinLengthMin, offlineMinPinLength) : offlineMinPinLength;
  return verifier.length < lengthMin ? 'pin-too-short' : null;
}

/** Whether user, device and application would be let in at all. */
export function isServing(
  { user, authenticator, application }: Omit<OfflineSubject, 'agent'>,
  nowMs: number,
  policy: EffectivePolicy,
): boolean {
  return (
    accountState(user, policy, nowMs).state === 'open' &&
    authenticator.userId === user.id &&
    !authenticator.isDisabled &&
    (authenticator.expiresAtMs === null || nowMs < authenticator.expiresAtMs) &&
    !application.isDisabled &&
    serves(application.mode, 'logon')
  );
}

/**
 * So few bits that a copied disk leaves most responses possible; but all of them where nobody can copy
 * it, or where a short response would be guessed through few.
 */
function tagBitsOf(
  { keyMode, countsFailures }: OfflineSubject['agent'],
  characters: number,
): number {
  if (keyMode === 'sw') return 18;
  if (characters < softwareDigitsMin || (keyMode === 'hw' && countsFailures)) return 64;
  return 20;
}

interface Extent {
  readonly application: Application;
  readonly sequence: Sequence;
  readonly nowMs: number;
  readonly notAfterMs: number;
  readonly eventsMax: number;
  readonly entriesMax: number;
  readonly policy: EffectivePolicy;
}

type Range = Pick<OfflineTerms, 'kind' | 'first' | 'count' | 'driftSeconds' | 'notAfterMs'>;

function rangeOf(extent: Extent): Range | null {
  const { application, sequence, notAfterMs, eventsMax, policy } = extent;
  if (sequence.stepping !== null) return stepRange(extent, sequence.stepping);
  if (!sequence.hasCounter) {
    return { kind: 'challenge', first: 0n, count: eventsMax, driftSeconds: 0, notAfterMs };
  }
  const first = application.nextEventCounter;
  const left = eventCounterMax - first + 1n;
  const wanted = BigInt(eventsMax + policy.offlineLookAheadSteps);
  const count = Number(wanted < left ? wanted : left);
  return count < 1 ? null : { kind: 'event', first, count, driftSeconds: 0, notAfterMs };
}

/** From what the window reaches back to, or what is not used up yet, to the end. */
function stepRange(
  { application, sequence, nowMs, notAfterMs, entriesMax, policy }: Extent,
  stepping: TimeStepping,
): Range | null {
  const driftSeconds = Math.round(expectedDriftSeconds(application, stepping, nowMs, policy));
  const unused = floorOf(application, sequence).lowestStep;
  const back = stepAtDrift(driftSeconds, stepping, nowMs) - BigInt(policy.offlineWindowBackSteps);
  const first = [back, unused, 0n].reduce((a, b) => (a > b ? a : b));
  const last = stepAtDrift(driftSeconds, stepping, notAfterMs);
  if (last < first) return null;
  const count = Number(last - first) + 1;
  if (count <= entriesMax) return { kind: 'time', first, count, driftSeconds, notAfterMs };
  const { endMs } = stepInterval(first + BigInt(entriesMax) - 1n, stepping);
  const endsAtMs = endMs - driftSeconds * 1000;
  return { kind: 'time', first, count: entriesMax, driftSeconds, notAfterMs: endsAtMs };
}

/**
 * Whether a limit stands in the way of another package.
 *
 * @param packages of the user, of whatever state
 */
export function limitRefusal(
  packages: readonly OfflinePackage[],
  { agent, authenticator }: Pick<OfflineSubject, 'agent' | 'authenticator'>,
  nowMs: number,
  policy: OfflineSettings,
): OfflineRefusal | null {
  const standing = packages.filter((each) => isStanding(each, nowMs));
  const ofDevice = packages.filter(({ authenticatorId }) => authenticatorId === authenticator.id);
  const otherAgents = new Set(
    standing
      .filter((each) => each.authenticatorId === authenticator.id && each.agentId !== agent.id)
      .map(({ agentId }) => agentId),
  );
  if (otherAgents.size >= policy.offlineAgentsPerAuthenticatorMax) return 'too-many-agents';
  const otherDevices = new Set(
    standing
      .filter((each) => each.agentId === agent.id && each.authenticatorId !== authenticator.id)
      .map(({ authenticatorId }) => authenticatorId),
  );
  if (otherDevices.size >= policy.offlineAuthenticatorsPerUserMax) {
    return 'too-many-authenticators';
  }
  // At whichever workstation: to enrol another takes no more than a key of a component.
  const today = ofDevice.filter(({ createdAtMs }) => createdAtMs > nowMs - dayMs);
  return today.length >= policy.offlinePackagesPerDayMax ? 'too-many-packages' : null;
}

/**
 * Whether an agent has room for a package of this application, in place of the one that it has.
 *
 * @param packages of the agent, of whatever state
 */
export function isAgentFull(
  packages: readonly OfflinePackage[],
  { application }: Pick<OfflineSubject, 'application'>,
  nowMs: number,
): boolean {
  const others = packages.filter(
    (each) => each.applicationId !== application.id && isStanding(each, nowMs),
  );
  return others.length >= packagesPerAgentMax;
}

/** Whether an agent may have it still, as far as the record alone says. */
export function isStanding(
  { state, notAfterMs }: Pick<OfflinePackage, 'state' | 'notAfterMs'>,
  nowMs: number,
): boolean {
  return standingStates.includes(state) && nowMs < notAfterMs;
}

/** The settings that shape packages, as one text: another text, another package. */
export function policyText(policy: OfflineSettings): string {
  const all = Object.keys(offlineSettings).toSorted() as (keyof OfflineSettings)[];
  // It says something of workstations, and shapes no package.
  const names = all.filter((name) => name !== 'offlineSilentDays');
  return JSON.stringify(names.map((name) => [name, policy[name]]));
}
