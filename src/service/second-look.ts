import { type CountersAhead, countersAhead } from '../domain/counters-ahead.ts';
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
import { type Facts, nobodyId, positionFacts } from './attempt.ts';
import { type Comparison, faultOf } from './comparing.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape } from './mac-tape.ts';
import { packagesReadMax } from './offline/subject.ts';

/** What outlives a round: the wider search and its MACs. */
export interface SecondLook {
  searched: { readonly plan: SecondOtpPlan; readonly tape: MacTape; readonly key: string } | null;
  decoy: MacTape | null;
  /** What workstations may have used of the user's counters; null before it was read. */
  ahead: CountersAhead | null;
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
 *
 * Where it does not, but workstations verify without a server, the event-based applications of which one has
 * responses are searched as far as these go. Each refusal reads for it, of nobody if it is about nobody; the
 * search is paid by those alone who have such a package, and that is all that its time tells.
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
  if (interruption !== null) return { ...nothing, interruption };
  const isWrong =
    decision.kind === 'refused' &&
    (decision.refused.code === 'response-incorrect' || decision.refused.code === 'pin-incorrect');
  try {
    const ahead = await readAhead(looking, attempt.found.user.id, policy);
    const isSearched = policy.secondOtpSync || ahead.size > 0;
    if (isWrong && isSearched) return await search(looking, attempt, ahead);
    await payForLooking(looking, policy);
    return { ...nothing, interruption };
  } catch (error) {
    return { ...nothing, interruption: faultOf(error) };
  }
}

/** What a refusal pays where nothing was searched; once an attempt. */
export async function payForLooking(looking: Looking, policy: EffectivePolicy): Promise<void> {
  const { context, second } = looking;
  await readAhead(looking, nobodyId, policy);
  if (!policy.secondOtpSync) return;
  if (second.searched !== null) {
    await second.searched.tape.complete();
    return;
  }
  second.decoy ??= createMacTape(context.module, planSecondOtpDecoy(policy), [], context.sync);
  await second.decoy.complete();
}

const nothingAhead: CountersAhead = new Map();

/** Once an attempt, and only where any policy lets workstations verify: this one need not be theirs. */
async function readAhead(
  { context, second }: Looking,
  userId: string,
  policy: EffectivePolicy,
): Promise<CountersAhead> {
  if (policy.secondOtpSync) return nothingAhead;
  if (second.ahead !== null) return second.ahead;
  const { policies } = (await context.configuration.current()).snapshot;
  const isUsed = policies.some(({ settings }) => settings['offlineEnabled'] === true);
  second.ahead = isUsed
    ? countersAhead(await context.store.offlinePackagesOfUser(userId, packagesReadMax))
    : nothingAhead;
  return second.ahead;
}

async function search(
  { context, nowMs, second }: Looking,
  { key, plan: verification, input, wrongPins, found, policy }: Parameters<typeof lookFurther>[1],
  ahead: CountersAhead,
): Promise<Further> {
  if (second.searched?.key !== key) {
    const only = policy.secondOtpSync ? null : ahead;
    const plan = planSecondOtp(verification, input, nowMs, policy, only);
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
