import type { UserWithAuthenticators } from '../domain/model.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import {
  decideSecondOtp,
  planSecondOtp,
  planSecondOtpDecoy,
  type SecondOtpDecision,
  type SecondOtpPlan,
} from '../domain/second-otp.ts';
import type { VerificationInput, VerificationPlan } from '../domain/verification.ts';
import type { TallystickError } from '../errors.ts';
import { type Facts, positionFacts } from './attempt.ts';
import { type Comparison, faultOf } from './comparing.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape } from './mac-tape.ts';

/** What outlives a round: the wider search and its MACs. */
export interface SecondLook {
  searched: { readonly plan: SecondOtpPlan; readonly tape: MacTape; readonly key: string } | null;
  decoy: MacTape | null;
}

interface Looking {
  readonly context: Context;
  readonly nowMs: number;
  readonly second: SecondLook;
}

/** What a look beyond the window came to. */
export type Further =
  | {
      readonly kind: 'synchronised';
      readonly decision: Extract<SecondOtpDecision, { kind: 'synchronised' }>;
    }
  | {
      readonly kind: 'refused';
      readonly notes: Extract<SecondOtpDecision, { kind: 'refused' }>['notes'];
      readonly facts: Facts;
      readonly interruption: TallystickError | null;
    };

/**
 * Looks for a wrong response in the whole space of a synchronisation, where the policy remembers
 * such. Whatever is refused pays for it, found or not; a module that fails on the way leaves the
 * refusal as it is.
 */
export async function lookFurther(
  looking: Looking,
  attempt: {
    /** See `planKey`. */
    readonly key: string;
    readonly plan: VerificationPlan;
    readonly input: VerificationInput;
    readonly wrongPins: ReadonlySet<string>;
    readonly found: UserWithAuthenticators;
    readonly compared: Comparison;
    readonly policy: EffectivePolicy;
  },
): Promise<Further> {
  const { compared, policy } = attempt;
  const nothing = { kind: 'refused', notes: [], facts: {} } as const;
  const { decision, interruption } = compared;
  if (!policy.secondOtpSync || interruption !== null) return { ...nothing, interruption };
  const isWrong =
    decision.kind === 'refused' &&
    (decision.refused.code === 'response-incorrect' || decision.refused.code === 'pin-incorrect');
  try {
    if (isWrong) return await search(looking, attempt);
    await payForLooking(looking, policy);
    return { ...nothing, interruption };
  } catch (error) {
    return { ...nothing, interruption: faultOf(error) };
  }
}

/** What a refusal pays where nothing was searched; once an attempt. */
export async function payForLooking(looking: Looking, policy: EffectivePolicy): Promise<void> {
  const { context, second } = looking;
  if (!policy.secondOtpSync) return;
  if (second.searched !== null) {
    await second.searched.tape.complete();
    return;
  }
  second.decoy ??= createMacTape(context.module, planSecondOtpDecoy(policy), [], context.sync);
  await second.decoy.complete();
}

async function search(
  { context, nowMs, second }: Looking,
  { key, plan: verification, input, wrongPins, found, policy }: Parameters<typeof lookFurther>[1],
): Promise<Further> {
  if (second.searched?.key !== key) {
    const plan = planSecondOtp(verification, input, nowMs, policy);
    const tape = createMacTape(context.module, plan, input.candidatesFrom, context.sync);
    second.searched = { plan, tape, key };
  }
  const { plan, tape } = second.searched;
  await tape.complete();
  const { authenticators, user } = found;
  const marks = tape.marks();
  const decision = decideSecondOtp(plan, marks, wrongPins, authenticators, user, nowMs, policy);
  if (decision.kind === 'synchronised') return { kind: 'synchronised', decision };
  const { notes, remembered } = decision;
  const facts =
    remembered === null
      ? { remembered: false }
      : { remembered: true, ...positionFacts(remembered.position), distance: remembered.distance };
  return { kind: 'refused', notes, facts, interruption: null };
}
