import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresentedCredential } from '../../src/domain/credential.ts';
import type { IssuedOtp } from '../../src/domain/model.ts';
import { asksForPassword, cutOtp, type OtpReading } from '../../src/domain/requests.ts';
import { proofRuns } from '../support/proof.ts';
import { noonMs } from './support.ts';

const otp = '703557';

type Parts = Extract<PresentedCredential, { format: 'separate' }>;

const combined = (text: string): PresentedCredential => ({ format: 'combined', text });
const separate = (set: Partial<Parts>): PresentedCredential => ({
  format: 'separate',
  staticPassword: null,
  pin: null,
  response: null,
  newPin: null,
  ...set,
});

describe('an answer with a one-time password, in one text', () => {
  it.each<[string, number, number, OtpReading | null]>([
    [otp, 6, 0, { otp, pin: null, password: '' }],
    [`secret${otp}`, 6, 0, { otp, pin: null, password: 'secret' }],
    [`1234${otp}`, 6, 4, { otp, pin: '1234', password: '' }],
    [`secret1234${otp}`, 6, 4, { otp, pin: '1234', password: 'secret' }],
    [`secret${otp}`, 8, 0, null],
    ['70355712', 8, 0, { otp: '70355712', pin: null, password: '' }],
    [otp, 6, 1, null],
    [`123${otp}`, 6, 4, null],
    ['70355', 6, 0, null],
    ['', 6, 0, null],
    [`${otp} `, 6, 0, null],
    ['secret', 6, 0, null],
    ['70355x', 6, 0, null],
    ['７０３５５７', 6, 0, null],
  ])('%j at %s digits and a PIN of %s', (text, digits, pinLength, reading) => {
    expect(cutOtp(combined(text), digits, pinLength)).toEqual(reading);
  });

  it('is password, PIN and one-time password behind one another', () => {
    const secret = fc.string({ maxLength: 12 });
    const digits = fc.stringMatching(/^[0-9]{6,10}$/);
    fc.assert(
      fc.property(secret, fc.string({ maxLength: 8 }), digits, (password, pin, shown) => {
        expect(cutOtp(combined(password + pin + shown), shown.length, pin.length)).toEqual({
          otp: shown,
          pin: pin === '' ? null : pin,
          password,
        });
      }),
      proofRuns(300),
    );
  });

  it('loses nothing and adds nothing, however it is cut', () => {
    const text = fc.stringMatching(/^.{0,8}[0-9]{4,12}$/);
    const lengths = [fc.integer({ min: 6, max: 10 }), fc.integer({ min: 0, max: 8 })] as const;
    fc.assert(
      fc.property(text, ...lengths, (whole, digits, pinLength) => {
        const reading = cutOtp(combined(whole), digits, pinLength);
        if (reading === null) return;
        const { password, pin, otp: shown } = reading;
        expect(`${password}${pin ?? ''}${shown}`).toBe(whole);
        expect([shown.length, (pin ?? '').length]).toEqual([digits, pinLength]);
      }),
      proofRuns(500),
    );
  });
});

describe('an answer with a one-time password, in parts', () => {
  const newPin = { pin: '4321', confirmation: '4321' };
  const secret = { staticPassword: 'secret' };

  it.each<[string, Partial<Parts>, number, OtpReading | null]>([
    ['alone', { response: otp }, 0, { otp, pin: null, password: '' }],
    ['with a password', { response: otp, ...secret }, 0, { otp, pin: null, password: 'secret' }],
    [
      'with all there is',
      { response: otp, pin: '1234', ...secret },
      4,
      { otp, pin: '1234', password: 'secret' },
    ],
    [
      'with a PIN of another length',
      { response: otp, pin: '123456' },
      4,
      { otp, pin: '123456', password: '' },
    ],
    ['with an empty PIN', { response: otp, pin: '' }, 4, { otp, pin: '', password: '' }],
    ['without its PIN', { response: otp }, 4, null],
    ['without its PIN, with a password', { response: otp, ...secret }, 4, null],
    ['with a PIN that nobody asked for', { response: otp, pin: '1234' }, 0, null],
    ['with an empty PIN that nobody asked for', { response: otp, pin: '' }, 0, null],
    ['with a new PIN', { response: otp, pin: '1234', newPin }, 4, null],
    ['with a new PIN and no PIN', { response: otp, newPin }, 0, null],
    ['too long', { response: `${otp}1` }, 0, null],
    ['too short', { response: '70355' }, 0, null],
    ['no digits', { response: '70355x' }, 0, null],
    ['no response', { staticPassword: `secret${otp}` }, 0, null],
  ])('%s', (_, parts, pinLength, reading) => {
    expect(cutOtp(separate(parts), 6, pinLength)).toEqual(reading);
  });

  it('has a PIN exactly where one is asked for', () => {
    const part = fc.option(fc.string({ maxLength: 8 }));
    fc.assert(
      fc.property(part, part, fc.nat(8), (staticPassword, pin, pinLength) => {
        const reading = cutOtp(separate({ response: otp, staticPassword, pin }), 6, pinLength);
        const isAsked = pinLength > 0;
        expect(reading).toEqual(
          isAsked === (pin !== null) ? { otp, pin, password: staticPassword ?? '' } : null,
        );
      }),
      proofRuns(300),
    );
  });
});

describe('whether an answer has to hold the password', () => {
  const issued = (method: IssuedOtp['method']): IssuedOtp => ({
    id: 'otp-1',
    handle: '0123456789',
    userId: 'user-1',
    componentType: 'CLIENT',
    kind: 'virtual-primary',
    method,
    provenPins: [],
    userVersion: 1,
    authenticatorId: 'authenticator-1',
    authenticatorVersion: 1,
    otpDigits: 6,
    otpMac: '',
    missCount: 0,
    issuedAtMs: noonMs,
    expiresAtMs: noonMs + 300_000,
    consumedAtMs: null,
  });

  it.each<[IssuedOtp['method'], boolean]>([
    ['password', true],
    ['keyword-password', true],
    ['password-keyword', true],
    ['keyword', false],
    ['keyword-only', false],
    ['keyword-pin', false],
    [null, false],
  ])('asked for by %s: %s, and never where the key says who asked', (method, asks) => {
    expect(asksForPassword(issued(method), false)).toBe(asks);
    expect(asksForPassword(issued(method), true)).toBe(false);
  });
});
