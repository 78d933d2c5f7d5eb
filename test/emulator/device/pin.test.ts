import { describe, expect, it } from 'vitest';
import {
  type DeviceInput,
  type Display,
  play,
  press,
  pressTimes,
  respond,
  setPin,
  stepDevice,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { initialPin, ownPin, pinOf, pinToken, testPorts, wrongPin } from './pin-support.ts';
import { done, errorOf, profileOf, refusalOf, tokenWith } from '../support.ts';

const ports = testPorts();

/** A token whose PIN is `ownPin`, switched off. */
function ready(options: Parameters<typeof pinToken>[0] = {}): VirtualToken {
  const set = done(setPin(pinToken(options), 0, ownPin, { devicePin: initialPin, ports }));
  return done(play(set.token, [{ kind: 'press' }], 0)).token;
}

/** Which screen each key leads to. */
function screensOf(token: VirtualToken, inputs: readonly DeviceInput[], atMs = 0): string[] {
  let { state } = token;
  return inputs.map((input) => {
    const step = stepDevice(token, state, input, atMs, ports);
    ({ state } = step);
    return step.display.kind;
  });
}

const enter = (devicePin = ownPin): DeviceInput => ({ kind: 'pin', devicePin });
const key = (kind: 'press' | 'change-pin' | 'wait'): DeviceInput => ({ kind });

describe('a device that comes with an initial PIN', () => {
  it('asks for it, then for a new one twice, and only then opens', () => {
    const keys = [key('press'), enter(initialPin), enter(), enter()];
    expect(screensOf(pinToken(), keys)).toEqual(['pin', 'new-pin', 'confirm-pin', 'menu']);
    const token = ready();
    expect(screensOf(token, [key('press'), enter()])).toEqual(['pin', 'menu']);
    expect(refusalOf(setPin(token, 0, wrongPin, { devicePin: initialPin, ports }))).toBe(
      'pin-wrong',
    );
  });

  it('opens at once where the initial PIN may stay', () => {
    const token = pinToken({ policy: { mustChangeInitial: false } });
    expect(screensOf(token, [key('press'), enter(initialPin)])).toEqual(['pin', 'menu']);
    expect(done(press(token, 59_000, { devicePin: initialPin, ports })).response).toBe('287082');
  });

  it.each([
    ['before the new PIN', [enter(initialPin)]],
    ['before its confirmation', [enter(initialPin), enter()]],
    ['after two that differ', [enter(initialPin), enter(), enter(wrongPin)]],
  ])('keeps it when switched off %s', (_name, keys) => {
    const off = [...keys, key('press'), key('press'), enter(initialPin)];
    expect(screensOf(pinToken(), [key('press'), ...off]).slice(-3)).toEqual([
      'blank',
      'pin',
      'new-pin',
    ]);
  });

  it('asks for the new PIN again when the two differ', () => {
    const keys = [key('press'), enter(initialPin), enter(), enter(wrongPin), enter(), enter()];
    expect(screensOf(pinToken(), keys).slice(-3)).toEqual(['new-pin', 'confirm-pin', 'menu']);
    const differs = setPin(pinToken(), 0, ownPin, {
      devicePin: initialPin,
      confirmation: wrongPin,
      ports,
    });
    expect(refusalOf(differs)).toBe('pin-confirmation-differs');
  });
});

describe('a device without initial PIN', () => {
  it('asks for a new one at the first switch-on', () => {
    const token = pinToken({ initialPin: null });
    expect(screensOf(token, [key('press'), enter(), enter()])).toEqual([
      'new-pin',
      'confirm-pin',
      'menu',
    ]);
    expect(refusalOf(press(token, 0, { devicePin: ownPin, ports }))).toBe('pin-needs-setting');
    expect(refusalOf(setPin(token, 0, ownPin, { devicePin: ownPin, ports }))).toBe('pin-not-set');
    const set = done(setPin(token, 0, ownPin, { ports }));
    expect(refusalOf(press(set.token, 0, { devicePin: ownPin, ports }))).toBe('accepted');
  });
});

describe('a new PIN', () => {
  it.each([
    ['1111', 'pin-weak'],
    ['88888888', 'pin-weak'],
    ['1234', 'pin-weak'],
    ['456789', 'pin-weak'],
    ['0123', 'pin-weak'],
    ['9876', 'pin-weak'],
    ['3210', 'pin-weak'],
    ['2468', 'pin-weak'],
    ['1357', 'pin-weak'],
    ['97531', 'pin-weak'],
    ['02468', 'pin-weak'],
    ['8642', 'pin-weak'],
    ['0369', 'accepted'],
    ['1235', 'accepted'],
    ['1112', 'accepted'],
    ['7890', 'accepted'],
    ['123', 'pin-digits'],
    ['123456789', 'pin-digits'],
    ['', 'pin-digits'],
    ['12a4', 'pin-character'],
    ['28194\u0661', 'pin-character'],
  ])('%s: %s', (digits, expected) => {
    const set = setPin(pinToken({ initialPin: null }), 0, pinOf(digits), { ports });
    expect(refusalOf(set)).toBe(expected);
  });

  it('may not be the initial one', () => {
    const token = pinToken({ initialPin: '281946' });
    expect(refusalOf(setPin(token, 0, ownPin, { devicePin: ownPin, ports }))).toBe('pin-weak');
    const lax = pinToken({ initialPin: '281946', policy: { weakRules: ['ascending'] } });
    expect(refusalOf(setPin(lax, 0, ownPin, { devicePin: ownPin, ports }))).toBe('accepted');
  });

  it('is as weak as the policy lets it be', () => {
    const token = pinToken({ initialPin: null, policy: { weakRules: ['all-equal'] } });
    expect(refusalOf(setPin(token, 0, pinOf('1234'), { ports }))).toBe('accepted');
    expect(refusalOf(setPin(token, 0, pinOf('4444'), { ports }))).toBe('pin-weak');
  });

  it('replaces the old one, which is asked for first', () => {
    const token = ready();
    expect(screensOf(token, [key('press'), key('change-pin')])).toEqual(['pin', 'pin']);
    const keys = [key('press'), enter(), key('change-pin'), enter(wrongPin), enter(wrongPin)];
    expect(screensOf(token, keys)).toEqual(['pin', 'menu', 'new-pin', 'confirm-pin', 'menu']);
    expect(refusalOf(setPin(token, 0, wrongPin, { ports }))).toBe('pin-missing');
    const changed = done(setPin(token, 0, wrongPin, { devicePin: ownPin, ports })).token;
    expect(refusalOf(press(changed, 0, { devicePin: ownPin, ports }))).toBe('pin-wrong');
    expect(refusalOf(press(changed, 0, { devicePin: wrongPin, ports }))).toBe('accepted');
  });
});

describe('a wrong PIN', () => {
  it('counts, is displayed, and is forgotten after a right one', () => {
    let token = ready();
    for (const failures of [1, 2, 3, 4]) {
      const failed = press(token, 0, { devicePin: wrongPin, ports });
      expect(failed).toMatchObject({
        ok: false,
        refusal: { code: 'pin-wrong', failures, failuresLeft: 5 - failures },
      });
      ({ token } = failed);
      expect(token.state.pin?.failures).toBe(failures);
    }
    const fresh = stepDevice(token, token.state, key('wait'), 86_400_000).state;
    const display: Display = stepDevice(token, fresh, key('press'), 86_400_000).display;
    expect(display).toEqual({ kind: 'pin', failures: 4 });
    token = done(press(token, 0, { devicePin: ownPin, ports })).token;
    expect(token.state.pin?.failures).toBe(0);
  });

  it('stops the keys that follow: a challenge is not taken for another PIN', () => {
    const failed = respond(ready(), 0, '12345678', { devicePin: wrongPin, ports });
    expect(failed.token.state.pin?.failures).toBe(1);
    expect(failed.token.state.screen.kind).toBe('pin');
  });

  it('stays counted when the right one is followed by something else that is refused', () => {
    const failed = press(ready(), 0, { devicePin: wrongPin, ports }).token;
    const refused = respond(failed, 0, '123456789', { devicePin: ownPin, ports });
    expect(refusalOf(refused)).toBe('challenge-length');
    // The right PIN was entered and has reset the counter, whatever came after it.
    expect(refused.token.state.pin?.failures).toBe(0);
  });

  it.each([2, 3, 10])('number %i locks, where the policy says so', (failuresMax) => {
    let token = ready({ policy: { failuresMax } });
    const codes: string[] = [];
    for (let count = 0; count <= failuresMax; count += 1) {
      const failed = press(token, 0, { devicePin: wrongPin, ports });
      codes.push(refusalOf(failed));
      ({ token } = failed);
    }
    expect(codes).toEqual([...Array<string>(failuresMax).fill('pin-wrong'), 'locked']);
    expect(refusalOf(press(token, 0, { devicePin: ownPin, ports }))).toBe('locked');
  });

  it('locks for good on a device that bricks', () => {
    let token = ready({ policy: { failuresMax: 2, onLock: 'brick' } });
    for (let count = 0; count < 2; count += 1) {
      ({ token } = press(token, 0, { devicePin: wrongPin, ports }));
    }
    expect(screensOf(token, [key('wait'), key('press'), key('press'), enter()])).toEqual([
      'locked-for-good',
      'blank',
      'locked-for-good',
      'locked-for-good',
    ]);
    for (const operation of [
      press(token, 0, { devicePin: ownPin, ports }),
      respond(token, 0, '1', { devicePin: ownPin, ports }),
      setPin(token, 0, wrongPin, { devicePin: ownPin, ports }),
    ]) {
      expect(refusalOf(operation)).toBe('locked-for-good');
    }
  });
});

describe('the PIN prompt', () => {
  it('goes off by itself and forgets a new PIN that was not confirmed', () => {
    const on = (inputs: readonly DeviceInput[]) => {
      let { state } = pinToken();
      for (const [index, input] of inputs.entries()) {
        // Every key gives the display its time again.
        ({ state } = stepDevice(pinToken(), state, input, index * 39_000, ports));
      }
      return state;
    };
    const keys = [key('press'), enter(initialPin), enter(pinOf('1111')), enter()];
    const state = on(keys);
    expect(state.screen.kind).toBe('confirm-pin');
    const later = stepDevice(pinToken(), state, key('wait'), 3 * 39_000 + 40_000, ports);
    expect(later.state.screen).toEqual({ kind: 'off' });
    expect(later.state.pin).toEqual(pinToken().state.pin);
  });

  it('does nothing for other keys, and is not there without a PIN', () => {
    const others: DeviceInput[] = [
      { kind: 'select', applicationName: 'TIME' },
      { kind: 'type', text: '1' },
      { kind: 'clear' },
      { kind: 'confirm' },
    ];
    for (const input of others) {
      expect(refusalOf(play(ready(), [key('press'), input], 0))).toBe('key-without-function');
    }
    const plain = tokenWith(profileOf('keypad-multi'));
    expect(refusalOf(play(plain, [key('press'), enter()], 0))).toBe('key-without-function');
    expect(refusalOf(play(plain, [key('press'), key('change-pin')], 0))).toBe(
      'key-without-function',
    );
    expect(refusalOf(press(plain, 0, { applicationName: 'TIME', devicePin: ownPin }))).toBe(
      'pin-none',
    );
    expect(refusalOf(setPin(plain, 0, ownPin))).toBe('pin-none');
  });

  it('wants a PIN that its keys can enter, and counts no other', () => {
    const tooLong = press(ready(), 0, { devicePin: pinOf('123456789'), ports });
    expect(refusalOf(tooLong)).toBe('pin-digits');
    expect(tooLong.token.state.pin?.failures).toBe(0);
    expect(refusalOf(press(ready(), 0, { ports }))).toBe('pin-missing');
    expect(refusalOf(respond(ready(), 0, '1', { ports }))).toBe('pin-missing');
  });
});

describe('a device PIN that also goes into the response', () => {
  const suite = 'OCRA-1:HOTP-SHA1-6:QN08-PSHA1';
  const applications = {
    CR: suite,
    PLAIN: 'OCRA-1:HOTP-SHA1-6:QN08',
    UNLOCK: 'unlock:OCRA-1:HOTP-SHA1-8:QN08',
  };

  it('is one PIN for both', () => {
    const token = ready({ applications });
    const without = tokenWith(profileOf('keypad-cr-time', { CR: suite }));
    const expected = done(respond(without, 0, '12345678', { devicePin: ownPin })).response;
    const options = { applicationName: 'CR', devicePin: ownPin, ports };
    expect(done(respond(token, 0, '12345678', options)).response).toBe(expected);
    const plain = { ...options, applicationName: 'PLAIN' };
    expect(refusalOf(respond(token, 0, '12345678', plain))).toBe('accepted');
  });

  it('cannot be another one in the response', () => {
    const keys: DeviceInput[] = [
      key('press'),
      enter(),
      { kind: 'select', applicationName: 'CR' },
      { kind: 'type', text: '12345678' },
      { kind: 'confirm', devicePin: wrongPin },
    ];
    expect(refusalOf(play(ready({ applications }), keys, 0, ports))).toBe('pin-differs');
  });
});

describe('a keypad with a PIN', () => {
  it('presses many times with one PIN', () => {
    let stretched = 0;
    const counting = {
      ...ports,
      stretchPin: (pin: Uint8Array, salt: Uint8Array) => {
        stretched += 1;
        return ports.stretchPin(pin, salt);
      },
    };
    const applications = { EVENT: 'HOTP-SHA1-6', UNLOCK: 'unlock:OCRA-1:HOTP-SHA1-8:QN08' };
    const token = ready({ applications });
    const before = token.state.eventCounters[0]!;
    const pressed = done(pressTimes(token, 0, 50, { devicePin: ownPin, ports: counting }));
    expect(pressed.token.state.eventCounters[0]).toBe(before + 50n);
    expect(stretched).toBe(1);
  });

  it.each<[string, Parameters<typeof pinToken>[0]]>([
    ['failuresMax 1', { policy: { failuresMax: 1 } }],
    ['failuresMax 11', { policy: { failuresMax: 11 } }],
    ['failuresMax 2.5', { policy: { failuresMax: 2.5 } }],
    ['three digits', { policy: { digitsMin: 3 } }],
    ['more at least than at most', { policy: { digitsMin: 6, digitsMax: 5 } }],
    ['thirteen digits', { policy: { digitsMax: 13 } }],
    ['a rule twice', { policy: { weakRules: ['initial', 'initial'] } }],
    ['an initial PIN that is too short', { initialPin: '000' }],
    ['an initial PIN with letters', { initialPin: 'abcd' }],
    ['nothing to unlock it with', { applications: { TIME: 'TOTP-SHA1-6-30S' } }],
    [
      'nothing but its unlock application',
      { applications: { U: 'unlock:OCRA-1:HOTP-SHA1-8:QN08' } },
    ],
    [
      'two unlock applications',
      {
        applications: {
          TIME: 'TOTP-SHA1-6-30S',
          U: 'unlock:OCRA-1:HOTP-SHA1-8:QN08',
          V: 'unlock:OCRA-1:HOTP-SHA1-8:QN08',
        },
      },
    ],
  ])('is not made with %s', async (_name, options) => {
    expect((await errorOf(() => pinToken(options))).code).toBe('input-invalid');
  });
});
