import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/service/index.ts';
import { ocraBare, ocraTime, type TestDevice } from '../../support/builders.ts';
import { givePassword } from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import { tally } from '../support.ts';
import {
  issuedFor,
  lockCountOf,
  openStage,
  outcomeOf,
  silent,
  type Stage,
  typing,
} from './support.ts';

let stage: Stage;
let byPin: Caller;
let byKeyword: Caller;

const settings = {
  ...silent,
  oneStepChallengeResponse: 'no',
  userLockThreshold: 0,
} as const;

beforeAll(async () => {
  stage = await openStage();
  byPin = await stage.bench.caller({
    ...settings,
    twoStepRequestMethod: 'keyword-pin',
    twoStepRequestKeyword: 'c',
  });
  byKeyword = await stage.bench.caller({
    ...settings,
    twoStepRequestMethod: 'keyword',
    twoStepRequestKeyword: 'c',
  });
});

afterAll(() => stage.bench.close());

async function keypad(
  pin: string | null,
  algorithm = ocraTime,
): Promise<{ userName: string; device: TestDevice }> {
  const { bench } = stage;
  const userName = await bench.user();
  const device = await bench.device(algorithm, { userName });
  if (pin !== null) await givePin(bench, device.serial, pin);
  return { userName, device };
}

describe('a keypad that answers a challenge', () => {
  test('asked for by keyword and PIN: the response alone, or with the PIN again', async () => {
    const { bench } = stage;
    const { userName, device } = await keypad('4721');
    for (const front of ['', '4721']) {
      const issued = await issuedFor(bench, byPin, typing(userName, 'c4721'));
      const { challenge, challengeKey } = issued;
      const response = device.response({
        nowMs: bench.clock.nowMs(),
        challenge: challenge ?? '',
      });
      const answer = typing(userName, front + response, { challengeKey });
      expect(await outcomeOf(bench, byPin, answer)).toBe('accepted by response');
      expect(await outcomeOf(bench, byPin, answer)).not.toContain('accepted');
      bench.clock.advance(30);
    }
  });

  test('in parts, with the PIN in its own field or none', async () => {
    const { bench } = stage;
    const { userName, device } = await keypad('4721');
    const parts = { format: 'separate', newPin: null } as const;
    const request = { ...parts, staticPassword: 'c', pin: '4721', response: null };
    const issued = await issuedFor(bench, byPin, {
      ...typing(userName, ''),
      credential: request,
    });
    const { challenge, challengeKey } = issued;
    const response = device.response({ nowMs: bench.clock.nowMs(), challenge: challenge ?? '' });
    const answer = {
      ...typing(userName, '', { challengeKey }),
      credential: { ...parts, staticPassword: null, pin: null, response },
    };
    expect(await outcomeOf(bench, byPin, answer)).toBe('accepted by response');
  });

  test('shows its PIN all the same when that was changed meanwhile', async () => {
    const { bench } = stage;
    const { userName, device } = await keypad('4721');
    const issued = await issuedFor(bench, byPin, typing(userName, 'c4721'));
    const { challenge, challengeKey } = issued;
    await givePin(bench, device.serial, '9038');
    const response = device.response({ nowMs: bench.clock.nowMs(), challenge: challenge ?? '' });
    expect(await outcomeOf(bench, byPin, typing(userName, response, { challengeKey }))).toBe(
      'response-incorrect',
    );
  });

  test('needs its PIN where the keyword alone asked', async () => {
    const { bench } = stage;
    const { userName, device } = await keypad('4721');
    const answerTo = async (front: string): Promise<string> => {
      const issued = await issuedFor(bench, byKeyword, typing(userName, 'c'));
      const { challenge, challengeKey } = issued;
      bench.clock.advance(30);
      const response = device.response({ nowMs: bench.clock.nowMs(), challenge: challenge ?? '' });
      return outcomeOf(bench, byKeyword, typing(userName, front + response, { challengeKey }));
    };
    expect(await answerTo('')).toBe('response-incorrect');
    expect(await answerTo('4721')).toBe('accepted by response');
    await givePassword(bench, userName, 'Sommer-2026');
    expect(await answerTo('Sommer-20264721')).toBe('accepted by response');
    expect(await answerTo('Winter-20264721')).not.toContain('accepted');
  });

  test('is answered by the newest challenge, at its own component, in time', async () => {
    const { bench } = stage;
    const { userName, device } = await keypad(null);
    const older = await issuedFor(bench, byKeyword, typing(userName, 'c'));
    const newer = await issuedFor(bench, byKeyword, typing(userName, 'c'));
    const elsewhere = await bench.caller({ ...settings, challengeCheckMode: 1 });
    const responseTo = (challenge: string | null): string =>
      device.response({ nowMs: bench.clock.nowMs(), challenge: challenge ?? '' });
    const shown = (from: typeof older, caller = byKeyword): Promise<string> =>
      outcomeOf(
        bench,
        caller,
        typing(userName, responseTo(from.challenge), { challengeKey: from.challengeKey }),
      );
    expect(await shown(newer, elsewhere)).toBe('challenge-expired');
    expect(await shown(newer)).toBe('accepted by response');
    bench.clock.advance(301);
    expect(await shown(older)).toBe('challenge-expired');
  });
});

describe('many answers at once', () => {
  test('64 to one challenge: one is accepted', async () => {
    const { bench } = stage;
    const { userName, device } = await keypad(null, ocraBare);
    const issued = await issuedFor(bench, byKeyword, typing(userName, 'c'));
    const { challenge, challengeKey } = issued;
    const text = device.response({ challenge: challenge ?? '' });
    const answers = await Promise.all(
      Array.from({ length: 64 }, () =>
        outcomeOf(bench, byKeyword, typing(userName, text, { challengeKey })),
      ),
    );
    expect(tally(answers)['accepted by response']).toBe(1);
  });

  test('issuing does not touch the count, whatever comes of the answer', async () => {
    const { bench } = stage;
    const { userName } = await keypad(null);
    const { challengeKey } = await issuedFor(bench, byKeyword, typing(userName, 'c'));
    await outcomeOf(bench, byKeyword, typing(userName, '00000000', { challengeKey }));
    expect(await lockCountOf(bench, userName)).toBe(1);
    await issuedFor(bench, byKeyword, typing(userName, 'c'));
    expect(await lockCountOf(bench, userName)).toBe(1);
  });
});
