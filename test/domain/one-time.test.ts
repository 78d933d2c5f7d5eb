import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newEpoch } from '../../src/domain/application.ts';
import type { Application } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import type { Position } from '../../src/domain/outcomes.ts';
import {
  decideSynchronisation,
  planSynchronisation,
  type SynchronisationInput,
} from '../../src/domain/resync.ts';
import { decideSecondOtp, planSecondOtp } from '../../src/domain/second-otp.ts';
import {
  decideVerification,
  planVerification,
  type VerificationInput,
  type VerificationPlan,
} from '../../src/domain/verification.ts';
import {
  algorithmInputs,
  parseAlgorithmText,
  type ResponseAlgorithm,
} from '../../src/oath/index.ts';
import {
  advanced,
  applicationWith,
  authenticatorWith,
  hotp,
  injectiveMac,
  inputWith,
  type Mac,
  macsOf,
  marksOf,
  noonMs,
  ocra,
  partWith,
  policyWith,
  realMac,
  responseAt,
  type Shown,
  stepAt,
  totp,
  noWrongPins,
  responseIn,
} from './support.ts';
import { ModelStore } from './model-store.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof.ts';

interface World {
  readonly store: ModelStore;
  readonly policy: EffectivePolicy;
  readonly mac: Mac;
  /** Every response that was let in or used up: it must not be in here twice. */
  readonly accepted: string[];
  /** Which response stood at a position, for those that were remembered. */
  readonly shown: Map<string, string>;
}

/** An attempt yields wherever another may come between: between load, MACs, decision and commit. */
type Attempt = Generator<undefined, void, undefined>;

const commitTries = 4;

function* verifying(world: World, input: Shown, nowMs: number): Attempt {
  const { store, policy, mac, accepted } = world;
  const response = responseAt(store.application(), input, mac);
  const loaded = (): VerificationInput =>
    inputWith([store.state], response, input.challenge ?? null);
  let current = loaded();
  yield;
  const planning = planVerification(current, nowMs, policy);
  if (planning.kind === 'refused') return;
  const { plan } = planning;
  const marks = marksOf(plan, macsOf(plan.candidates, [store.state], mac));
  yield;
  for (let tries = 0; tries < commitTries; tries += 1) {
    const decision = decideVerification(
      plan,
      marks,
      noWrongPins,
      current.candidatesFrom,
      current,
      nowMs,
      policy,
    );
    yield;
    if (decision.kind !== 'accepted') {
      if (policy.secondOtpSync) yield* lookingFurther(world, plan, current, nowMs);
      return;
    }
    if (store.commit(advanced(store.application(), decision.advance), nowMs)) {
      accepted.push(response);
      return;
    }
    current = loaded();
    yield;
  }
}

/** What the service does with a wrong response where the policy remembers such. */
function* lookingFurther(
  world: World,
  failed: VerificationPlan,
  input: VerificationInput,
  nowMs: number,
): Attempt {
  const { store, policy, mac, accepted, shown } = world;
  const plan = planSecondOtp(failed, input, nowMs, policy);
  const marks = marksOf(plan, macsOf(plan.candidates, input.candidatesFrom, mac));
  for (let tries = 0; tries < commitTries; tries += 1) {
    yield;
    const { epoch } = store.application();
    const decision = decideSecondOtp(
      plan,
      marks,
      noWrongPins,
      [store.state],
      store.user,
      nowMs,
      policy,
    );
    yield;
    if (decision.kind === 'refused') {
      const [note] = decision.notes;
      if (decision.remembered !== null) shown.set(placeOf(decision.remembered), responseIn(input));
      if (store.note(epoch, note?.pendingSync ?? null)) return;
    } else if (store.commit(advanced(store.application(), decision.advance), nowMs)) {
      accepted.push(shown.get(placeOf({ position: decision.first })) ?? '?', responseIn(input));
      return;
    }
  }
}

function placeOf({ position }: { readonly position: Position }): string {
  return `${String(position.eventCounter)} ${String(position.timeStep)}`;
}

function* synchronising(world: World, first: Shown, second: Shown, nowMs: number): Attempt {
  const { store, policy, mac, accepted } = world;
  const [one, two] = [first, second].map((shown) =>
    partWith(responseAt(store.application(), shown, mac), shown.challenge ?? null),
  );
  const loaded = (): SynchronisationInput => ({
    authenticator: store.state,
    first: one!,
    second: two!,
    pin: null,
  });
  let input = loaded();
  yield;
  const planning = planSynchronisation(input, nowMs, policy);
  if (planning.kind === 'refused') return;
  const { plan } = planning;
  const marks = marksOf(plan, macsOf(plan.candidates, [store.state], mac));
  yield;
  for (let tries = 0; tries < commitTries; tries += 1) {
    const decision = decideSynchronisation(
      plan,
      marks,
      noWrongPins,
      input.authenticator,
      input,
      nowMs,
      policy,
    );
    yield;
    if (decision.kind !== 'synchronised') return;
    if (store.commit(advanced(store.application(), decision.advance), nowMs)) {
      accepted.push(one!.response, two!.response);
      return;
    }
    input = loaded();
    yield;
  }
}

/** An administrator's reset may come at any moment. */
function* resetting({ store }: World): Attempt {
  yield;
  const application = store.application();
  store.replace({ ...application, ...newEpoch(application, noonMs) });
}

/** Runs the attempts to their ends, always resuming the one that the schedule names. */
function interleave(attempts: readonly Attempt[], schedule: readonly number[]): void {
  const running = [...attempts];
  for (let turn = 0; running.length > 0; turn += 1) {
    const index = (schedule[turn] ?? 0) % running.length;
    if (running[index]!.next().done === true) running.splice(index, 1);
  }
}

const algorithms: readonly ResponseAlgorithm[] = [
  hotp,
  totp(),
  ocra('C-QN08'),
  ocra('QN08-T30S'),
  ocra('C-QN08-T30S'),
  ocra('C-T30S', { allowMissingQuestion: true }),
  parseAlgorithmText('OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000'),
];

const places = fc.record({
  offset: fc.integer({ min: -2, max: 4 }),
  events: fc.integer({ min: 0, max: 4 }),
  challenge: fc.constantFrom('1', '2', '16', '00000002'),
  laterMs: fc.integer({ min: -40_000, max: 40_000 }),
});
type Placed = typeof places extends fc.Arbitrary<infer Value> ? Value : never;

const actions = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('verify' as const), at: places }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('sync' as const),
      at: places,
      gap: fc.integer({ min: 0, max: 1 }),
      other: fc.constantFrom('1', '2', '16'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const) }) },
);
type Action = typeof actions extends fc.Arbitrary<infer Value> ? Value : never;

function shownAt(algorithm: ResponseAlgorithm, at: Placed, further = 0, gap = 0): Shown {
  const { eventCounter, timeStep, question } = algorithmInputs(algorithm);
  return {
    ...(eventCounter ? { counter: BigInt(at.events + further) } : {}),
    ...(timeStep ? { step: stepAt() + BigInt(at.offset + gap) } : {}),
    ...(question ? { challenge: at.challenge } : {}),
  };
}

function attemptOf(world: World, algorithm: ResponseAlgorithm, action: Action): Attempt {
  if (action.kind === 'reset') return resetting(world);
  const nowMs = noonMs + action.at.laterMs;
  const first = shownAt(algorithm, action.at);
  if (action.kind === 'verify') return verifying(world, first, nowMs);
  const second = shownAt(algorithm, { ...action.at, challenge: action.other }, 1, action.gap);
  return synchronising(world, first, second, nowMs);
}

function worldOf(
  application: Application,
  mac: Mac,
  settings: Partial<EffectivePolicy> = {},
): World {
  const policy = policyWith({
    identificationTimeWindowSteps: 8,
    eventWindowSteps: 6,
    syncTimeWindowSeconds: 600,
    syncEventWindowSteps: 10,
    ...settings,
  });
  return { store: new ModelStore(application), policy, mac, accepted: [], shown: new Map() };
}

function expectOneTime(world: World): void {
  expect(new Set(world.accepted).size).toBe(world.accepted.length);
  for (const [index, after] of world.store.history.entries()) {
    const before = world.store.history[index - 1];
    if (before === undefined) continue;
    expect(after.nextEventCounter >= before.nextEventCounter).toBe(true);
    expect(after.floorMs).toBeGreaterThanOrEqual(before.floorMs);
    if (after.epoch === before.epoch) expect(after.lastStep >= before.lastStep).toBe(true);
  }
}

const schedules = fc.array(fc.nat({ max: 7 }), { maxLength: 60 });

describe('one-time means once', () => {
  it.each(algorithms.map((algorithm) => [labelOf(algorithm), algorithm] as const))(
    '%s: in any interleaving nothing is accepted twice and nothing goes back',
    (_, algorithm) => {
      fc.assert(
        fc.property(
          fc.array(actions, { minLength: 2, maxLength: 8 }),
          schedules,
          (script, schedule) => {
            // Numbers are given out as responses are seen, so no two positions share one.
            const world = worldOf(applicationWith(algorithm), injectiveMac());
            const attempts = script.map((action) => attemptOf(world, algorithm, action));
            interleave(attempts, schedule);
            expectOneTime(world);
          },
        ),
        proofRuns(60),
      );
    },
    proofTimeoutMs,
  );

  // Windows so narrow that most responses are remembered and only their next ones let in.
  const narrow = { secondOtpSync: true, identificationTimeWindowSteps: 0, eventWindowSteps: 1 };

  it.each(
    algorithms
      .filter((algorithm) => algorithm.kind !== 'challenge-response')
      .map((algorithm) => [labelOf(algorithm), algorithm] as const),
  )(
    '%s: nor where responses are remembered and confirmed by the next one',
    (_, algorithm) => {
      let confirmed = 0;
      fc.assert(
        fc.property(
          fc.array(actions, { minLength: 3, maxLength: 10 }),
          schedules,
          (script, schedule) => {
            const world = worldOf(applicationWith(algorithm), injectiveMac(), narrow);
            const pairs = script.flatMap((action): Attempt[] => {
              if (action.kind !== 'verify') return [attemptOf(world, algorithm, action)];
              const first = shownAt(algorithm, action.at);
              const second = shownAt(algorithm, action.at, 1, 1);
              return [first, second].map((shown) => verifying(world, shown, noonMs));
            });
            interleave(pairs, schedule);
            expectOneTime(world);
            confirmed += world.shown.size > 0 && world.accepted.length > 1 ? 1 : 0;
          },
        ),
        proofRuns(60),
      );
      expect(confirmed).toBeGreaterThan(0);
    },
    proofTimeoutMs,
  );

  it.each(algorithms.map((algorithm) => [labelOf(algorithm), algorithm] as const))(
    '%s: of copies of one response exactly one is accepted',
    (_, algorithm) => {
      fc.assert(
        fc.property(places, fc.integer({ min: 2, max: 8 }), schedules, (at, copies, schedule) => {
          const world = worldOf(applicationWith(algorithm), realMac);
          const inside = { ...at, offset: Math.max(-1, Math.min(1, at.offset)) };
          const attempts = Array.from({ length: copies }, () =>
            verifying(world, shownAt(algorithm, inside), noonMs + at.laterMs),
          );
          interleave(attempts, schedule);
          expect(world.accepted).toHaveLength(1);
        }),
        proofRuns(60),
      );
    },
    proofTimeoutMs,
  );

  it('is why the write is conditional: without conditions the same run accepts twice', () => {
    const application = applicationWith(hotp);
    const input = inputWith(
      [authenticatorWith([application])],
      responseAt(application, { counter: 0n }),
    );
    const planning = planVerification(input, noonMs, policyWith());
    if (planning.kind !== 'plan') throw new Error('refused');
    const { plan } = planning;
    const marks = marksOf(plan, macsOf(plan.candidates, input.candidatesFrom));
    const decide = (): ReturnType<typeof decideVerification> =>
      decideVerification(
        plan,
        marks,
        noWrongPins,
        input.candidatesFrom,
        input,
        noonMs,
        policyWith(),
      );
    const [one, two] = [decide(), decide()];
    if (one.kind !== 'accepted' || two.kind !== 'accepted') throw new Error('refused');
    const after = advanced(application, one.advance)!;
    expect(advanced(after, two.advance)).toBeNull();
  });
});

function labelOf(algorithm: ResponseAlgorithm): string {
  return algorithm.kind === 'challenge-response' ? algorithm.suite.text : algorithm.kind;
}
