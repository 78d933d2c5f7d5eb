import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeClock,
  type DeviceEffect,
  type DeviceInput,
  type DeviceState,
  idealClock,
  initialState,
  play,
  press,
  pressTimes,
  respond,
  Secret,
  stepDevice,
  tokenFromJson,
  tokenToJson,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { done, profileOf, refusalOf, rfcResponses, tokenWith } from '../support.ts';

const eventFob = tokenWith(profileOf('one-button-event'));
const timeFob = tokenWith(profileOf('one-button-time'));
const timeEventFob = tokenWith(profileOf('one-button-time-event'));
const multi = tokenWith(profileOf('keypad-multi'));
const toggling = tokenWith({
  ...profileOf('one-button-event'),
  hull: { keys: 'one-button', autoOffMs: 30_000, pressWhileDisplayed: 'switch-off' },
});

function displayAfter(token: VirtualToken, inputs: readonly DeviceInput[], atMs = 0): unknown {
  let state: DeviceState = token.state;
  let display: unknown;
  for (const input of inputs) ({ state, display } = stepDevice(token, state, input, atMs));
  return display;
}

describe('one-button device', () => {
  it('shows the next event response at every press', () => {
    let token = eventFob;
    for (const expected of rfcResponses) {
      const pressed = done(press(token, 0));
      expect(pressed.response).toBe(expected);
      token = pressed.token;
    }
    expect(token.state.eventCounters).toEqual([10n]);
  });

  it('shows the response of the step that its own clock is in', () => {
    const ahead = { ...timeFob, clock: changeClock(idealClock(0), 0, { offsetMs: 59_000 }) };
    // RFC 6238 appendix B, time 59, cut to 6 digits.
    expect(done(press(timeFob, 59_000)).response).toBe('287082');
    expect(done(press(ahead, 0)).response).toBe('287082');
    expect(done(press(timeFob, 60_000)).response).not.toBe('287082');
  });

  it('switches its display off by itself', () => {
    const { state } = stepDevice(eventFob, eventFob.state, { kind: 'press' }, 1000);
    const wait: DeviceInput = { kind: 'wait' };
    expect(stepDevice(eventFob, state, wait, 30_999).display.kind).toBe('response');
    expect(stepDevice(eventFob, state, wait, 31_000).display.kind).toBe('blank');
    // Its clock was set back: the display does not stay on until the old time comes again.
    expect(stepDevice(eventFob, state, wait, 999).display.kind).toBe('blank');
  });

  it('on some models, only switches off when pressed while a response shows', () => {
    const first = done(press(toggling, 0));
    const second = done(press(first.token, 1000));
    const third = done(press(second.token, 2000));
    expect([first.response, second.response, third.response]).toEqual([
      rfcResponses[0],
      null,
      rfcResponses[1],
    ]);
    expect(second.token.state.eventCounters).toEqual([1n]);
  });

  it('counts every press in a pocket as a response made', () => {
    const pressed = done(pressTimes(toggling, 0, 7));
    expect(pressed.response).toBe(rfcResponses[6]);
    expect(pressed.token.state.eventCounters).toEqual([7n]);
  });

  it('keeps the display on for its time again with every key, also one that is refused', () => {
    const on = done(play(multi, [{ kind: 'press' }], 0)).token;
    const refused = play(on, [{ kind: 'type', text: '1' }], 39_999);
    expect(refusalOf(refused)).toBe('key-without-function');
    const wait: DeviceInput = { kind: 'wait' };
    const { state } = refused.token;
    expect(stepDevice(multi, state, wait, 39_999 + 39_999).display.kind).toBe('menu');
    expect(stepDevice(multi, state, wait, 39_999 + 40_000).display.kind).toBe('blank');
  });

  it('has no keys for a challenge', () => {
    expect(refusalOf(respond(eventFob, 0, '12345678'))).toBe('challenge-superfluous');
    expect(refusalOf(play(eventFob, [{ kind: 'type', text: '1' }], 0))).toBe(
      'key-without-function',
    );
  });
});

describe('keypad device', () => {
  it('goes from menu to challenge to response and off', () => {
    const keys: DeviceInput[] = [{ kind: 'press' }];
    expect(displayAfter(multi, keys)).toEqual({
      kind: 'menu',
      applicationNames: ['TIME', 'EVENT', 'CR', 'CR-COUNTER'],
    });
    keys.push({ kind: 'select', applicationName: 'CR' }, { kind: 'type', text: '999' });
    keys.push({ kind: 'clear' }, { kind: 'type', text: '1234' }, { kind: 'type', text: '5678' });
    expect(displayAfter(multi, keys)).toEqual({
      kind: 'challenge',
      applicationName: 'CR',
      typed: '12345678',
    });
    keys.push({ kind: 'confirm' });
    const byHand = displayAfter(multi, keys) as { kind: string; response: string };
    expect(byHand.kind).toBe('response');
    const { response } = done(respond(multi, 0, '12345678', { applicationName: 'CR' }));
    expect(byHand.response).toBe(response);
    keys.push({ kind: 'press' });
    expect(displayAfter(multi, keys)).toEqual({ kind: 'blank' });
  });

  it('moves the counter of one application and leaves the others', () => {
    const pressed = done(press(multi, 0, { applicationName: 'EVENT' }));
    const answered = done(respond(pressed.token, 0, '1', { applicationName: 'CR-COUNTER' }));
    const again = done(respond(answered.token, 0, '1', { applicationName: 'CR-COUNTER' }));
    expect(again.token.state.eventCounters).toEqual([0n, 1n, 0n, 2n]);
    expect(again.response).not.toBe(answered.response);
    expect(pressed.response).toBe(rfcResponses[0]);
  });

  it.each([
    ['letters for QN', 'OCRA-1:HOTP-SHA1-6:QN08', '1234567A', 'challenge-character'],
    ['a space for QN', 'OCRA-1:HOTP-SHA1-6:QN08', '1234 678', 'challenge-character'],
    ['digits of another script', 'OCRA-1:HOTP-SHA1-6:QN08', '\u0661234567', 'challenge-character'],
    ['a line end', 'OCRA-1:HOTP-SHA1-6:QN08', '1234567\n', 'challenge-character'],
    ['nine digits for QN08', 'OCRA-1:HOTP-SHA1-6:QN08', '123456789', 'challenge-length'],
    ['nothing at all', 'OCRA-1:HOTP-SHA1-6:QN08', '', 'challenge-length'],
    ['a G for QH', 'OCRA-1:HOTP-SHA1-6:QH08', '0123456G', 'challenge-character'],
    ['a dash for QA', 'OCRA-1:HOTP-SHA1-6:QA08', 'AB-12345', 'challenge-character'],
    ['a thousand digits', 'OCRA-1:HOTP-SHA1-6:QN64', '1'.repeat(1000), 'challenge-length'],
  ])('refuses %s and stays as it was', (_name, suite, challenge, expected) => {
    const token = tokenWith(profileOf('keypad-cr-time', { CR: suite }));
    expect(refusalOf(respond(token, 0, challenge))).toBe(expected);
    expect(token.state).toEqual(initialState(token));
  });

  it('asks for exactly the PIN and session that the suite takes', () => {
    const suite = 'OCRA-1:HOTP-SHA1-6:QN08-PSHA1-S008';
    const token = tokenWith(profileOf('keypad-cr-time', { CR: suite }));
    const devicePin = new Secret(Buffer.from('1234'));
    const session = new Uint8Array(8);
    const answer = (options: Parameters<typeof respond>[3]): string =>
      refusalOf(respond(token, 0, '1', options));
    expect(answer({ devicePin, session })).toBe('accepted');
    expect(answer({ session })).toBe('pin-missing');
    expect(answer({ devicePin })).toBe('session-missing');
    expect(answer({ devicePin, session: new Uint8Array(9) })).toBe('session-length');
    expect(answer({ devicePin: new Secret(new Uint8Array(65)), session })).toBe('pin-length');
    expect(answer({ devicePin: new Secret(new Uint8Array()), session })).toBe('pin-length');
    const plain = tokenWith(profileOf('keypad-cr-time'));
    expect(refusalOf(respond(plain, 0, '1', { devicePin }))).toBe('pin-superfluous');
    expect(refusalOf(respond(plain, 0, '1', { session }))).toBe('session-superfluous');
  });

  it('wants to know which application is meant, and how it is used', () => {
    expect(refusalOf(press(multi, 0))).toBe('application-ambiguous');
    expect(refusalOf(respond(multi, 0, '1'))).toBe('application-ambiguous');
    expect(refusalOf(press(multi, 0, { applicationName: 'NONE' }))).toBe('application-unknown');
    expect(refusalOf(press(multi, 0, { applicationName: 'CR' }))).toBe('challenge-needed');
    expect(refusalOf(respond(multi, 0, '1', { applicationName: 'TIME' }))).toBe(
      'challenge-superfluous',
    );
    expect(refusalOf(press(tokenWith(profileOf('keypad-cr-time')), 0))).toBe('challenge-needed');
  });
});

describe('every device', () => {
  it('refuses to run its counter past 2^64 rather than show an old response', () => {
    const state = { ...eventFob.state, eventCounters: [2n ** 64n - 1n] };
    const last = done(press({ ...eventFob, state }, 0));
    expect(last.token.state.eventCounters).toEqual([2n ** 64n]);
    expect(refusalOf(press(last.token, 0))).toBe('event-counter-exhausted');
  });

  it('refuses while its clock stands before the time origin', () => {
    const late = tokenWith(profileOf('one-button-time', { TIME: 'TOTP-SHA1-6-30S-T0=60' }));
    expect(refusalOf(press(late, 59_999))).toBe('clock-before-origin');
    expect(refusalOf(press(late, 60_000))).toBe('accepted');
  });

  it('shows its seed to nobody who prints it', () => {
    const { applications } = eventFob;
    const texts = [JSON.stringify(applications), String(applications[0]!.seed)];
    for (const text of texts) expect(text).toContain('[secret]');
    texts.push(inspect(eventFob, { depth: 9, showHidden: true }));
    for (const text of texts) {
      expect(text).not.toContain('12345678901234567890');
      expect(text).not.toContain('49, 50, 51');
    }
  });
});

interface Act {
  readonly input: DeviceInput;
  readonly afterMs: number;
}

const input: fc.Arbitrary<DeviceInput> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<DeviceInput>({ kind: 'press' }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('TIME', 'EVENT', 'CR', 'CR-COUNTER', 'NONE')
      .map((applicationName): DeviceInput => ({ kind: 'select', applicationName })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('1', '12345678', '123456789', 'A', '')
      .map((text): DeviceInput => ({ kind: 'type', text })),
  },
  { weight: 3, arbitrary: fc.constant<DeviceInput>({ kind: 'confirm' }) },
  fc.constant<DeviceInput>({ kind: 'clear' }),
  fc.constant<DeviceInput>({ kind: 'wait' }),
);
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.record({ input, afterMs: fc.constantFrom(0, 1000, 29_999, 30_000, 40_000) }),
  { maxLength: 40 },
);
const anyToken = fc.constantFrom(eventFob, timeFob, timeEventFob, toggling, multi);

function run(token: VirtualToken, script: readonly Act[], reload: (index: number) => boolean) {
  let present = token;
  let atMs = 1_000_000;
  const transcript: unknown[] = [];
  const effects: DeviceEffect[] = [];
  for (const [index, act] of script.entries()) {
    atMs += act.afterMs;
    const step = stepDevice(present, present.state, act.input, atMs);
    present = { ...present, state: step.state };
    transcript.push(step.display, step.effects);
    effects.push(...step.effects);
    if (reload(index)) {
      present = tokenFromJson(tokenToJson({ token: present, revision: 1 })).token;
    }
  }
  return { token: present, transcript, effects };
}

describe('properties of the state machine', () => {
  it('an event counter is the number of responses that its application made', () => {
    fc.assert(
      fc.property(anyToken, acts, (token, script) => {
        const { token: after, effects } = run(token, script, () => false);
        for (const [index, { name }] of token.applications.entries()) {
          const made = effects.filter(
            (effect) =>
              effect.kind === 'generated' &&
              effect.generated.applicationName === name &&
              effect.generated.eventCounter !== null,
          );
          expect(after.state.eventCounters[index]).toBe(BigInt(made.length));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a refusal changes nothing', () => {
    fc.assert(
      fc.property(anyToken, acts, input, (token, script, last) => {
        const { token: before } = run(token, script, () => false);
        const step = stepDevice(before, before.state, last, 1_000_000_000_000);
        if (!step.effects.some(({ kind }) => kind === 'refused')) return;
        expect(step.state.eventCounters).toEqual(before.state.eventCounters);
        expect(step.state.screen.kind).toBe('off');
      }),
      { numRuns: 300 },
    );
  });

  it('a run that is saved and loaded at any point is the same run', () => {
    fc.assert(
      fc.property(anyToken, acts, fc.nat({ max: 40 }), (token, script, cut) => {
        const joined = run(token, script, () => false);
        const split = run(token, script, (index) => index === cut || index % 7 === 0);
        expect(split.transcript).toEqual(joined.transcript);
        expect(tokenToJson({ token: split.token, revision: 1 })).toBe(
          tokenToJson({ token: joined.token, revision: 1 }),
        );
      }),
      { numRuns: 200 },
    );
  });
});
