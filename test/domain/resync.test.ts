import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import { planSynchronisation } from '../../src/domain/resync.ts';
import {
  advanced,
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  noonMs,
  ocra,
  partWith,
  policyWith,
  stepAt,
  type SyncOutcome,
  totp,
} from './support.ts';
import { attempt, counters, steps, sync, synced } from './attempt.ts';
import { proofRuns } from '../support/proof.ts';

const step = stepAt();

describe('event applications', () => {
  const application = applicationWith(hotp, { nextEventCounter: 10n });
  const ten = { syncEventWindowSteps: 10 };

  it.each<[bigint, bigint, string]>([
    [10n, 11n, 'synchronised'],
    [19n, 20n, 'synchronised'],
    [20n, 21n, 'sync-incorrect'],
    [12n, 12n, 'sync-incorrect'],
    [13n, 12n, 'sync-incorrect'],
    [12n, 14n, 'sync-incorrect'],
    [9n, 10n, 'sync-replayed'],
    [8n, 9n, 'sync-replayed'],
    [4n, 5n, 'sync-incorrect'],
  ])('%s and %s, from 10 in a window of 10: %s', (first, second, code) => {
    expect(codeOf(sync(application, ...counters(first, second), ten))).toBe(code);
  });

  it('use both up; the next response verifies in a window of 1', () => {
    const after = synced(application, sync(application, ...counters(500n, 501n)));
    expect(after).toMatchObject({ nextEventCounter: 502n, driftSeconds: 0, driftAtMs: null });
    expect(codeOf(attempt(after, { counter: 502n }, { eventWindowSteps: 1 }))).toBe('accepted');
    for (const counter of [500n, 501n]) {
      expect(codeOf(attempt(after, { counter }))).toBe('response-replayed');
    }
    expect(codeOf(sync(after, ...counters(501n, 502n)))).toBe('sync-replayed');
  });
});

describe('time applications', () => {
  const application = applicationWith(totp());

  it.each<[bigint, bigint, number, string]>([
    [100n, 101n, 1, 'synchronised'],
    [-100n, -99n, 1, 'synchronised'],
    [360n, 361n, 1, 'synchronised'],
    [-360n, -359n, 1, 'synchronised'],
    [361n, 362n, 1, 'sync-incorrect'],
    [-361n, -360n, 1, 'sync-incorrect'],
    [5n, 7n, 1, 'sync-incorrect'],
    [5n, 7n, 2, 'synchronised'],
    [5n, 8n, 2, 'sync-incorrect'],
    [5n, 5n, 1, 'sync-incorrect'],
    [6n, 5n, 1, 'sync-incorrect'],
  ])('%s and %s steps off, gap %s: %s', (first, second, syncMaxGapSteps, code) => {
    expect(codeOf(sync(application, ...steps(first, second), { syncMaxGapSteps }))).toBe(code);
  });

  it.each<[bigint, bigint]>([
    [0n, 1n],
    [-1n, 0n],
    [-2n, -1n],
  ])('refuse steps %s and %s when the last one was used', (first, second) => {
    const used = { ...application, lastStep: step };
    expect(codeOf(sync(used, ...steps(first, second)))).toBe('sync-replayed');
  });

  it('use both up and put the middle of the second step at now', () => {
    const outcome = sync(application, ...steps(40n, 41n));
    expect(outcome).toMatchObject({
      first: { eventCounter: null, timeStep: step + 40n },
      position: { eventCounter: null, timeStep: step + 41n },
      driftSecondsBefore: 0,
      driftSecondsAfter: 41 * 30 + 15,
    });
    const after = synced(application, outcome);
    expect(after).toMatchObject({ lastStep: step + 41n, driftAtMs: noonMs });
    for (const offset of [40n, 41n]) {
      expect(codeOf(attempt(after, { step: step + offset }))).toBe('response-replayed');
    }
  });

  it('search less where the steps are too many', () => {
    const seconds = applicationWith(totp(1));
    const authenticator = authenticatorWith([seconds]);
    const input = {
      authenticator,
      first: partWith('111111'),
      second: partWith('222222'),
      pin: null,
    };
    const planning = planSynchronisation(input, noonMs, policyWith());
    expect(planning.kind === 'plan' && planning.plan.candidates.length).toBe(16_384);
  });

  it('do not look before the origin', () => {
    const young = applicationWith(totp(30, noonMs / 1000));
    expect(codeOf(sync(young, { step: 0n }, { step: 1n }))).toBe('synchronised');
  });
});

describe('going back in time', () => {
  const days = 10;
  const application = applicationWith(totp(), {
    driftSeconds: 600,
    driftAtMs: noonMs - days * 86_400_000,
  });
  const back = (seconds: number, margin: number | null, set: Partial<Application> = {}): string => {
    // The middle of a step is half a step after the beginning of the one that noon begins.
    const second = BigInt((600 - 15 - seconds) / 30);
    return codeOf(
      sync({ ...application, ...set }, ...steps(second - 1n, second), {
        syncBackwardMarginSeconds: margin,
      }),
    );
  };

  it('goes as far as a step, the idle days and the margin explain', () => {
    // 30 s + 10 days of 8 s = 110 s, and the margin.
    expect(back(105, 0)).toBe('synchronised');
    expect(back(135, 0)).toBe('sync-backwards');
    expect(back(135, 25)).toBe('synchronised');
    expect(back(135, 24)).toBe('sync-backwards');
  });

  it('has no limit where the policy has none, or nothing was learned', () => {
    expect(back(4995, null)).toBe('synchronised');
    expect(back(4995, 900)).toBe('sync-backwards');
    expect(back(4995, 0, { driftAtMs: null })).toBe('synchronised');
  });

  it('does not take a date in the future for idle days', () => {
    const later = { driftAtMs: noonMs + 10 * 86_400_000 };
    expect(back(15, 0, later)).toBe('synchronised');
    expect(back(45, 0, later)).toBe('sync-backwards');
  });

  it('says nothing about going forward', () => {
    expect(codeOf(sync(application, ...steps(300n, 301n), { syncBackwardMarginSeconds: 0 }))).toBe(
      'synchronised',
    );
  });
});

describe('challenge/response', () => {
  const timed = applicationWith(ocra('QN08-T30S'));
  const counted = applicationWith(ocra('C-QN08'), { nextEventCounter: 10n });
  const both = applicationWith(ocra('C-QN08-T30S'), { nextEventCounter: 10n });
  const one = { challenge: '1111' };
  const two = { challenge: '2222' };

  it('by time takes the same or the next step where the challenges differ', () => {
    const at = (first: bigint, second: bigint): string =>
      codeOf(sync(timed, { step: step + first, ...one }, { step: step + second, ...two }));
    expect(at(100n, 100n)).toBe('synchronised');
    expect(at(100n, 101n)).toBe('synchronised');
    expect(at(100n, 102n)).toBe('sync-incorrect');
    expect(at(100n, 99n)).toBe('sync-incorrect');
  });

  it('by time is like Response-Only where the challenges are one to the device', () => {
    const at = (first: bigint, second: bigint, other: string): string =>
      codeOf(
        sync(
          timed,
          { step: step + first, challenge: '1' },
          { step: step + second, challenge: other },
        ),
      );
    expect(at(100n, 100n, '1')).toBe('sync-incorrect');
    expect(at(100n, 101n, '1')).toBe('synchronised');
    expect(at(100n, 100n, '16')).toBe('sync-incorrect');
    expect(at(100n, 101n, '0001')).toBe('synchronised');
  });

  it('by time uses both challenges up, and no others', () => {
    const same = synced(timed, sync(timed, { step, ...one }, { step, ...two }));
    expect(same).toMatchObject({ lastStep: step, spentChallenges: ['457', '8ae'] });
    for (const used of [one, two]) {
      expect(codeOf(attempt(same, { step, ...used }))).toBe('response-replayed');
    }
    expect(codeOf(attempt(same, { step, challenge: '3333' }))).toBe('accepted');
    const next = synced(timed, sync(timed, { step, ...one }, { step: step + 1n, ...two }));
    expect(next).toMatchObject({ lastStep: step + 1n, spentChallenges: ['8ae'] });
    expect(codeOf(attempt(next, { step, challenge: '3333' }))).toBe('response-replayed');
  });

  it('by time goes on from a used step with challenges that are not', () => {
    const used = { ...timed, lastStep: step, spentChallenges: ['457'] };
    expect(codeOf(sync(used, { step, ...one }, { step, ...two }))).toBe('sync-replayed');
    expect(codeOf(sync(used, { step, ...two }, { step, ...one }))).toBe('sync-replayed');
    const three = { challenge: '3333' };
    const after = synced(used, sync(used, { step, ...two }, { step, ...three }));
    expect(after.spentChallenges).toEqual(['457', '8ae', 'd05']);
  });

  it('by time does not overfill a step', () => {
    const full = Array.from({ length: 15 }, (_, index) => `f${String(index)}`);
    const used = { ...timed, lastStep: step, spentChallenges: full };
    expect(codeOf(sync(used, { step, ...one }, { step, ...two }))).toBe('sync-replayed');
    expect(codeOf(sync(used, { step, ...one }, { step: step + 1n, ...two }))).toBe('synchronised');
  });

  it('by counter takes n and n + 1, with equal or different challenges', () => {
    const at = (first: bigint, second: bigint, other = two): string =>
      codeOf(sync(counted, { counter: first, ...one }, { counter: second, ...other }));
    expect(at(700n, 701n)).toBe('synchronised');
    expect(at(700n, 701n, one)).toBe('synchronised');
    expect(at(700n, 702n)).toBe('sync-incorrect');
    expect(at(701n, 700n)).toBe('sync-incorrect');
    expect(at(9n, 10n)).toBe('sync-replayed');
  });

  it('by both takes n and n + 1 in the same or the next step', () => {
    const at = (events: bigint, first: bigint, second: bigint): SyncOutcome =>
      sync(
        both,
        { counter: 10n + events, step: step + first, ...one },
        { counter: 11n + events, step: step + second, ...one },
      );
    expect(codeOf(at(60n, 30n, 30n))).toBe('synchronised');
    expect(codeOf(at(60n, 30n, 31n))).toBe('synchronised');
    expect(codeOf(at(60n, 30n, 32n))).toBe('sync-incorrect');
    expect(codeOf(at(60n, 30n, 29n))).toBe('sync-incorrect');
    const after = synced(both, at(60n, 30n, 31n));
    expect(after).toMatchObject({ nextEventCounter: 72n, lastStep: step + 31n });
    const next = { counter: 72n, step: step + 31n, ...one };
    expect(codeOf(attempt(after, next, { eventWindowSteps: 1 }))).toBe('accepted');
  });

  it('stays within the candidate limit, however many applications and windows', () => {
    const applications = Array.from({ length: 9 }, (_, index) => ({
      ...(index % 2 === 0 ? both : timed),
      id: `application-${String(index)}`,
    }));
    const wide = policyWith({
      syncMaxGapSteps: 2,
      eventWindowSteps: 4000,
      syncEventWindowSteps: 16_000,
      syncTimeWindowSeconds: 2_000_000,
    });
    for (const searched of [applications, [both], [timed], [counted]]) {
      const input = {
        authenticator: authenticatorWith(searched),
        first: partWith('111111', '1'),
        second: partWith('222222', '2'),
        pin: null,
      };
      const planning = planSynchronisation(input, noonMs, wide);
      if (planning.kind !== 'plan') throw new Error('refused');
      const { candidates, chunkEnds } = planning.plan;
      expect(candidates.length).toBeLessThanOrEqual(16_384);
      expect(candidates.length).toBeGreaterThan(10_000);
      // What they leave is paid as by everybody.
      expect(chunkEnds).toEqual([16_384]);
    }
  });
});

describe('properties', () => {
  it('a synchronised event application takes the next response in a window of 1', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 40n), fc.bigInt(0n, 400n), (nextEventCounter, skew) => {
        const application = applicationWith(hotp, { nextEventCounter });
        const counter = nextEventCounter + skew;
        const after = synced(application, sync(application, ...counters(counter, counter + 1n)));
        const next = attempt(after, { counter: counter + 2n }, { eventWindowSteps: 1 });
        expect(codeOf(next)).toBe('accepted');
      }),
      proofRuns(25),
    );
  });

  it('a synchronised time application takes the next response within one step', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(10, 30, 36, 60),
        fc.integer({ min: -7000, max: 7000 }),
        fc.integer({ min: 0, max: 999_999 }),
        (stepSeconds, skewSeconds, startMs) => {
          const application = applicationWith(totp(stepSeconds));
          const nowMs = noonMs + startMs;
          const deviceStep = (atMs: number): bigint =>
            BigInt(Math.floor((atMs / 1000 + skewSeconds) / stepSeconds));
          // Two presses a step apart; the second is sent at once.
          const second = deviceStep(nowMs);
          const outcome = sync(application, { step: second - 1n }, { step: second }, {}, nowMs);
          const after = synced(application, outcome);
          const laterMs = nowMs + stepSeconds * 1000;
          const narrow = { identificationTimeWindowSteps: 2 };
          const next = attempt(after, { step: deviceStep(laterMs) }, narrow, laterMs);
          expect(codeOf(next)).toBe('accepted');
        },
      ),
      proofRuns(40),
    );
  });

  it('only one of two synchronisations on the same responses commits', () => {
    const application = applicationWith(totp());
    const outcome = sync(application, ...steps(5n, 6n));
    const overlapping = sync(application, ...steps(6n, 7n));
    if (outcome.kind !== 'synchronised' || overlapping.kind !== 'synchronised') {
      throw new Error('refused');
    }
    const after = advanced(application, outcome.advance)!;
    expect(advanced(after, outcome.advance)).toBeNull();
    expect(advanced(after, overlapping.advance)).toBeNull();
  });
});
