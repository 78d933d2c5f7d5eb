import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServerPin } from '../../src/domain/model.ts';
import type { PolicySettings } from '../../src/domain/policy-catalogue.ts';
import {
  type NewPin,
  pinMessage,
  pinOutcome,
  pinRefusal,
  planPins,
  wrongPins,
} from '../../src/domain/server-pin.ts';
import { pinOf } from './pins.ts';
import { applicationWith, hotp, policyWith } from './support.ts';

const id = 'application-1';
const set = pinOf(id, '1234');
const forced = pinOf(id, '1234', { isChangeForced: true });
const notSet = pinOf(id, null, { isChangeForced: true });
const cleared = pinOf(id, null);
const off = { ...set, isEnabled: false };
const twice = (pin: string): NewPin => ({ pin, confirmation: pin });

describe('once PIN and response were right', () => {
  it.each<[string, ServerPin, NewPin | null, PolicySettings, string]>([
    ['nothing to change', set, null, {}, 'kept'],
    ['a change that is due', forced, null, {}, 'pin-change-required'],
    ['the first PIN that is due', notSet, null, {}, 'pin-change-required'],
    ['a PIN that was cleared', cleared, null, {}, 'kept'],
    ['a PIN that is off', off, null, {}, 'kept'],
    ['a new PIN', set, twice('4721'), {}, 'changed 4721'],
    ['a new PIN that was due', forced, twice('4721'), {}, 'changed 4721'],
    ['the same one again', set, twice('1234'), {}, 'changed 1234'],
    ['the same one again where a change is due', forced, twice('1234'), {}, 'pin-unchanged'],
    ['the first PIN', notSet, twice('4721'), {}, 'changed 4721'],
    ['a new PIN after it was cleared', cleared, twice('4721'), {}, 'changed 4721'],
    ['a new PIN where it is off', off, twice('4721'), {}, 'pin-not-supported'],
    ['no change', set, twice('4721'), { pinChangeAllowed: false }, 'pin-change-not-allowed'],
    [
      'a due change all the same',
      forced,
      twice('4721'),
      { pinChangeAllowed: false },
      'changed 4721',
    ],
    [
      'two that differ',
      set,
      { pin: '4721', confirmation: '4722' },
      {},
      'pin-confirmation-mismatch',
    ],
    ['no confirmation', set, { pin: '4721', confirmation: '' }, {}, 'pin-confirmation-mismatch'],
    ['one empty PIN, twice', set, twice(''), {}, 'pin-too-short'],
    ['one digit short', set, twice('472'), {}, 'pin-too-short'],
    ['at the application’s least', { ...set, minimumLength: 3 }, twice('472'), {}, 'changed 472'],
    ['below 3 whatever it says', { ...set, minimumLength: 1 }, twice('47'), {}, 'pin-too-short'],
    ['the longest', set, twice('47219038'), {}, 'changed 47219038'],
    ['one digit long', set, twice('472190385'), {}, 'pin-too-long'],
    ['letters', set, twice('47a1'), {}, 'pin-malformed'],
    ['letters, permitted', set, twice('47a1'), { pinCharacters: 'alphanumeric' }, 'changed 47a1'],
    ['a blank', set, twice('47 1'), { pinCharacters: 'alphanumeric' }, 'pin-malformed'],
    ['a line break behind it', set, twice('4721\n'), {}, 'pin-malformed'],
    ['a weak one', set, twice('1111'), {}, 'changed 1111'],
    ['a weak one, refused', set, twice('1111'), { weakPins: 'refused' }, 'pin-weak'],
  ])('%s', (_, pin, newPin, settings, expected) => {
    const outcome = pinOutcome(pin, { pin: '1234', newPin }, policyWith(settings));
    expect(shown(outcome)).toBe(expected);
  });
});

function shown(outcome: ReturnType<typeof pinOutcome>): string {
  if (outcome.kind === 'changed') return `changed ${outcome.pin}`;
  if (outcome.kind === 'kept') return outcome.kind;
  expect(outcome.refused.counts).toBe(false);
  return outcome.refused.code;
}

describe('weak PINs', () => {
  const refused = policyWith({ weakPins: 'refused', pinCharacters: 'alphanumeric' });

  it.each(['0000', '1234', '4321', '2468', '97531', '1212', '470470', 'aaaa', 'abcd', 'xyxy'])(
    '%s is one',
    (pin) => {
      expect(pinRefusal(pin, 3, refused)).toBe('pin-weak');
    },
  );

  it.each(['4721', '1223', '1235', '112233', '9090909', 'a1b2', '4704'])('%s is none', (pin) => {
    expect(pinRefusal(pin, 3, refused)).toBeNull();
  });
});

describe('looking at PINs', () => {
  const application = applicationWith(hotp, { pin: set });
  const other = applicationWith(hotp, { id: 'other', pin: pinOf('other', '99999') });
  const none = applicationWith(hotp, { id: 'none', pin: cleared });

  it('asks for those that are set and enabled, and notes what is missing', () => {
    const switchedOff = applicationWith(hotp, { id: 'off', pin: off });
    const all = [application, other, none, switchedOff];
    const plan = planPins(
      all.map((one) => ({ application: one, pin: one.id === 'other' ? null : '1234' })),
    );
    expect(plan.checks.map(({ applicationId, pin }) => [applicationId, pin])).toEqual([
      [id, '1234'],
    ]);
    expect(plan.missing).toEqual(['other']);
  });

  it('finds wrong what differs, what is missing and what the module did not answer', () => {
    const plan = planPins([application, other].map((one) => ({ application: one, pin: '1234' })));
    const [right] = plan.checks.map(({ verifier }) => verifier.mac);
    expect(wrongPins(plan, [right!, right!])).toEqual(new Set(['other']));
    expect(wrongPins(plan, [right!])).toEqual(new Set(['other']));
    expect(wrongPins(plan, [])).toEqual(new Set([id, 'other']));
    const missing = planPins([{ application, pin: null }]);
    expect(wrongPins(missing, [])).toEqual(new Set([id]));
  });

  it('makes other bytes of every other application, salt and PIN', () => {
    const salt = fc.stringMatching(/^[0-9a-f]{32}$/);
    const parts = fc.tuple(fc.uuid(), salt, fc.string({ maxLength: 12 }));
    fc.assert(
      fc.property(parts, parts, (one, another) => {
        const bytes = (of: typeof one) => Buffer.from(pinMessage(...of)).toString('hex');
        expect(bytes(one) === bytes(another)).toBe(JSON.stringify(one) === JSON.stringify(another));
      }),
    );
  });
});
