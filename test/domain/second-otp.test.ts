import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Application, User } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { syncMacs } from '../../src/domain/policy-cost.ts';
import {
  decideSecondOtp,
  planSecondOtp,
  planSecondOtpDecoy,
  type SecondOtpDecision,
} from '../../src/domain/second-otp.ts';
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
  planOf,
  policyWith,
  realMac,
  responseAt,
  type Shown,
  stepAt,
  totp,
  userWith,
  noWrongPins,
} from './support.ts';

const remembering = { secondOtpSync: true, syncTimeWindowSeconds: 7200, syncEventWindowSteps: 60 };
const policy = policyWith(remembering);
const clock = applicationWith(totp(), { driftAtMs: noonMs - 3_600_000 });
const counter = applicationWith(hotp, { nextEventCounter: 10n });
const combined = applicationWith(ocra('C-QN08-T30S'), {
  nextEventCounter: 10n,
  driftAtMs: noonMs - 3_600_000,
});

interface Attempt {
  readonly application: Application;
  readonly user?: User;
  readonly nowMs?: number;
  readonly policy?: EffectivePolicy;
  readonly mac?: Mac;
  readonly assignmentVersion?: number;
  readonly epochNow?: number;
  readonly wrongPins?: ReadonlySet<string>;
}

/** A response that every window refused, looked for in the whole space. */
function look(shown: Shown | string, attempt: Attempt): SecondOtpDecision {
  const { application, mac = realMac, nowMs = noonMs } = attempt;
  const ruling = attempt.policy ?? policy;
  const assignment = { assignmentVersion: attempt.assignmentVersion ?? 1 };
  const owner = authenticatorWith([application], assignment);
  const challenge = typeof shown === 'string' ? null : (shown.challenge ?? null);
  const response = typeof shown === 'string' ? shown : responseAt(application, shown, mac);
  const input = inputWith([owner], response, challenge);
  const plan = planSecondOtp(planOf(input, ruling, nowMs), input, nowMs, ruling);
  const marks = marksOf(plan, macsOf(plan.candidates, [owner], mac));
  const epoch = attempt.epochNow ?? application.epoch;
  const current = [authenticatorWith([{ ...application, epoch }], assignment)];
  return decideSecondOtp(
    plan,
    marks,
    attempt.wrongPins ?? noWrongPins,
    current,
    attempt.user ?? userWith(),
    nowMs,
    ruling,
  );
}

/** The application after a refusal, as the store leaves it. */
function noted(application: Application, decision: SecondOtpDecision): Application {
  if (decision.kind !== 'refused') throw new Error(decision.kind);
  const [note] = decision.notes;
  return { ...application, pendingSync: note?.pendingSync ?? null };
}

const once = userWith({ lockCount: 1 });
const at = (seconds: number): Shown => ({ step: stepAt(seconds) });

describe('a response out of the window', () => {
  it('is remembered where it stood, and the next one synchronises and is accepted', () => {
    const first = look(at(1800), { application: clock });
    expect(first).toMatchObject({ remembered: { position: { timeStep: stepAt(1800) } } });
    const application = noted(clock, first);
    const second = look(at(1830), { application, user: once });
    expect(second).toMatchObject({
      kind: 'synchronised',
      first: { timeStep: stepAt(1800) },
      position: { timeStep: stepAt(1830) },
      advance: {
        guard: { pendingSync: application.pendingSync },
        set: { lastStep: stepAt(1830), driftSeconds: 1845 },
      },
    });
    if (second.kind !== 'synchronised') return;
    const after = advanced(application, second.advance)!;
    expect(after.lastStep).toBe(stepAt(1830));
    // Both are used up.
    for (const seconds of [1800, 1830]) {
      expect(look(at(seconds), { application: after, user: once })).toMatchObject({
        kind: 'refused',
        remembered: null,
      });
    }
  });

  it.each([
    ['counter', counter, { counter: 40n }, { counter: 41n }],
    [
      'clock and counter',
      combined,
      { counter: 40n, step: stepAt(600), challenge: '1' },
      { counter: 41n, step: stepAt(600), challenge: '1' },
    ],
  ] as const)('works by %s', (_, application, first, second) => {
    const pending = noted(application, look(first, { application }));
    expect(look(second, { application: pending, user: once }).kind).toBe('synchronised');
  });

  it.each([
    ['the same again', 1800],
    ['an earlier one', 1770],
    ['one that skips a step', 1860],
    ['one from elsewhere', -1800],
  ])('is not confirmed by %s, which is remembered instead', (_, seconds) => {
    const application = noted(clock, look(at(1800), { application: clock }));
    const second = look(at(seconds), { application, user: once });
    expect(second).toMatchObject({
      kind: 'refused',
      remembered: { position: { timeStep: stepAt(seconds) } },
    });
  });

  it('is forgotten by a wrong one in between', () => {
    const pending = noted(clock, look(at(1800), { application: clock }));
    const wrong = look('0000000', { application: pending, user: once });
    expect(wrong).toMatchObject({ kind: 'refused', remembered: null });
    const application = noted(pending, wrong);
    expect(application.pendingSync).toBeNull();
    const user = userWith({ lockCount: 2 });
    expect(look(at(1830), { application, user }).kind).toBe('refused');
  });

  it.each<[string, Partial<Attempt>]>([
    ['a success in between', { user: userWith({ lockCount: 1, lastSuccessAtMs: noonMs }) }],
    ['a success that set the count to 0', { user: userWith() }],
    ['another failure that noted nothing', { user: userWith({ lockCount: 2 }) }],
    ['a lock', { user: userWith({ lockCount: 1, lockedAtMs: noonMs, lockedBy: 'threshold' }) }],
    ['an unlock that set the count back', { user: userWith({ lockCount: 1, version: 2 }) }],
    ['a new assignment', { user: once, assignmentVersion: 2 }],
    ['its end of life', { user: once, nowMs: noonMs + 300_000 }],
    ['a reset', { user: once, epochNow: 2 }],
  ])('is not confirmed after %s', (_, attempt) => {
    const application = noted(clock, look(at(1800), { application: clock }));
    expect(look(at(1830), { application, ...attempt }).kind).toBe('refused');
  });

  it('lives until its last millisecond', () => {
    const application = noted(clock, look(at(1800), { application: clock }));
    const nowMs = noonMs + 299_999;
    expect(look(at(1830), { application, user: once, nowMs }).kind).toBe('synchronised');
  });

  it('is not remembered at or behind the floor, nor further back than a clock may go', () => {
    const used = { ...clock, lastStep: stepAt(1800), floorMs: noonMs + 1_830_000 };
    for (const seconds of [1800, 600, -1800]) {
      const decision = look(at(seconds), { application: used });
      expect([seconds, decision]).toMatchObject([seconds, { kind: 'refused', remembered: null }]);
    }
    const limited = policyWith({ ...remembering, syncBackwardMarginSeconds: 900 });
    const back = (seconds: number): SecondOtpDecision =>
      look(at(seconds), { application: clock, policy: limited });
    expect(back(-900)).toMatchObject({ remembered: {} });
    expect(back(-1800)).toMatchObject({ remembered: null });
  });

  it('is worth nothing with a wrong PIN: not remembered, and confirming nothing', () => {
    const wrongPins = new Set([clock.id]);
    expect(look(at(1800), { application: clock, wrongPins })).toMatchObject({
      kind: 'refused',
      notes: [{ applicationId: clock.id, pendingSync: null }],
      remembered: null,
    });
    const pending = noted(clock, look(at(1800), { application: clock }));
    const second = { application: pending, user: once, wrongPins };
    expect(look(at(1830), second)).toMatchObject({ kind: 'refused', remembered: null });
  });

  it('is not remembered on a frozen clock', () => {
    const frozen = { ...clock, isDriftFrozen: true };
    expect(look(at(1800), { application: frozen })).toMatchObject({ notes: [], remembered: null });
  });

  it('counts for nothing where it stands in too many places', () => {
    const everywhere: Mac = () => new Uint8Array(20);
    const response = responseAt(clock, at(0), everywhere);
    const decision = look(response, { application: clock, mac: everywhere });
    expect(decision).toMatchObject({ kind: 'refused', remembered: null });
  });
});

describe('the search', () => {
  it('costs the same whatever is found, and as much for nobody', () => {
    const costs = (application: Application, response: string): number | undefined => {
      const input = inputWith([authenticatorWith([application])], response);
      return planSecondOtp(planOf(input, policy), input, noonMs, policy).chunkEnds.at(-1);
    };
    const expected = syncMacs(policy, false);
    expect(costs(clock, '000000')).toBe(expected);
    expect(costs(clock, responseAt(clock, at(1800)))).toBe(expected);
    expect(costs(counter, '000000')).toBe(expected);
    expect(planSecondOtpDecoy(policy).chunkEnds).toEqual([expected]);
    expect(planSecondOtpDecoy(policyWith()).chunkEnds).toEqual([0]);
  });

  it('property: accepts exactly a consecutive pair, in whatever order the two come', () => {
    const mac = injectiveMac();
    const step = fc.integer({ min: -110, max: 110 });
    fc.assert(
      fc.property(step, step, (one, two) => {
        const [first, second] = [at(one * 30), at(two * 30)];
        const pending = noted(clock, look(first, { application: clock, mac }));
        const decision = look(second, { application: pending, user: once, mac });
        expect(decision.kind === 'synchronised').toBe(two === one + 1);
      }),
    );
  });
});

describe('what is remembered', () => {
  it('is never guessed at: a damaged row is a fault', () => {
    const damaged = { ...clock, pendingSync: '{"positions":[["x",null]]}' };
    expect(() => look(at(1800), { application: damaged, user: once })).toThrow(/damaged/);
  });

  it('confirms nothing once its place is used', () => {
    const pending = noted(clock, look(at(1800), { application: clock }));
    const used = { ...pending, lastStep: stepAt(1800), floorMs: noonMs + 1_830_000 };
    expect(look(at(1830), { application: used, user: once })).toMatchObject({
      kind: 'refused',
      remembered: { position: { timeStep: stepAt(1830) } },
    });
  });

  it('skips no counter, whatever the clock says', () => {
    const first = { counter: 40n, step: stepAt(600), challenge: '1' };
    const pending = noted(combined, look(first, { application: combined }));
    for (const second of [
      { ...first, counter: 42n },
      { ...first, counter: 40n, step: stepAt(630) },
      { ...first, counter: 41n, step: stepAt(570) },
      { ...first, counter: 41n, step: stepAt(660) },
    ]) {
      expect(look(second, { application: pending, user: once }).kind).toBe('refused');
    }
    const apart = { counter: 40n };
    const event = noted(counter, look(apart, { application: counter }));
    expect(look({ counter: 42n }, { application: event, user: once }).kind).toBe('refused');
  });

  it('says nothing where two applications may have shown it', () => {
    const mac = injectiveMac();
    const other = { ...clock, id: 'application-2' };
    const owner = authenticatorWith([clock, other]);
    const shown = responseAt(clock, at(1800), mac);
    const both: Mac = (application, message) => mac({ ...application, id: clock.id }, message);
    const input = inputWith([owner], shown);
    const plan = planSecondOtp(planOf(input, policy), input, noonMs, policy);
    const marks = marksOf(plan, macsOf(plan.candidates, [owner], both));
    const decision = decideSecondOtp(plan, marks, noWrongPins, [owner], userWith(), noonMs, policy);
    expect(decision).toMatchObject({ kind: 'refused', remembered: null });
    if (decision.kind !== 'refused') return;
    expect(decision.notes.map(({ pendingSync }) => pendingSync)).toEqual([null, null]);
  });

  it('needs a mark for every candidate', () => {
    const owner = authenticatorWith([clock]);
    const input = inputWith([owner], '000000');
    const plan = planSecondOtp(planOf(input, policy), input, noonMs, policy);
    const decide = (): unknown =>
      decideSecondOtp(plan, new Uint8Array(3), noWrongPins, [owner], userWith(), noonMs, policy);
    expect(decide).toThrow(/all its marks/);
  });
});
