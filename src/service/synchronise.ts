import { syncAccountState } from '../domain/account.ts';
import { eligibleAuthenticators } from '../domain/eligible.ts';
import { refusedFor } from '../domain/lock.ts';
import type { AuthenticatorWithApplications, UserWithAuthenticators } from '../domain/model.ts';
import type { Refused } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import {
  decideSynchronisation,
  planSynchronisation,
  planSynchronisationDecoy,
  type SynchronisationDecision,
  type SynchronisationInput,
  type SynchronisationPlan,
} from '../domain/resync.ts';
import { requirePermission } from './administration/access.ts';
import { type AnswerCodec, openAnswerSlot } from './answers.ts';
import type { Caller, RefusedAnswer, SynchroniseAnswer, SynchroniseRequest } from './api.ts';
import {
  findIssuedChallenge,
  organisationalUnitOf,
  parseTarget,
  positionFacts,
  type Reading,
} from './attempt.ts';
import type { Context } from './deps.ts';
import { createMacTape, type MacTape, planKey } from './mac-tape.ts';
import { createPinTape, type PinTape } from './pins.ts';
import { requireBoundedMembers } from './request-members.ts';
import { decideInRounds } from './rounds.ts';
import {
  applicationNameOf,
  costFacts,
  type Examined,
  nothingElse,
  ownerOf,
  refusedBefore,
  refusedCompared,
  refusedNobody,
  refusedUnseen,
  type RefusedVerdict,
  successChanges,
  type Verdict,
} from './verdicts.ts';

type SynchronisedAnswer = Exclude<SynchroniseAnswer, RefusedAnswer>;
type SynchroniseVerdict = Verdict<SynchronisedAnswer>;
type Synchronised = Extract<SynchronisationDecision, { kind: 'synchronised' }>;

/** What outlives a round: the plan and its MACs, so that none is computed twice. */
interface Progress {
  readonly context: Context;
  readonly caller: Caller;
  readonly request: SynchroniseRequest;
  readonly nowMs: number;
  planned: {
    readonly plan: SynchronisationPlan;
    readonly tape: MacTape;
    readonly pins: PinTape;
    readonly key: string;
  } | null;
  decoy: MacTape | null;
  readonly decoyPins: PinTape;
}

/** Counters are 64-bit: text in JSON. */
const codec: AnswerCodec<SynchroniseAnswer> = {
  encode: (answer) =>
    JSON.stringify(answer, (_name, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  // Only this server writes these rows, by `encode`.
  decode: (text) =>
    JSON.parse(text, (name, value: unknown) =>
      name === 'nextEventCounter' && typeof value === 'string' ? BigInt(value) : value,
    ) as SynchroniseAnswer,
};

/**
 * Brings host and device together by two consecutive responses. The whole space is searched; both
 * responses are used up; a locked user stays locked; a failure counts.
 *
 * @throws TallystickError as `authenticate`
 */
export async function synchronise(
  context: Context,
  caller: Caller,
  request: SynchroniseRequest,
): Promise<SynchroniseAnswer> {
  requirePermission(caller, 'authenticate');
  const nowMs = context.clock.nowMs();
  const target = parseTarget(request);
  requireBoundedMembers(request);
  const { userName, domainName, serial, pin, first, second } = request;
  const slot = await openAnswerSlot(
    context,
    { caller, nowMs, operation: 'synchronise' },
    {
      requestKey: request.requestKey,
      parts: [
        userName,
        domainName,
        serial,
        pin,
        first.response,
        first.challenge,
        second.response,
        second.challenge,
      ],
    },
    codec,
  );
  const progress: Progress = {
    context,
    caller,
    request,
    nowMs,
    planned: null,
    decoy: null,
    decoyPins: createPinTape(context, context.sync),
  };
  return decideInRounds(
    context,
    { action: 'synchronise', caller, target, nowMs },
    slot,
    (reading) => examine(progress, reading),
  );
}

async function examine(progress: Progress, reading: Reading): Promise<SynchroniseVerdict> {
  const { component, domain, found } = reading;
  if (component === null) return refusedBefore('component-unknown');
  const { policy } = component;
  if (policy.localAuthentication === 'none') return refusedBefore('nothing-verifies');
  const { context, caller, request, nowMs } = progress;
  const userId = found?.user.id ?? null;
  const issued = await Promise.all([
    findIssuedChallenge(context, caller, userId, request.first.challenge),
    findIssuedChallenge(context, caller, userId, request.second.challenge),
  ]);
  if (found === null) {
    await payDecoy(progress, policy);
    return refusedNobody(policy);
  }
  const account = syncAccountState(found.user, policy, nowMs);
  const examined: Examined = {
    user: found.user,
    domainName: domain?.name ?? '',
    account,
    policy,
    issued,
  };
  if (account.state === 'refused') {
    return refuseUnseen(progress, examined, refusedFor(account.code));
  }
  return search(progress, examined, found);
}

async function search(
  progress: Progress,
  examined: Examined,
  found: UserWithAuthenticators,
): Promise<SynchroniseVerdict> {
  const { context, request, nowMs } = progress;
  const { policy, issued } = examined;
  const eligible = eligibleAuthenticators(
    {
      authenticators: found.authenticators,
      serial: request.serial,
      applicationName: null,
      purpose: 'synchronise',
    },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return refuseUnseen(progress, examined, eligible.refused);
  const [authenticator] = eligible.authenticators;
  if (authenticator === undefined) throw new RangeError('eligible means at least one');
  const input: SynchronisationInput = {
    authenticator,
    first: { ...request.first, issuedChallenge: issued[0] ?? null },
    second: { ...request.second, issuedChallenge: issued[1] ?? null },
    pin: request.pin,
  };
  const key = planKey([authenticator], issued);
  if (progress.planned?.key !== key) {
    const planning = planSynchronisation(input, nowMs, policy);
    if (planning.kind === 'refused') return refuseUnseen(progress, examined, planning.refused);
    const { plan } = planning;
    const tape = createMacTape(context.module, plan, [authenticator], context.sync);
    const pins = createPinTape(context, context.sync, plan.pins);
    progress.planned = { plan, tape, pins, key };
  }
  const { plan, tape, pins } = progress.planned;
  const wrong = await pins.wrong();
  await pins.complete();
  await tape.complete();
  const current = ownerOf(authenticator.authenticator.id, found);
  const marks = tape.marks();
  const decision = decideSynchronisation(plan, marks, wrong, current, input, nowMs, policy);
  return decision.kind === 'synchronised'
    ? succeed(progress, decision, examined, current, tape)
    : refusedCompared(examined, decision, {
        tape,
        applications: plan.spaces.map(({ serving }) => ({
          applicationId: serving.application.id,
          epoch: serving.application.epoch,
          pendingSync: null,
        })),
        isSearched: false,
        facts: { serial: current.authenticator.serial, applications: plan.spaces.length },
        interruption: null,
      });
}

async function succeed(
  { context, caller }: Progress,
  decision: Synchronised,
  examined: Examined,
  owner: AuthenticatorWithApplications,
  tape: MacTape,
): Promise<SynchroniseVerdict> {
  const { advance, followers } = decision;
  const { serial } = owner.authenticator;
  const applicationName = applicationNameOf(decision.applicationId, owner);
  const followerNames = followers.map((one) => applicationNameOf(one.applicationId, owner));
  const mayLearn = caller.role === 'admin' || caller.role === 'helpdesk';
  return {
    kind: 'success',
    answer: {
      outcome: 'synchronised',
      userName: examined.user.userName,
      domainName: examined.domainName,
      organisationalUnit: await organisationalUnitOf(context, examined.user),
      serial,
      applicationName,
      learned: mayLearn
        ? {
            driftSeconds: decision.position.timeStep === null ? null : advance.set.driftSeconds,
            nextEventCounter:
              decision.position.eventCounter === null ? null : advance.set.nextEventCounter,
            followers: followerNames,
          }
        : null,
    },
    changes: { ...successChanges(examined, owner), ...nothingElse, advance, followers },
    facts: {
      serial,
      application: applicationName,
      ...positionFacts(decision.position),
      driftSecondsBefore: decision.driftSecondsBefore,
      driftSecondsAfter: decision.driftSecondsAfter,
      followers: followerNames.join(','),
      ...costFacts(tape),
    },
  };
}

/** A refusal before anything was compared; it pays what a search costs. */
async function refuseUnseen(
  progress: Progress,
  examined: Examined,
  refused: Refused,
): Promise<RefusedVerdict> {
  await payDecoy(progress, examined.policy);
  return refusedUnseen(examined, refused);
}

async function payDecoy(progress: Progress, policy: EffectivePolicy): Promise<void> {
  const { context, request } = progress;
  if (progress.planned !== null) {
    await progress.planned.pins.complete();
    return progress.planned.tape.complete();
  }
  await progress.decoyPins.complete();
  const plan = planSynchronisationDecoy(request, policy);
  progress.decoy ??= createMacTape(context.module, plan, [], context.sync);
  await progress.decoy.complete();
}
