import { describe, expect, it } from 'vitest';
import {
  localAuthentication,
  Oracle,
  predictionOf,
  type Rules,
  type Sequence,
} from '../../../emulator/index.ts';
import { timeSequence } from './support.ts';

const stepMs = 30_000;
const startMs = 1_767_225_600_000;
const seed = Buffer.from('12345678901234567890');
const time = timeSequence;
const event: Sequence = { ...time, hasCounter: true, hasClock: false };

function oracleOf(sequence: Sequence, rules: Partial<Rules> = {}, key: Uint8Array = seed): Oracle {
  return new Oracle({
    serial: 'VT00000001',
    applicationName: 'TIME',
    seed: key,
    sequence,
    rules: { ...localAuthentication, ...rules },
  });
}

/** The verdict on the response of so many steps from now. */
function tryStep(oracle: Oracle, sequence: Sequence, nowMs: number, away: number): string {
  const position = { counter: null, step: Math.floor(nowMs / stepMs) + away };
  const response = oracle.responseAt(position, null);
  const expected = oracle.verify(nowMs, { response, question: null });
  return predictionOf(sequence, expected, position).verdict;
}

describe('the oracle', () => {
  it('makes the responses of RFC 6238 with all three hashes', () => {
    const bytes = (length: number): Buffer => Buffer.from('1234567890'.repeat(7).slice(0, length));
    const position = { counter: null, step: 37_037_036 };
    const shown = (['SHA1', 'SHA256', 'SHA512'] as const).map((hash, index) =>
      oracleOf({ ...time, hash, digits: 8 }, {}, bytes([20, 32, 64][index] ?? 0)).responseAt(
        position,
        null,
      ),
    );
    expect(shown).toEqual(['07081804', '68084774', '25091201']);
  });

  it('accepts to the edge of the window and no step further', () => {
    for (const [away, verdict] of [
      [10, 'accept'],
      [-10, 'accept'],
      [11, 'reject'],
      [-11, 'reject'],
    ] as const) {
      expect(tryStep(oracleOf(time), time, startMs, away), String(away)).toBe(verdict);
    }
  });

  it('reckons with steps of a minute', () => {
    const minute = { ...time, stepSeconds: 60 };
    const oracle = oracleOf(minute, { identificationTimeWindowSteps: 2 });
    const step = startMs / 60_000;
    const at = (away: number): string =>
      oracle.verify(startMs, {
        response: oracle.responseAt({ counter: null, step: step + away }, null),
        question: null,
      }).outcome;
    expect([at(2), at(1), at(1)]).toEqual(['response-incorrect', 'accepted', 'response-replayed']);
    expect(oracle.state.drift).toBe(60);
  });

  it('says which window a right response missed, and calls a wrong one wrong', () => {
    const oracle = oracleOf(event, { userLockThreshold: 0 });
    const position = { counter: 20, step: null };
    const far = { response: oracle.responseAt(position, null), question: null };
    expect(predictionOf(event, oracle.verify(startMs, far), position)).toEqual({
      verdict: 'reject',
      reason: 'outside-event-window',
    });
    const wrong = { response: '000000', question: null };
    expect(predictionOf(event, oracle.verify(startMs, wrong), null).reason).toBe(
      'response-incorrect',
    );
  });

  it('synchronises by a second response, and locks where it may not', () => {
    const rules = { secondOtpSync: true, eventWindowSteps: 5 };
    const typed = (oracle: Oracle, counter: number): string => {
      const position = { counter, step: null };
      const response = oracle.responseAt(position, null);
      const expected = oracle.verify(startMs, { response, question: null });
      return predictionOf(event, expected, position).verdict;
    };
    const kind = oracleOf(event, rules);
    expect([typed(kind, 40), typed(kind, 41)]).toEqual(['reject', 'accept-with-resync']);
    const strict = oracleOf(event, { eventWindowSteps: 5, userLockThreshold: 2 });
    expect([typed(strict, 40), typed(strict, 41), typed(strict, 0)]).toEqual([
      'reject',
      'reject',
      'locked',
    ]);
  });

  it('goes on from its memory as it would have without', () => {
    const whole = oracleOf(time, { driftPrediction: true });
    for (let day = 0; day < 9; day += 1) tryStep(whole, time, startMs + day * 86_400_000, day);
    const memory = JSON.parse(JSON.stringify(whole.memory)) as Oracle['memory'];
    const resumed = oracleOf(time, { driftPrediction: true });
    resumed.recall(memory);
    const laterMs = startMs + 12 * 86_400_000;
    for (const away of [12, 12, 30]) {
      expect(tryStep(resumed, time, laterMs, away)).toBe(tryStep(whole, time, laterMs, away));
    }
    expect(resumed.state).toEqual(whole.state);
    expect(whole.state.drift).not.toBe(0);
  });

  it('accepts again what was used after a backup that is restored', () => {
    const oracle = oracleOf(event);
    const first = { response: oracle.responseAt({ counter: 0, step: null }, null), question: null };
    const backup = oracle.memory;
    const outcomes = [oracle.verify(startMs, first), oracle.verify(startMs, first)];
    oracle.recall(backup);
    outcomes.push(oracle.verify(startMs, first));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'response-replayed',
      'accepted',
    ]);
  });
});
