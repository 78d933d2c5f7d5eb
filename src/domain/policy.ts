import { TallystickError } from '../errors.ts';
import type { Policy } from './model.ts';
import { parseApplicationName, parseModel } from './names.ts';
import {
  type EffectivePolicy,
  policyCatalogue,
  policyDefaults,
  type PolicySettingName,
  policySettingNames,
  type PolicySettings,
} from './policy-catalogue.ts';
import {
  policyCost,
  syncCandidatesMax,
  usualTimeStepSeconds,
  verifyCandidatesMax,
} from './policy-cost.ts';
import type { SettingRange } from './policy-setting.ts';

/** One setting that was refused, and what is allowed. */
export interface PolicyProblem {
  readonly name: string;
  readonly message: string;
}

export type ParsedPolicySettings =
  | { readonly ok: true; readonly settings: PolicySettings }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

type ParsedSetting =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly allowed: string };

/**
 * Reads the settings that a policy sets itself. Strict: an unknown name, a wrong type, a value out
 * of range and windows above the candidate limits are problems, all of them listed. Whether windows
 * fit together with inherited values is `policyProblems` of the effective policy.
 *
 * @param value a JSON object of catalogue names; absent means inherit
 */
export function parsePolicySettings(value: unknown): ParsedPolicySettings {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, problems: [{ name: 'settings', message: 'settings must be an object.' }] };
  }
  const problems: PolicyProblem[] = [];
  const settings: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(value)) {
    const parsed = parseSetting(name, given);
    if (parsed.ok) settings[name] = parsed.value;
    else problems.push({ name, message: `${name} must be ${parsed.allowed}.` });
  }
  if (problems.length === 0) problems.push(...policyProblems({ ...policyDefaults, ...settings }));
  // Each value was read by its own entry of the catalogue, so the record has its type.
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings };
}

/**
 * The windows of a policy that cost more candidates than any attempt may, counted at time steps of
 * 30 s: above 4,096 for a verification or 16,384 for a synchronisation. At use the same limits cut
 * the window of shorter steps, and of applications with both time and counter, from its far end.
 */
export function policyProblems(policy: EffectivePolicy): readonly PolicyProblem[] {
  const cost = policyCost(policy, { digits: 6, timeStepSeconds: usualTimeStepSeconds });
  const problems: PolicyProblem[] = [];
  const limit = (name: PolicySettingName, candidates: number, candidatesMax: number): void => {
    if (candidates <= candidatesMax) return;
    const message = `${name} costs ${String(candidates)} candidates; at most ${String(candidatesMax)} are allowed.`;
    problems.push({ name, message });
  };
  limit('identificationTimeWindowSteps', cost.timeCandidates, verifyCandidatesMax);
  if (cost.initialTimeCandidates > cost.timeCandidates) {
    limit('initialTimeWindowSeconds', cost.initialTimeCandidates, verifyCandidatesMax);
  }
  limit('eventWindowSteps', cost.eventCandidates, verifyCandidatesMax);
  limit('syncTimeWindowSeconds', cost.syncTimeCandidates, syncCandidatesMax);
  limit('syncEventWindowSteps', cost.syncEventCandidates, syncCandidatesMax);
  if (policy.timeAndEventApplications === 'allowed') {
    const product = cost.timeCandidates * cost.eventCandidates;
    limit('timeAndEventApplications', product, verifyCandidatesMax);
  }
  return problems;
}

/** A combination of settings that contradict each other, and which of them to change. */
interface Conflict {
  readonly name: PolicySettingName;
  readonly isThere: (policy: EffectivePolicy) => boolean;
  readonly message: string;
}

const conflicts: readonly Conflict[] = [
  {
    name: 'offlineWarnDays',
    isThere: (policy) => policy.offlineWarnDays >= policy.offlineDays,
    message:
      'must be less than offlineDays, or every user is told to connect from the first day on.',
  },
  {
    name: 'offlineWarnEvents',
    isThere: (policy) => policy.offlineWarnEvents >= policy.offlineEvents,
    message:
      'must be less than offlineEvents, or every user is told to connect from the first logon on.',
  },
  {
    name: 'discreteTimeWindowHours',
    isThere: (policy) => policy.dynamicTimeWindow && policy.discreteTimeWindowHours > 0,
    message: 'must be 0 where dynamicTimeWindow is true: a window grows or jumps, not both.',
  },
  {
    name: 'dynamicTimeWindow',
    isThere: (policy) =>
      policy.dynamicTimeWindow &&
      policy.syncTimeWindowSeconds < policy.identificationTimeWindowSteps * usualTimeStepSeconds,
    message:
      'grows up to syncTimeWindowSeconds, which is narrower than the window is already: widen that.',
  },
  {
    name: 'challengeCheckMode',
    isThere: (policy) =>
      policy.oneStepChallengeResponse === 'any-challenge' &&
      (policy.challengeCheckMode === 1 || policy.challengeCheckMode === 2),
    message:
      'must be 0, 3 or 4 where oneStepChallengeResponse is any-challenge: 1 and 2 know issued challenges only.',
  },
  {
    name: 'secondOtpSync',
    isThere: (policy) =>
      policy.secondOtpSync &&
      (policy.userLockThreshold === 1 || policy.identificationThreshold === 1),
    message:
      'needs userLockThreshold and identificationThreshold to be 0 or at least 2: the first response counts as a failure.',
  },
  {
    name: 'secondOtpSync',
    isThere: (policy) =>
      policy.secondOtpSync &&
      policy.syncTimeWindowSeconds <= policy.identificationTimeWindowSteps * usualTimeStepSeconds &&
      policy.syncEventWindowSteps <= policy.eventWindowSteps,
    message:
      'finds nothing: neither syncTimeWindowSeconds nor syncEventWindowSteps reaches beyond the window.',
  },
];

/**
 * Settings that make no sense together once everything is inherited. They are refused when a policy
 * is saved; one that was saved before keeps the stricter meaning.
 */
export function policyConflicts(policy: EffectivePolicy): readonly PolicyProblem[] {
  return conflicts
    .filter(({ isThere }) => isThere(policy))
    .map(({ name, message }) => ({ name, message: `${name} ${message}` }));
}

/**
 * A policy, its parent and so on up.
 *
 * @throws TallystickError policy-refused for an unknown policy or parent, or a cycle
 */
export function policyChain(policyId: string, policies: readonly Policy[]): readonly Policy[] {
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  const chain: Policy[] = [];
  for (let id: string | null = policyId; id !== null;) {
    const policy = byId.get(id);
    if (policy === undefined) {
      throw refusal(`Policy ${chain.at(-1)?.name ?? id} names an unknown policy.`, id);
    }
    if (chain.includes(policy)) throw refusal(`Policy ${policy.name} inherits from itself.`, id);
    chain.push(policy);
    id = policy.parentId;
  }
  return chain;
}

/**
 * Resolves a policy: each setting comes from the nearest of the policy and its ancestors that sets
 * it, else from the catalogue.
 *
 * @throws TallystickError policy-refused as `policyChain`, and for stored settings that the catalogue
 *   does not allow
 */
export function effectivePolicy(policyId: string, policies: readonly Policy[]): EffectivePolicy {
  let effective: EffectivePolicy = policyDefaults;
  for (const policy of policyChain(policyId, policies).toReversed()) {
    effective = { ...effective, ...storedSettings(policy) };
  }
  return Object.freeze(effective);
}

/** Where each setting of a policy comes from: the name of the policy that sets it, or ''. */
export function policyOrigins(
  policyId: string,
  policies: readonly Policy[],
): Readonly<Record<PolicySettingName, string>> {
  const origins = Object.fromEntries(policySettingNames.map((name) => [name, '']));
  effectivePolicy(policyId, policies);
  for (const policy of policyChain(policyId, policies)) {
    for (const name of Object.keys(policy.settings)) origins[name] ||= policy.name;
  }
  return origins as Record<PolicySettingName, string>;
}

/** A policy that every installation begins with. */
export interface PredefinedPolicy {
  readonly name: string;
  readonly parentName: string | null;
  readonly settings: PolicySettings;
}

/**
 * What an installation begins with, parents first. The Base Policy verifies nothing, as OAS's; the
 * two children do, without a wider window at first use, which every refusal would have to pay for.
 * Unlike OAS's, Administration Logon locks: it guards more than any other.
 */
export function predefinedPolicies(): readonly PredefinedPolicy[] {
  const autoUnlock = {
    userLockThreshold: 3,
    autoUnlockMaxTries: 5,
    autoUnlockMinDurationSeconds: 300,
    autoUnlockMultiplier: 2,
  };
  const noRequests = {
    primaryVirtualRequestMethod: 'none',
    backupVirtualRequestMethod: 'none',
  } as const;
  return [
    { name: 'Base Policy', parentName: null, settings: {} },
    {
      name: 'Local Authentication',
      parentName: 'Base Policy',
      settings: {
        localAuthentication: 'authenticator-only',
        oneStepChallengeResponse: 'any-challenge',
        challengeCheckMode: 4,
        genericAnswers: true,
        weakPins: 'refused',
        initialTimeWindowSeconds: 0,
        syncBackwardMarginSeconds: 900,
        ...noRequests,
        ...autoUnlock,
      },
    },
    {
      name: 'Administration Logon',
      parentName: 'Base Policy',
      settings: {
        localAuthentication: 'authenticator-only',
        genericAnswers: true,
        weakPins: 'refused',
        initialTimeWindowSeconds: 0,
        syncBackwardMarginSeconds: 900,
        ...noRequests,
        ...autoUnlock,
        autoUnlockMinDurationSeconds: 900,
      },
    },
  ];
}

function storedSettings(policy: Policy): PolicySettings {
  const parsed = parsePolicySettings(policy.settings);
  if (parsed.ok) return parsed.settings;
  const messages = parsed.problems.map((problem) => problem.message).join(' ');
  throw refusal(`Policy ${policy.name}: ${messages}`, policy.id);
}

function refusal(message: string, policyId: string): TallystickError {
  return new TallystickError('policy-refused', message, { fields: { policyId } });
}

function parseSetting(name: string, value: unknown): ParsedSetting {
  if (!isSettingName(name)) {
    return { ok: false, allowed: `one of ${policySettingNames.join(', ')}` };
  }
  return parseByRange(policyCatalogue[name].range, value);
}

function isSettingName(name: string): name is PolicySettingName {
  return Object.hasOwn(policyCatalogue, name);
}

function parseByRange(range: SettingRange, value: unknown): ParsedSetting {
  switch (range.type) {
    case 'choice':
      return typeof value === 'string' && range.choices.includes(value)
        ? { ok: true, value }
        : { ok: false, allowed: `one of ${range.choices.join(', ')}` };
    case 'boolean':
      return typeof value === 'boolean'
        ? { ok: true, value }
        : { ok: false, allowed: 'true or false' };
    case 'whole-number':
      return parseWholeNumber(range, value);
    case 'names':
      return parseNames(range, value);
    case 'text':
      return parseText(range, value);
  }
}

/** Control characters, lone surrogates, and the separators that break lines. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

function parseText(range: Extract<SettingRange, { type: 'text' }>, value: unknown): ParsedSetting {
  const { charactersMax, mustHold = '' } = range;
  const isText =
    typeof value === 'string' &&
    value.length <= charactersMax &&
    !unprintable.test(value) &&
    (mustHold === '' || value.split(mustHold).length === 2);
  if (isText) return { ok: true, value };
  const holding = mustHold === '' ? '' : ` that holds ${mustHold} once`;
  const allowed = `a text of at most ${String(charactersMax)} characters${holding}, without control characters`;
  return { ok: false, allowed };
}

function parseWholeNumber(
  range: Extract<SettingRange, { type: 'whole-number' }>,
  value: unknown,
): ParsedSetting {
  const { min, max, nullMeans } = range;
  if (value === null && nullMeans !== undefined) return { ok: true, value };
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
    return { ok: true, value };
  }
  const orNull = nullMeans === undefined ? '' : `, or null (${nullMeans})`;
  return { ok: false, allowed: `a whole number from ${String(min)} to ${String(max)}${orNull}` };
}

function parseNames(
  range: Extract<SettingRange, { type: 'names' }>,
  value: unknown,
): ParsedSetting {
  const parse = range.of === 'application' ? parseApplicationName : parseModel;
  const allowed = `a list of at most ${String(range.maxEntries)} ${range.of} names`;
  if (!Array.isArray(value) || value.length > range.maxEntries) return { ok: false, allowed };
  try {
    return { ok: true, value: value.map(parse) };
  } catch {
    // A name is either parsed or refused; there is nothing else that parsing could fail at.
    return { ok: false, allowed };
  }
}
