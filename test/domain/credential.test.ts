import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CredentialReading,
  hasResponseForm,
  type PresentedCredential,
  readCredential,
} from '../../src/domain/credential.ts';
import type { ServerPin } from '../../src/domain/model.ts';
import { unusedPin } from '../../src/domain/server-pin.ts';
import { pinOf } from './pins.ts';
import { applicationWith, hotp, totp } from './support.ts';

const id = 'application-1';
const otp = '703557';
const newPin = (pin: string, confirmation: string = pin) => ({ pin, confirmation });

function read(credential: PresentedCredential, pin: ServerPin): CredentialReading | null {
  return readCredential(credential, applicationWith(hotp, { pin }));
}

type Parts = Extract<PresentedCredential, { format: 'separate' }>;

/** A reading whose response is plain text. */
interface Shown extends Omit<CredentialReading, 'response' | 'isPinProven'> {
  readonly response: string;
}

const combined = (text: string): PresentedCredential => ({ format: 'combined', text });
const separate = (
  response: string,
  pin: string | null = null,
  changed: { pin: string; confirmation: string } | null = null,
): PresentedCredential => ({
  format: 'separate',
  staticPassword: null,
  pin,
  response,
  newPin: changed,
});

const without = unusedPin;
const notSet = pinOf(id, null, { isChangeForced: true });
const cleared = pinOf(id, null);
const four = pinOf(id, '1234');

describe('a combined credential', () => {
  it.each<[string, ServerPin, string, Shown | null]>([
    ['OTP, no PIN', without, otp, { pin: null, response: otp, newPin: null }],
    ['PIN OTP', four, `1234${otp}`, { pin: '1234', response: otp, newPin: null }],
    [
      'OTP NEW NEW, first PIN',
      notSet,
      `${otp}43214321`,
      { pin: null, response: otp, newPin: newPin('4321') },
    ],
    [
      'PIN OTP NEW NEW',
      four,
      `1234${otp}43214321`,
      { pin: '1234', response: otp, newPin: newPin('4321') },
    ],
    ['OTP alone, PIN to be set', notSet, otp, { pin: null, response: otp, newPin: null }],
    ['OTP alone, PIN cleared', cleared, otp, { pin: null, response: otp, newPin: null }],
    [
      'a new PIN of one digit',
      four,
      `1234${otp}99`,
      { pin: '1234', response: otp, newPin: newPin('9') },
    ],
    [
      'a new PIN of nine digits',
      four,
      `1234${otp}${'123456789'.repeat(2)}`,
      { pin: '1234', response: otp, newPin: newPin('123456789') },
    ],
    [
      'halves that differ',
      four,
      `1234${otp}43214322`,
      { pin: '1234', response: otp, newPin: newPin('4321', '4322') },
    ],
    [
      'an odd rest: the halves differ in length',
      four,
      `1234${otp}4321432`,
      { pin: '1234', response: otp, newPin: newPin('4321', '432') },
    ],
    ['response without its PIN', four, otp, null],
    ['PIN short of a digit', four, `123${otp}`, null],
    ['nothing', four, '', null],
    ['nothing, no PIN', without, '', null],
    ['letters where the response stands', four, '1234abcdef', null],
    ['OTP NEW NEW where there is no PIN', without, `${otp}43214321`, null],
  ])('%s', (_, pin, text, reading) => {
    expect(read(combined(text), pin)).toEqual(
      reading === null ? null : { ...reading, isPinProven: false },
    );
  });

  it('is cut by the lengths of each application, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 3, maxLength: 8 }),
        fc.constantFrom(6, 7, 8, 9, 10),
        fc.string({ maxLength: 20 }),
        fc.nat(999_999),
        (pin, digits, rest, number) => {
          const algorithm = { ...totp(), digits } as ReturnType<typeof totp>;
          const application = applicationWith(algorithm, { pin: pinOf(id, pin) });
          const response = String(number).padStart(digits, '0');
          const reading = readCredential(combined(pin + response + rest), application);
          expect(reading).toMatchObject({ pin, response });
          const changed = reading?.newPin ?? null;
          expect(changed === null ? '' : changed.pin + changed.confirmation).toBe(rest);
        },
      ),
    );
  });
});

describe('a credential in parts', () => {
  it.each<[string, ServerPin, PresentedCredential, boolean]>([
    ['response, no PIN', without, separate(otp), true],
    ['PIN and response', four, separate(otp, '1234'), true],
    ['response and first PIN', notSet, separate(otp, null, newPin('4321')), true],
    ['PIN, response and new PIN', four, separate(otp, '1234', newPin('4321')), true],
    ['response, PIN to be set', notSet, separate(otp), true],
    ['response, PIN cleared', cleared, separate(otp), true],
    ['a new PIN where there is none', without, separate(otp, null, newPin('4321')), true],
    ['no PIN where one is set', four, separate(otp), false],
    ['a PIN where none is enabled', without, separate(otp, '1234'), false],
    ['a PIN where none is set', notSet, separate(otp, '1234'), false],
    ['no response', four, separate('', '1234'), false],
  ])('%s', (_, pin, credential, isRead) => {
    const reading = read(credential, pin);
    expect(reading !== null).toBe(isRead);
    if (reading === null) return;
    const { pin: shownPin, response, newPin: changed } = credential as Parts;
    expect(reading).toEqual({ pin: shownPin, response, newPin: changed, isPinProven: false });
  });
});

describe('the form of what a device shows', () => {
  it.each<[string, ServerPin, string, boolean]>([
    ['a response', without, otp, true],
    ['a digit more', without, `1${otp}`, false],
    ['a digit less', without, otp.slice(1), false],
    ['no digit', without, 'Summer', false],
    ['PIN and response', four, `1234${otp}`, true],
    ['a response without its PIN', four, otp, false],
    ['with a new PIN, twice', four, `1234${otp}56785678`, true],
    ['with something else behind', four, `1234${otp}56785679`, false],
  ])('%s', (_, pin, text, expected) => {
    const applications = [applicationWith(hotp, { pin })];
    expect(hasResponseForm(combined(text), [{ applications }])).toBe(expected);
    const unlocking = [{ applications: [{ ...applications[0]!, mode: 'unlock' as const }] }];
    expect(hasResponseForm(combined(text), unlocking)).toBe(false);
    expect(hasResponseForm(combined(text), [])).toBe(false);
  });
});
