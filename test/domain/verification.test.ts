import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newEpoch } from '../../src/domain/application.ts';
import type { Application } from '../../src/domain/model.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  inputWith,
  noonMs,
  planOf,
  policyWith,
  realMac,
  responseAt,
  stepAt,
  totp,
  verify,
} from './support.ts';
import { accepted, afterwards, attempt } from './attempt.ts';
import { proofRuns } from '../support/proof.ts';

describe('event applications', () => {
  const application = applicationWith(hotp, { nextEventCounter: 10n });

  it.each([
    [10n, 'accepted'],
    [14n, 'accepted'],
    [15n, 'response-incorrect'],
    [9n, 'response-replayed'],
    [5n, 'response-replayed'],
    [4n, 'response-incorrect'],
  ])('counter %s in a window of 5 from 10: %s', (counter, code) => {
    expect(codeOf(attempt(application, { counter }, { eventWindowSteps: 5 }))).toBe(code);
  });

  it('move past the accepted counter and leave time alone', () => {
    expect(accepted(attempt(application, { counter: 12n }))).toEqual({
      kind: 'accepted',
      authenticatorId: 'authenticator-1',
      applicationId: 'application-1',
      position: { eventCounter: 12n, timeStep: null },
      advance: {
        applicationId: 'application-1',
        epoch: 1,
        guard: {
          nextEventCounterAtMost: 12n,
          lastStepBelow: 0n,
          orSpentChallenges: null,
          failureCountBelow: null,
          pendingSync: null,
          pinVersion: 1,
        },
        set: {
          nextEventCounter: 13n,
          lastStep: -1n,
          floorMs: 0,
          spentChallenges: [],
          driftSeconds: 0,
          driftAtMs: null,
          driftHistory: '',
        },
        isForgiving: true,
      },
      driftSecondsBefore: 0,
      driftSecondsAfter: 0,
    });
  });

  it('begin at counter 0 without looking behind it', () => {
    const first = applicationWith(hotp);
    expect(codeOf(attempt(first, { counter: 0n }))).toBe('accepted');
    const plan = planOf(
      inputWith([authenticatorWith([first])], '123456'),
      policyWith({ eventWindowSteps: 3 }),
    );
    expect(plan.candidates.map((one) => one.position.eventCounter)).toEqual([0n, 1n, 2n]);
  });

  it('end where the store does', () => {
    const last = applicationWith(hotp, { nextEventCounter: 2n ** 53n - 2n });
    const after = afterwards(last, attempt(last, { counter: 2n ** 53n - 2n }));
    expect(after.nextEventCounter).toBe(2n ** 53n - 1n);
    expect(codeOf(attempt(after, { counter: 2n ** 53n - 1n }))).toBe('response-incorrect');
  });
});

describe('time applications', () => {
  const application = applicationWith(totp());
  const ten = { identificationTimeWindowSteps: 10 };

  it('see 11 candidates in a window of 10 steps, nearest first', () => {
    const plan = planOf(inputWith([authenticatorWith([application])], '123456'), policyWith(ten));
    const offsets = plan.candidates.map((one) => Number(one.position.timeStep! - stepAt()));
    expect(offsets).toEqual([0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5]);
    // A refusal costs as much as one by counter, which has 20 and looks five back.
    expect(plan.chunkEnds).toEqual([1, 5, 21, 25]);
  });

  it('have candidates that say whose they are, and whether they were used', () => {
    const used = { ...application, lastStep: stepAt() - 1n };
    const plan = planOf(inputWith([authenticatorWith([used])], '123456'), policyWith(ten));
    expect(plan.candidates.slice(0, 3)).toMatchObject([
      { authenticatorId: 'authenticator-1', applicationId: 'application-1', isSpent: false },
      { epoch: 1, challengeKey: null, distance: 1, isSpent: true },
      { isSpent: false },
    ]);
  });

  it.each([-5n, -1n, 0n, 5n])('accept %s steps from the expected one', (offset) => {
    expect(codeOf(attempt(application, { step: stepAt() + offset }, ten))).toBe('accepted');
  });

  it.each([-6n, 6n])('refuse %s steps from the expected one', (offset) => {
    const outcome = attempt(application, { step: stepAt() + offset }, ten);
    expect(codeOf(outcome)).toBe('response-incorrect');
  });

  it('refuse the last step and those before it as replays, and say where', () => {
    const used = { ...application, lastStep: stepAt() - 1n };
    for (const step of [stepAt() - 1n, stepAt() - 2n]) {
      expect(attempt(used, { step })).toEqual({
        kind: 'refused',
        refused: { code: 'response-replayed', counts: true },
        nearest: {
          position: { eventCounter: null, timeStep: step },
          distance: Number(stepAt() - step),
        },
      });
    }
    expect(codeOf(attempt(used, { step: stepAt() }))).toBe('accepted');
  });

  it('keep a floor in milliseconds through a change of the time step', () => {
    const used = afterwards(application, attempt(application, { step: stepAt() }));
    expect(used.floorMs).toBe(noonMs + 30_000);
    const hourly = { ...used, ...newEpoch(used, noonMs), algorithm: totp(3600) };
    expect(hourly).toMatchObject({ epoch: 2, lastStep: -1n, floorMs: noonMs + 30_000 });
    // The hour that noon belongs to began before the floor, the next one after it.
    expect(codeOf(attempt(hourly, { step: stepAt(0, 3600) }))).toBe('response-replayed');
    expect(codeOf(attempt(hourly, { step: stepAt(3600, 3600) }))).toBe('accepted');
    const tenfold = { ...hourly, algorithm: totp(10) };
    expect(codeOf(attempt(tenfold, { step: stepAt(20, 10) }))).toBe('response-replayed');
    expect(codeOf(attempt(tenfold, { step: stepAt(30, 10) }))).toBe('accepted');
  });

  it('count from their own origin', () => {
    const origin = noonMs / 1000 - 3000;
    const late = applicationWith(totp(30, origin));
    expect(codeOf(attempt(late, { step: 100n }))).toBe('accepted');
    expect(codeOf(attempt(late, { step: 0n }, {}, noonMs - 3_030_000))).toBe('accepted');
    const early = attempt(late, { step: 0n }, {}, noonMs - 9_000_000);
    expect(codeOf(early)).toBe('response-incorrect');
  });
});

describe('learned drift', () => {
  const application = applicationWith(totp(), { driftSeconds: 5, driftAtMs: 1 });

  it('stays while responses come in the expected step, with a new date', () => {
    const outcome = accepted(attempt(application, { step: stepAt() }));
    expect(outcome.advance.set).toMatchObject({ driftSeconds: 5, driftAtMs: noonMs });
  });

  it('moves to the middle of a neighbouring step', () => {
    // At noon the next step's middle is 45 s away, more than a step from the learned 5 s.
    const ahead = accepted(attempt(application, { step: stepAt() + 1n }));
    expect(ahead).toMatchObject({ driftSecondsBefore: 5, driftSecondsAfter: 35 });
    const behind = accepted(attempt(application, { step: stepAt() - 1n }));
    expect(behind.driftSecondsAfter).toBe(-15);
  });

  it('moves by one step at the most, however far the response was', () => {
    expect(accepted(attempt(application, { step: stepAt() + 9n })).driftSecondsAfter).toBe(35);
    expect(accepted(attempt(application, { step: stepAt() - 9n })).driftSecondsAfter).toBe(-25);
  });

  it('shifts the window', () => {
    const fast = applicationWith(totp(), { driftSeconds: 600 });
    const narrow = { identificationTimeWindowSteps: 0 };
    expect(codeOf(attempt(fast, { step: stepAt(600) }, narrow))).toBe('accepted');
    expect(codeOf(attempt(fast, { step: stepAt() }, narrow))).toBe('response-incorrect');
  });

  it('never lets a used step serve again, though it is not a multiple of the step', () => {
    let used: Application = { ...application, driftSeconds: -17 };
    for (const offset of [2n, 3n]) {
      used = afterwards(used, attempt(used, { step: stepAt() + offset }));
    }
    for (const offset of [2n, 3n, 1n]) {
      expect(codeOf(attempt(used, { step: stepAt() + offset }))).toBe('response-replayed');
    }
  });
});

describe('properties', () => {
  const windows = fc.integer({ min: 0, max: 30 });

  it('a time window of n accepts skews up to n/2 and no others', () => {
    fc.assert(
      fc.property(
        windows,
        fc.integer({ min: -40, max: 40 }),
        fc.constantFrom(1, 30, 60),
        fc.integer({ min: 0, max: 86_399_999 }),
        (identificationTimeWindowSteps, skew, timeStepSeconds, laterMs) => {
          const nowMs = noonMs + laterMs;
          const application = applicationWith(totp(timeStepSeconds));
          const step = BigInt(Math.floor(nowMs / 1000 / timeStepSeconds)) + BigInt(skew);
          const outcome = attempt(application, { step }, { identificationTimeWindowSteps }, nowMs);
          const isInside = Math.abs(skew) <= Math.floor(identificationTimeWindowSteps / 2);
          expect(outcome.kind).toBe(isInside ? 'accepted' : 'refused');
        },
      ),
      proofRuns(100),
    );
  });

  it('an event window of W accepts W - 1 unused presses and no more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.bigInt({ min: 0n, max: 40n }),
        fc.bigInt({ min: 0n, max: 2n ** 40n }),
        (eventWindowSteps, skew, nextEventCounter) => {
          const application = applicationWith(hotp, { nextEventCounter });
          const counter = nextEventCounter + skew;
          const outcome = attempt(application, { counter }, { eventWindowSteps });
          expect(outcome.kind).toBe(skew < eventWindowSteps ? 'accepted' : 'refused');
        },
      ),
      proofRuns(100),
    );
  });

  it('drift follows a device that gains or loses up to a step between logins', () => {
    fc.assert(
      fc.property(fc.integer({ min: -30, max: 30 }), (secondsPerLogin) => {
        let application = applicationWith(totp());
        const policy = policyWith({ identificationTimeWindowSteps: 10 });
        for (let login = 1; login <= 30; login += 1) {
          const nowMs = noonMs + login * 86_400_000;
          const step = BigInt(Math.floor((nowMs / 1000 + login * secondsPerLogin) / 30));
          const response = responseAt(application, { step });
          const input = inputWith([authenticatorWith([application])], response);
          const outcome = verify(input, policy, nowMs, realMac);
          expect(codeOf(outcome)).toBe('accepted');
          application = afterwards(application, outcome);
        }
      }),
      proofRuns(60),
    );
  });
});
