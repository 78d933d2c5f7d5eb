import { describe, expect, it } from 'vitest';
import { changeClock, idealClock, press, pressTimes, respond } from '../../../emulator/index.ts';
import { desk, done, errorOf, profileOf, refusalOf, rfcResponses, tokenWith } from '../support.ts';

const fob = tokenWith(profileOf('one-button-event'));
const keypad = tokenWith(profileOf('keypad-cr-time'));

describe('a response that is submitted later', () => {
  it('is the one of the press', () => {
    const pressed = press(fob, 1000, { submitDelayMs: 29_999 });
    expect(done(pressed).response).toBe(rfcResponses[0]);
    const now = done(respond(keypad, 0, '1')).response;
    expect(done(respond(keypad, 0, '1', { submitDelayMs: 39_999 })).response).toBe(now);
  });

  it('is refused when the display has gone off by then, and nothing is pressed', () => {
    for (const operation of [
      press(fob, 1000, { submitDelayMs: 30_000 }),
      pressTimes(fob, 1000, 3, { submitDelayMs: 30_000 }),
      respond(keypad, 1000, '1', { submitDelayMs: 40_000 }),
    ]) {
      expect(refusalOf(operation)).toBe('display-off');
      expect(operation.token.state.eventCounters).toEqual([0n]);
    }
  });

  it('goes by the clock of the device', () => {
    const fast = { ...fob, clock: changeClock(idealClock(0), 0, { ratePpm: 1000 }) };
    expect(refusalOf(press(fast, 0, { submitDelayMs: 29_969 }))).toBe('accepted');
    expect(refusalOf(press(fast, 0, { submitDelayMs: 29_971 }))).toBe('display-off');
  });

  it.each([-1, 0.5, Number.NaN])('is not submitted %d ms later', async (submitDelayMs) => {
    expect((await errorOf(() => press(fob, 0, { submitDelayMs }))).code).toBe('input-invalid');
  });
});

describe('--submit-delay', () => {
  it('says in JSON when the response is submitted', async () => {
    const run = await desk();
    const press20 = ['press', 'EVENT01', '--now', '1000', '--json', '--submit-delay', '20s'];
    expect(JSON.parse((await run(...press20)).out)).toMatchObject({
      response: rfcResponses[0],
      submitted: true,
      trueTimeMs: 1000,
      submittedAtTrueMs: 21_000,
    });
    const respond5 = ['respond', 'MULTI01', '--application', 'CR', '--challenge', '1'];
    const { out } = await run(...respond5, '--now', '0', '--json', '--submit-delay', '5s');
    expect(JSON.parse(out)).toMatchObject({ submittedAtTrueMs: 5000 });
    const pocket = await run('press', 'EVENT01', '--json', '--pocket');
    expect(JSON.parse(pocket.out)).toMatchObject({ submittedAtTrueMs: null });
  });

  it.each<[number, string, string[]]>([
    [1, 'the display goes off after 30 s', ['--submit-delay', '30s']],
    [2, 'for responses that are submitted', ['--submit-delay', '1s', '--pocket']],
    [2, 'cannot be before the press', ['--submit-delay', '-1s']],
    [2, '--submit-delay takes a duration', ['--submit-delay', 'soon']],
  ])('is refused with status %i: %s', async (status, words, options) => {
    const run = await desk();
    const refused = await run('press', 'EVENT01', ...options);
    expect(refused).toEqual({ status, out: '', err: expect.stringContaining(words) as string });
    expect((await run('press', 'EVENT01')).out).toBe(`${rfcResponses[0]!}\n`);
  });
});
