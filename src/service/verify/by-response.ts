import type { PresentedCredential } from '../../domain/credential.ts';
import type { EmergencyCode } from '../../domain/emergency.ts';
import { eligibleAuthenticators } from '../../domain/eligible.ts';
import type { UserWithAuthenticators } from '../../domain/model.ts';
import type { Refused } from '../../domain/outcomes.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import {
  askedOf,
  planDecoy,
  planVerification,
  type VerificationInput,
} from '../../domain/verification.ts';
import { accept, acceptSecond, type Proof } from '../accept.ts';
import type { PresentedChallenge } from '../attempt.ts';
import { applicationsOf, compare, faultOf } from '../comparing.ts';
import { createMacTape, planKey } from '../mac-tape.ts';
import { createPinTape, type PinTape } from '../pins.ts';
import { lookFurther, payForLooking } from '../second-look.ts';
import {
  type Examined,
  refusedCompared,
  refusedUnread,
  refusedUnseen,
  type RefusedVerdict,
  type Verdict,
} from '../verdicts.ts';
import { windowFacts } from '../window-facts.ts';
import type { Progress } from './progress.ts';

/**
 * Compares what was shown with what the user's devices show. Every refusal pays the same.
 */
export async function verifyResponse<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  {
    presented: { text: challenge, issued },
    credential,
    passwordVersion,
    emergencyCodes,
  }: {
    readonly presented: PresentedChallenge;
    readonly credential: PresentedCredential;
    /** Of a password that was demanded in front of it and was right; else null. */
    readonly passwordVersion: number | null;
    readonly emergencyCodes: readonly EmergencyCode[];
  },
): Promise<Verdict<Success>> {
  const { request, nowMs, context } = progress;
  const { policy } = examined;
  const { serial, applicationName } = request;
  const { authenticators } = found;
  const eligible = eligibleAuthenticators(
    { authenticators, serial, applicationName, purpose: 'verify' },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return refuseUnseen(progress, examined, eligible.refused);
  const candidatesFrom = eligible.authenticators;
  const input: VerificationInput = { candidatesFrom, credential, challenge, issued };
  const key = planKey(candidatesFrom, examined.issued);
  if (progress.planned?.key !== key) {
    const planning = planVerification(input, nowMs, policy);
    if (planning.kind === 'refused') {
      const { refused } = planning;
      if (refused.code !== 'response-incorrect') return refuseUnseen(progress, examined, refused);
      await payDecoy(progress, policy);
      return refusedUnread(examined, refused, nowMs, unreadOf(candidatesFrom));
    }
    const { plan } = planning;
    const tape = createMacTape(context.module, plan, candidatesFrom, context.logon);
    const pins = createPinTape(context, context.logon, plan.pins);
    progress.planned = { plan, tape, pins, key };
  }
  const { plan, tape, pins } = progress.planned;
  const wrongPins = await pins.wrong();
  const compared = await compare(plan, tape, wrongPins, input, nowMs, policy);
  const { decision } = compared;
  const { finish } = progress.purpose;
  const behind = { context, examined, nowMs, found, emergencyCodes, passwordVersion };
  const hostCode = {
    wish: request.hostCode ?? 'none',
    challenge: askedOf(input, policy).challenge,
  };
  const proof: Proof<Success> = { ...behind, plan, tape, finish, hostCode };
  if (decision.kind === 'accepted') return accept(decision, proof);
  const looked = { key, plan, input, wrongPins, found, compared, policy };
  const further = await lookFurther(progress, looked);
  if (further.kind === 'synchronised') return acceptSecond(further.decision, proof);
  return refusedCompared(examined, decision, {
    tape,
    applications: applicationsOf(plan, further.notes),
    isSearched: further.notes.length > 0,
    facts: { ...windowFacts(plan, input, nowMs, policy), ...further.facts },
    interruption: further.interruption ?? (await payPins(pins)),
  });
}

function unreadOf(
  authenticators: VerificationInput['candidatesFrom'],
): Parameters<typeof refusedUnread>[3] {
  return authenticators.flatMap(({ applications }) =>
    applications.map(({ id: applicationId, epoch }) => ({
      applicationId,
      epoch,
      pendingSync: null,
    })),
  );
}

/** After a comparison nothing may undo that the response was found wrong. */
async function payPins(pins: PinTape): Promise<ReturnType<typeof faultOf> | null> {
  try {
    await pins.complete();
    return null;
  } catch (error) {
    return faultOf(error);
  }
}

/** A refusal before anything was compared; it pays what a comparison costs. */
export async function refuseUnseen<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  refused: Refused,
): Promise<RefusedVerdict> {
  await payDecoy(progress, examined.policy);
  return refusedUnseen(examined, refused);
}

/** Once an attempt, and not when it already paid for a plan of its own. */
export async function payDecoy<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  policy: EffectivePolicy,
): Promise<void> {
  const { context, planned } = progress;
  if (planned !== null) {
    await planned.pins.complete();
    await planned.tape.complete();
  } else {
    await progress.decoyPins.complete();
    progress.decoy ??= createMacTape(context.module, planDecoy(policy), [], context.logon);
    await progress.decoy.complete();
  }
  await payForLooking(progress, policy);
}
