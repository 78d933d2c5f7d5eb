import { describe, expect, it } from 'vitest';
import { newEpoch, spentChallengesMax } from '../../src/domain/application.ts';
import type { Application } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { planVerification } from '../../src/domain/verification.ts';
import type { ResponseAlgorithm } from '../../src/oath/index.ts';
import {
  advanced,
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  injectiveMac,
  inputWith,
  issuedWith,
  noonMs,
  ocra,
  planOf,
  policyWith,
  responseAt,
  type Shown,
  stepAt,
  totp,
  verify,
} from './support.ts';
import { accepted, afterwards, attempt } from './attempt.ts';

const challenge = '12345678';

describe('challenge/response', () => {
  const counted = applicationWith(ocra('C-QN08'), { nextEventCounter: 10n });
  const timed = applicationWith(ocra('QN08-T30S'));
  const both = applicationWith(ocra('C-QN08-T30S'), { nextEventCounter: 10n });
  const neither = applicationWith(ocra('QN08'));
  const step = stepAt();

  it.each<[string, Application, Shown, Shown]>([
    ['counter', counted, { counter: 12n }, { counter: 30n }],
    ['time', timed, { step: step + 2n }, { step: step + 11n }],
    ['both', both, { counter: 12n, step: step - 2n }, { counter: 12n, step: step + 11n }],
  ])('by %s is accepted once, inside the window', (_, application, inside, outside) => {
    const outcome = attempt(application, { ...inside, challenge });
    const used = afterwards(application, outcome);
    expect(codeOf(attempt(used, { ...inside, challenge }))).toBe('response-replayed');
    expect(codeOf(attempt(application, { ...outside, challenge }))).toBe('response-incorrect');
  });

  it('by time takes another challenge in the same step, and each once', () => {
    let used = afterwards(timed, attempt(timed, { step, challenge: '1' }));
    expect(used).toMatchObject({ lastStep: step, floorMs: noonMs, spentChallenges: ['1'] });
    used = afterwards(used, attempt(used, { step, challenge: '2' }));
    expect(used.spentChallenges).toEqual(['1', '2']);
    expect(codeOf(attempt(used, { step, challenge: '1' }))).toBe('response-replayed');
    // 32 encodes like 2: it is the same question to the device.
    expect(codeOf(attempt(used, { step, challenge: '32' }))).toBe('response-replayed');
    expect(codeOf(attempt(used, { step: step - 1n, challenge: '3' }))).toBe('response-replayed');
    used = afterwards(used, attempt(used, { step: step + 1n, challenge: '1' }));
    expect(used.spentChallenges).toEqual(['1']);
  });

  it('by time takes only so many challenges in one step', () => {
    let used = timed;
    for (let number = 1; number <= spentChallengesMax; number += 1) {
      used = afterwards(used, attempt(used, { step, challenge: `${String(number)}1` }));
    }
    expect(codeOf(attempt(used, { step, challenge }))).toBe('response-replayed');
    expect(codeOf(attempt(used, { step: step + 1n, challenge }))).toBe('accepted');
  });

  it('by time forgets no step in a reset', () => {
    const used = afterwards(timed, attempt(timed, { step, challenge }));
    const reset = { ...used, ...newEpoch(used, noonMs) };
    expect(reset).toMatchObject({ spentChallenges: [], floorMs: noonMs + 30_000 });
    expect(codeOf(attempt(reset, { step, challenge }))).toBe('response-replayed');
    expect(newEpoch(counted, noonMs)).toMatchObject({ floorMs: 0, epoch: 2 });
    expect(newEpoch(timed, noonMs)).toMatchObject({ floorMs: 0 });
  });

  it('by both goes on in the same step with the next counter, but never back in time', () => {
    const used = afterwards(both, attempt(both, { counter: 10n, step, challenge }));
    expect(used).toMatchObject({ nextEventCounter: 11n, lastStep: step, spentChallenges: [] });
    expect(codeOf(attempt(used, { counter: 11n, step, challenge }))).toBe('accepted');
    const back = attempt(used, { counter: 11n, step: step - 1n, challenge });
    expect(codeOf(back)).toBe('response-replayed');
  });

  it('by both stays within the candidate limit, nearest first', () => {
    // Billions of combinations: building them all would not end.
    const wide = { identificationTimeWindowSteps: 60_000, eventWindowSteps: 60_000 };
    const input = inputWith([authenticatorWith([both])], '123456', challenge);
    const plan = planOf(input, policyWith(wide));
    const distances = plan.candidates.map((one) => one.distance);
    expect(distances).toHaveLength(4096);
    expect(distances).toEqual([...distances].sort((left, right) => left - right));
  });

  it('by both keeps to the steps since the origin', () => {
    const input = inputWith([authenticatorWith([both])], '123456', challenge);
    const window = policyWith({ identificationTimeWindowSteps: 4, eventWindowSteps: 1 });
    const plan = planOf(input, window, -30_000);
    const nearest = plan.candidates.slice(0, 2).map(({ position }) => position);
    expect(nearest).toEqual([
      { eventCounter: 10n, timeStep: 0n },
      { eventCounter: 10n, timeStep: 1n },
    ]);
    expect(plan.candidates).toHaveLength(2 * 6);
  });

  it('with neither needs a challenge that was issued', () => {
    const devices = [authenticatorWith([neither])];
    const response = responseAt(neither, { challenge });
    const at = (given: string | null, issued: ReturnType<typeof issuedWith> | null): string =>
      codeOf(verify(inputWith(devices, response, given, issued), policyWith()));
    expect(at(challenge, issuedWith())).toBe('accepted');
    expect(at(challenge, null)).toBe('challenge-unknown');
    expect(at(challenge, issuedWith({ consumedAtMs: 1 }))).toBe('challenge-unknown');
    expect(at(null, null)).toBe('challenge-required');
  });

  it('with neither leaves the application as it is', () => {
    const input = inputWith(
      [authenticatorWith([neither])],
      responseAt(neither, { challenge }),
      challenge,
      issuedWith(),
    );
    const outcome = accepted(verify(input, policyWith()));
    expect(outcome.position).toEqual({ eventCounter: null, timeStep: null });
    expect(advanced(neither, outcome.advance)).toEqual(neither);
  });

  it('by clock and counter without a challenge is Response-Only', () => {
    const algorithm = ocra('C-T30S', { allowMissingQuestion: true });
    const application = applicationWith(algorithm, { nextEventCounter: 3n });
    const used = afterwards(application, attempt(application, { counter: 4n, step }));
    expect(used).toMatchObject({ nextEventCounter: 5n, lastStep: step, spentChallenges: [] });
    expect(codeOf(attempt(used, { counter: 5n, step }))).toBe('accepted');
  });
});

describe('which applications a response can belong to', () => {
  const time = applicationWith(totp(), { id: 'time' });
  const event = applicationWith(hotp, { id: 'event' });
  const counted = applicationWith(ocra('C-QN08'), { id: 'counted' });
  const pinned = applicationWith(ocra('QN08-PSHA1-T30S'), { id: 'pinned' });
  const hexed = applicationWith(ocra('C-QH08'), { id: 'hexed' });

  const planned = (
    applications: readonly Application[],
    given: string | null,
    settings: Partial<EffectivePolicy> = {},
  ): string | readonly string[] => {
    const input = inputWith([authenticatorWith(applications)], '123456', given);
    const planning = planVerification(input, noonMs, policyWith(settings));
    if (planning.kind === 'refused') return planning.refused.code;
    return [...new Set(planning.plan.candidates.map((one) => one.applicationId))];
  };

  it.each<[string, readonly Application[], string | null, Partial<EffectivePolicy>, unknown]>([
    ['none that wants a PIN', [pinned, time], null, {}, ['time']],
    ['none with a challenge', [time, event, counted], null, {}, ['time', 'event']],
    ['with one', [time, event, counted], '1234', {}, ['counted']],
    ['whose suite takes it', [counted, hexed], 'C0FFEE', {}, ['hexed']],
    ['only with a challenge', [counted], null, {}, 'challenge-required'],
    [
      'only with a challenge, and none is permitted',
      [counted],
      null,
      { oneStepChallengeResponse: 'no' },
      'authenticator-not-permitted',
    ],
    ['none at all', [], null, {}, 'authenticator-not-permitted'],
    ['only without a challenge', [time], '1234', {}, 'challenge-not-permitted'],
    [
      'challenges not permitted',
      [time, counted],
      '1234',
      { oneStepChallengeResponse: 'no' },
      'challenge-not-permitted',
    ],
    ['challenge too long for all', [counted, hexed], '123456789', {}, 'challenge-malformed'],
    [
      'not a challenge of ours',
      [counted],
      '1234',
      { oneStepChallengeResponse: 'server-challenge' },
      'challenge-unknown',
    ],
  ])('%s', (_, applications, given, settings, expected) => {
    expect(planned(applications, given, settings)).toEqual(expected);
  });

  it.each(['', '123', '12345678901', 'letters', '12 456', '1'.repeat(1000), '-12345'])(
    'refuses %j as no response at all',
    (response) => {
      const input = inputWith([authenticatorWith([time])], response);
      expect(codeOf(verify(input, policyWith()))).toBe('response-malformed');
    },
  );

  it('searches the whole window for a response of the wrong length', () => {
    const input = inputWith([authenticatorWith([time])], '12345678');
    expect(codeOf(verify(input, policyWith()))).toBe('response-incorrect');
  });

  it('reads a response without truncation in either case', () => {
    const algorithm: ResponseAlgorithm = {
      ...(ocra('C-QN08') as Extract<ResponseAlgorithm, { kind: 'challenge-response' }>),
    };
    const whole = applicationWith({
      kind: 'challenge-response',
      suite: { ...algorithm.suite, digits: 0 },
    });
    const response = responseAt(whole, { counter: 0n, challenge });
    const input = inputWith([authenticatorWith([whole])], response.toUpperCase(), challenge);
    expect(codeOf(verify(input, policyWith()))).toBe('accepted');
  });

  it('takes the nearest of many, in the order of the applications', () => {
    const many = Array.from({ length: 24 }, (_, index) =>
      applicationWith(ocra('C-QN08-T30S'), { id: String(index), nextEventCounter: 10n }),
    );
    const input = inputWith([authenticatorWith(many)], '123456', challenge);
    const wide = policyWith({ identificationTimeWindowSteps: 60_000, eventWindowSteps: 60_000 });
    const { candidates } = planOf(input, wide);
    expect(candidates).toHaveLength(4096);
    // 24 places in the first ring, 72 in the next and so on: 4,056 in 13 rings.
    expect(candidates.at(-1)?.distance).toBe(13);
    expect(candidates.slice(0, 25).map((one) => one.applicationId)).toEqual([
      ...many.map(({ id }) => id),
      '0',
    ]);
  });

  it('tries the nearest of all applications before the further ones of any', () => {
    const devices = [authenticatorWith([time]), authenticatorWith([event])];
    const plan = planOf(inputWith(devices, '123456'), policyWith());
    const first = plan.candidates.slice(0, 5).map((one) => [one.applicationId, one.distance]);
    expect(first).toEqual([
      ['time', 0],
      ['event', 0],
      ['time', 1],
      ['time', 1],
      ['event', 1],
    ]);
  });

  it('gives none a wider window than its own', () => {
    const late = applicationWith(hotp, { id: 'event', nextEventCounter: 100n });
    const count = (settings: Partial<EffectivePolicy>): readonly number[] => {
      const input = inputWith([authenticatorWith([time, late])], '123456');
      const ids = planOf(input, policyWith(settings)).candidates.map((one) => one.applicationId);
      return ['time', 'event'].map((id) => ids.filter((one) => one === id).length);
    };
    expect(count({ identificationTimeWindowSteps: 60, eventWindowSteps: 3 })).toEqual([61, 8]);
    expect(count({ identificationTimeWindowSteps: 6, eventWindowSteps: 30 })).toEqual([7, 35]);
  });

  it('finds the application among several, the others untouched', () => {
    const mac = injectiveMac();
    const response = responseAt(event, { counter: 2n }, mac);
    const devices = [
      authenticatorWith([time], { id: 'first' }),
      authenticatorWith([counted, event], { id: 'second' }),
    ];
    const outcome = accepted(verify(inputWith(devices, response), policyWith(), noonMs, mac));
    expect(outcome).toMatchObject({ authenticatorId: 'second', applicationId: 'event' });
  });
});
