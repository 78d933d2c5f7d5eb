import {
  type EmergencyCode,
  emergencyComparedMax,
  mayBeOnline,
  usesLeft,
} from '../../domain/emergency.ts';
import {
  decideEmergency,
  type EmergencyCandidate,
  emergencyCandidates,
} from '../../domain/emergency-verification.ts';
import { eligibleAuthenticators } from '../../domain/eligible.ts';
import type { AuthenticatorWithApplications, UserWithAuthenticators } from '../../domain/model.ts';
import type { RefusalCode } from '../../domain/outcomes.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { mustChange, planPins } from '../../domain/server-pin.ts';
import { nobodyId } from '../attempt.ts';
import type { Context } from '../deps.ts';
import { emergencyMacs, type MessageParts } from '../emergency/codes.ts';
import { createPinTape } from '../pins.ts';
import { type Examined, successChanges, type Verdict } from '../verdicts.ts';
import { conclude } from './conclude.ts';
import type { Progress } from './progress.ts';

/** What was shown as an emergency code came to. */
export type EmergencyJudgement<Success> =
  | { readonly kind: 'verdict'; readonly verdict: Verdict<Success> }
  /** Compared with these, and wrong. */
  | {
      readonly kind: 'missed';
      readonly code: RefusalCode;
      readonly codes: readonly EmergencyCode[];
    }
  /** It can be none of the user's codes. */
  | { readonly kind: 'unread' };

/** The codes that may matter, looked up for nobody as for somebody. */
export function findEmergencyCodes(
  { store }: Context,
  userId: string | null,
  policy: EffectivePolicy,
): Promise<readonly EmergencyCode[]> {
  return mayBeOnline(policy) ? store.emergencyCodesOfUser(userId ?? nobodyId) : Promise.resolve([]);
}

/**
 * Compares what was shown with the emergency codes that are good at the server. PIN and code are both
 * looked at before anything is told.
 *
 * @throws TallystickError when the module fails
 */
export async function verifyEmergency<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  codes: readonly EmergencyCode[],
): Promise<EmergencyJudgement<Success>> {
  const { request, nowMs, context } = progress;
  const { policy } = examined;
  const owners = ownersOf(progress, found, policy);
  const candidates = emergencyCandidates(codes, owners, request.credential, nowMs, policy);
  if (candidates.length === 0) return { kind: 'unread' };
  progress.comparedEmergency += 1;
  const wrongPins = await wrongPinsOf(context, candidates);
  const macs = await macsOf(context, candidates);
  const decision = decideEmergency(candidates, macs, wrongPins);
  if (decision.kind === 'refused') {
    const compared = [...new Set(candidates.map(({ code }) => code))];
    return { kind: 'missed', code: decision.code, codes: compared };
  }
  const { candidate, use } = decision;
  const { owner, code } = candidate;
  const { serial } = owner.authenticator;
  const verdict = await conclude(progress, examined, {
    by: 'emergency',
    serial,
    passwordExpiresAtMs: null,
    changes: {
      ...successChanges(examined, owner),
      passwordVersion: null,
      emergencyUse: use,
    },
    refusedAs: pinRefusal(candidate),
    facts: {
      serial,
      emergency: 'used',
      emergencyCode: code.id,
      emergencyKind: code.kind,
      emergencyUsesLeft: usesLeft(code, 1),
    },
  });
  return { kind: 'verdict', verdict };
}

/** What a refusal pays that was compared with no code, whoever it is about. */
export async function payForEmergency<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  policy: EffectivePolicy,
): Promise<void> {
  if (!mayBeOnline(policy) || progress.comparedEmergency > 0) return;
  progress.comparedEmergency += 1;
  await wrongPinsOf(progress.context, []);
  await macsOf(progress.context, []);
}

/** Who has to set or change his PIN is let in by nothing before, unless it is for a PIN that is forgotten. */
function pinRefusal({ code, owner }: EmergencyCandidate): RefusalCode | null {
  const isDue = code.kind !== 'passcode' && owner.applications.some(({ pin }) => mustChange(pin));
  return isDue ? 'pin-change-required' : null;
}

/** What is stood in for need not be admitted itself. */
function ownersOf<Success extends { readonly outcome: string }>(
  { request: { serial, applicationName }, nowMs }: Progress<Success>,
  { authenticators }: UserWithAuthenticators,
  policy: EffectivePolicy,
): readonly AuthenticatorWithApplications[] {
  const asked = { authenticators, serial, applicationName, purpose: 'back-up' as const };
  const eligible = eligibleAuthenticators(asked, nowMs, policy);
  return eligible.kind === 'refused' ? [] : eligible.authenticators;
}

async function wrongPinsOf(
  context: Context,
  candidates: readonly EmergencyCandidate[],
): Promise<ReadonlySet<string>> {
  const given = new Map(
    candidates.flatMap(({ application, pin }) =>
      application === null ? [] : [[application.id, { application, pin }] as const],
    ),
  );
  const pins = createPinTape(context, context.logon, planPins([...given.values()]));
  const wrong = await pins.wrong();
  await pins.complete();
  return wrong;
}

const decoy: MessageParts = { of: { id: nobodyId, userId: nobodyId }, serial: '', text: '' };

/** As many for each attempt, so that nobody can tell how many codes there are. */
function macsOf(
  context: Context,
  candidates: readonly EmergencyCandidate[],
): Promise<readonly string[]> {
  const parts = candidates.map(({ code, owner, text }) => ({
    of: code,
    serial: owner.authenticator.serial,
    text,
  }));
  const padding = Array.from({ length: emergencyComparedMax - parts.length }, () => decoy);
  return emergencyMacs(context, [...parts, ...padding], context.logon);
}
