import { describe, expect, it } from 'vitest';
import {
  changeClock,
  createResponder,
  type DeviceInput,
  type DevicePorts,
  displayOf,
  idealClock,
  parseAlgorithmText,
  pinStatus,
  play,
  press,
  respond,
  setPin,
  tokenFromJson,
  tokenToJson,
  unlock,
  unlockCode,
  type VirtualToken,
} from '../../../emulator/index.ts';
import {
  challengeOf,
  initialPin,
  ownPin,
  pinToken,
  rightCode,
  testPorts,
  wrongCode,
  wrongPin,
} from './pin-support.ts';
import { done, errorOf, profileOf, refusalOf, rfcSeed, tokenWith } from '../support.ts';

const minuteMs = 60_000;

/** A token with `ownPin` as PIN that five wrong ones have locked, and the ports it draws from. */
function locked(atMs = 0): { token: VirtualToken; ports: DevicePorts } {
  const ports = testPorts();
  let { token } = done(setPin(pinToken(), atMs, ownPin, { devicePin: initialPin, ports }));
  for (let count = 0; count < 5; count += 1) {
    ({ token } = press(token, atMs, { devicePin: wrongPin, ports }));
  }
  return { token, ports };
}

describe('the unlock code', () => {
  it('is the OCRA response to the challenge alone', () => {
    const suite = 'OCRA-1:HOTP-SHA1-8:QN08';
    const host = createResponder(parseAlgorithmText(suite), rfcSeed);
    for (const challenge of ['00000000', '12345678', '99999999']) {
      expect(unlockCode(rfcSeed, challenge)).toBe(host.respond({ question: challenge }));
    }
    const longer = parseAlgorithmText('OCRA-1:HOTP-SHA256-10:QN10');
    expect(unlockCode(rfcSeed, '12345678', longer)).toMatch(/^\d{10}$/);
    expect(() => unlockCode(rfcSeed, '123456789')).toThrow('question');
  });
});

describe('a locked device', () => {
  it('shows a challenge of eight digits, the same until it is answered', () => {
    const { token } = locked();
    const challenge = challengeOf(token);
    expect(challenge).toMatch(/^\d{8}$/);
    expect(displayOf(token, token.state)).toEqual({
      kind: 'locked',
      challenge,
      typed: '',
      codesLeft: 3,
    });
    const dayMs = 86_400_000;
    const on = done(play(token, [{ kind: 'press' }], dayMs)).token;
    expect(displayOf(on, on.state)).toMatchObject({ kind: 'locked', challenge });
    expect(challengeOf(tokenFromJson(tokenToJson({ token: on, revision: 1 })).token)).toBe(
      challenge,
    );
  });

  it('makes no responses and takes no new PIN', () => {
    const { token, ports } = locked();
    expect(refusalOf(press(token, 0, { devicePin: ownPin, ports }))).toBe('locked');
    expect(refusalOf(respond(token, 0, '1', { devicePin: ownPin, ports }))).toBe('locked');
    expect(refusalOf(setPin(token, 0, wrongPin, { devicePin: ownPin, ports }))).toBe('locked');
    const keys: DeviceInput[] = [
      { kind: 'press' },
      { kind: 'press' },
      { kind: 'pin', devicePin: ownPin },
    ];
    expect(refusalOf(play(token, keys, 0, ports))).toBe('key-without-function');
  });

  it('takes the right code once, and then wants a new PIN', () => {
    const { token, ports } = locked();
    const code = rightCode(token);
    const open = done(unlock(token, 0, code, { ports })).token;
    expect(open.state.screen.kind).toBe('new-pin');
    expect(pinStatus(open, 0)).toEqual({
      status: 'none',
      failures: 0,
      failuresLeft: 5,
      lock: null,
    });
    expect(refusalOf(unlock(open, 0, code, { ports }))).toBe('not-locked');
    expect(refusalOf(press(open, 0, { devicePin: ownPin, ports }))).toBe('pin-needs-setting');
    let again = done(setPin(open, 0, wrongPin, { ports })).token;
    expect(refusalOf(press(again, 0, { devicePin: wrongPin, ports }))).toBe('accepted');
    for (let count = 0; count < 5; count += 1) {
      ({ token: again } = press(again, 0, { devicePin: ownPin, ports }));
    }
    expect(challengeOf(again)).not.toBe(challengeOf(token));
    expect(refusalOf(unlock(again, 0, code, { ports }))).toBe('unlock-code-wrong');
  });

  it('still wants the new PIN when it was switched off before it was set', () => {
    const { token, ports } = locked();
    const open = done(unlock(token, 0, rightCode(token), { ports })).token;
    const keys: DeviceInput[] = [{ kind: 'press' }, { kind: 'press' }];
    const later = done(play(open, keys, 0, ports)).token;
    expect(later.state.screen.kind).toBe('new-pin');
  });

  it('takes codes typed in pieces, and corrected', () => {
    const { token, ports } = locked();
    const code = rightCode(token);
    const keys: DeviceInput[] = [
      { kind: 'type', text: '99' },
      { kind: 'clear' },
      { kind: 'type', text: code.slice(0, 3) },
      { kind: 'type', text: code.slice(3) },
      { kind: 'confirm' },
    ];
    expect(done(play(token, keys, 0, ports)).token.state.screen.kind).toBe('new-pin');
  });

  it.each([
    ['1234567', 'unlock-code-length'],
    ['123456789', 'unlock-code-length'],
    ['', 'unlock-code-length'],
    ['1234567a', 'unlock-code-character'],
  ])('does not count %j, which its keys cannot confirm', (code, expected) => {
    const { token, ports } = locked();
    const refused = unlock(token, 0, code, { ports });
    expect(refusalOf(refused)).toBe(expected);
    expect(pinStatus(refused.token, 0)).toEqual(pinStatus(token, 0));
  });

  it('draws another challenge after a wrong code, whose right code is then worth nothing', () => {
    const { token, ports } = locked();
    const old = rightCode(token);
    const failed = unlock(token, 0, wrongCode(token), { ports });
    expect(failed).toMatchObject({
      ok: false,
      refusal: { code: 'unlock-code-wrong', codesLeft: 2 },
    });
    expect(challengeOf(failed.token)).not.toBe(challengeOf(token));
    expect(refusalOf(unlock(failed.token, 0, old, { ports }))).toBe('unlock-code-wrong');
    expect(refusalOf(unlock(failed.token, 0, rightCode(failed.token), { ports }))).toBe('accepted');
  });

  it('cannot be unlocked before it has a seed, nor when nothing is locked', () => {
    const { token, ports } = locked();
    const unpaired = {
      ...token,
      applications: token.applications.map((application) => ({ ...application, seed: null })),
    };
    expect(refusalOf(unlock(unpaired, 0, '12345678', { ports }))).toBe('not-paired');
    expect(refusalOf(unlock(pinToken(), 0, '12345678'))).toBe('not-locked');
    expect(refusalOf(unlock(tokenWith(profileOf('keypad-multi')), 0, '12345678'))).toBe('pin-none');
  });
});

describe('a lockout', () => {
  /** Locked out at `atMs` by three wrong codes. */
  function lockedOut(atMs: number): { token: VirtualToken; ports: DevicePorts } {
    const { token: start, ports } = locked(atMs);
    let token = start;
    for (let count = 0; count < 3; count += 1) {
      ({ token } = unlock(token, atMs, wrongCode(token), { ports }));
    }
    return { token, ports };
  }

  const codeAt = (token: VirtualToken, atMs: number, ports: DevicePorts): string =>
    refusalOf(unlock(token, atMs, rightCode(token), { ports }));

  it('follows the third wrong code and lasts 30 minutes', () => {
    const { token, ports } = lockedOut(1000);
    expect(displayOf(token, token.state)).toEqual({
      kind: 'locked-out',
      untilDeviceTimeMs: 1000 + 30 * minuteMs,
    });
    expect(unlock(token, 1000, rightCode(token), { ports })).toMatchObject({
      refusal: { code: 'locked-out', remainingMs: 30 * minuteMs },
    });
    expect(codeAt(token, 1000 + 30 * minuteMs - 1, ports)).toBe('locked-out');
    expect(pinStatus(token, 1000 + 30 * minuteMs)?.lock).toMatchObject({
      codesLeft: 3,
      lockedOutForMs: 0,
    });
    expect(codeAt(token, 1000 + 30 * minuteMs, ports)).toBe('accepted');
  });

  it('is not shortened by switching off, nor by being read from a file', () => {
    const { token, ports } = lockedOut(0);
    const keys: DeviceInput[] = [{ kind: 'press' }, { kind: 'type', text: '1' }];
    expect(refusalOf(play(token, keys, minuteMs, ports))).toBe('locked-out');
    const read = tokenFromJson(tokenToJson({ token, revision: 1 })).token;
    expect(codeAt(read, 29 * minuteMs, ports)).toBe('locked-out');
  });

  it('allows three more codes afterwards', () => {
    const { token: start, ports } = lockedOut(0);
    let token = start;
    const atMs = 31 * minuteMs;
    const left: (number | undefined)[] = [];
    for (let count = 0; count < 3; count += 1) {
      ({ token } = unlock(token, atMs, wrongCode(token), { ports }));
      const lock = pinStatus(token, atMs)?.lock;
      left.push(lock?.kind === 'unlock' ? lock.codesLeft : undefined);
    }
    expect(left).toEqual([2, 1, 0]);
    expect(codeAt(token, atMs, ports)).toBe('locked-out');
  });

  it('goes by the clock of the device', () => {
    const { token, ports } = lockedOut(minuteMs);
    const jumped = (jumpMs: number): VirtualToken => ({
      ...token,
      clock: changeClock(idealClock(0), minuteMs, { jumpMs }),
    });
    expect(codeAt(jumped(30 * minuteMs), minuteMs, ports)).toBe('accepted');
    // Set back by a year: it begins anew, and does not last a year.
    const code = '12345678';
    const { token: back } = unlock(jumped(-365 * 86_400_000), 2 * minuteMs, code, { ports });
    expect(codeAt(back, 31 * minuteMs, ports)).toBe('locked-out');
    expect(codeAt(back, 32 * minuteMs, ports)).toBe('accepted');
  });
});

describe('an unlock application', () => {
  it('is not in the menu and answers nothing else', () => {
    const ports = testPorts();
    const { token } = done(setPin(pinToken(), 0, ownPin, { devicePin: initialPin, ports }));
    expect(displayOf(token, token.state)).toEqual({
      kind: 'menu',
      applicationNames: ['TIME', 'CR'],
    });
    const options = { applicationName: 'UNLOCK', devicePin: ownPin, ports };
    expect(refusalOf(press(token, 0, options))).toBe('application-unlocks');
    expect(refusalOf(respond(token, 0, '12345678', options))).toBe('application-unlocks');
    const select: DeviceInput = { kind: 'select', applicationName: 'UNLOCK' };
    expect(refusalOf(play(token, [select], 0, ports))).toBe('application-unknown');
  });

  it.each([
    'HOTP-SHA1-8',
    'TOTP-SHA1-8-30S',
    'OCRA-1:HOTP-SHA1-8:C-QN08',
    'OCRA-1:HOTP-SHA1-8:QN08-T30S',
    'OCRA-1:HOTP-SHA1-8:QN08-PSHA1',
    'OCRA-1:HOTP-SHA1-8:QN08-S064',
    'OCRA-1:HOTP-SHA1-8:QH08',
    'OCRA-1:HOTP-SHA1-8:QA08',
    'OCRA-1:HOTP-SHA1-8:QN07',
    'OCRA-1:HOTP-SHA1-5:QN08',
    'OCRA-1:HOTP-SHA1-0:QN08',
    'OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000',
  ])('is not made of %s', async (text) => {
    const refused = await errorOf(() =>
      pinToken({ applications: { TIME: 'TOTP-SHA1-6-30S', UNLOCK: `unlock:${text}` } }),
    );
    expect(refused.code).toBe('input-invalid');
    expect(refused.message).toContain('OCRA-1:HOTP-SHA1-8:QN08');
  });

  it('is only for devices that can be unlocked', async () => {
    const applications = { TIME: 'TOTP-SHA1-6-30S', U: 'unlock:OCRA-1:HOTP-SHA1-8:QN08' };
    for (const make of [
      () => tokenWith(profileOf('keypad-multi', applications)),
      () => tokenWith(profileOf('one-button-time', applications)),
    ]) {
      expect((await errorOf(make)).code).toBe('input-invalid');
    }
  });
});
