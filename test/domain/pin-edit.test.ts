import { describe, expect, it } from 'vitest';
import type { PinVerifier, ServerPin } from '../../src/domain/model.ts';
import {
  disownedPin,
  editedPin,
  isPinMinimum,
  needsEnabledPin,
  type PinEdit,
  pinStateOf,
} from '../../src/domain/pin-edit.ts';

const verifier: PinVerifier = { length: 4, salt: 'a5'.repeat(16), mac: '0b'.repeat(32) };
const other: PinVerifier = { ...verifier, mac: '0c'.repeat(32) };

/** The states that an edit may meet: enabled or not, forced or not, set or not. */
const off: ServerPin = {
  isEnabled: false,
  isChangeForced: false,
  minimumLength: 4,
  verifier: null,
  version: 7,
};
const toBeSet: ServerPin = { ...off, isEnabled: true, isChangeForced: true };
const set: ServerPin = { ...off, isEnabled: true, verifier };
const changeRequired: ServerPin = { ...set, isChangeForced: true };
const noneNeeded: ServerPin = { ...off, isEnabled: true };

const states = { off, toBeSet, set, changeRequired, noneNeeded };

const enable: PinEdit = { action: 'enable', minimumLength: null };
const setTo = (mustChange: boolean): PinEdit => ({
  action: 'set',
  newPin: { pin: '9038', confirmation: '9038' },
  mustChange,
  policyName: null,
});

describe('an edit of a server PIN', () => {
  it.each<[keyof typeof states, string, PinEdit, Partial<ServerPin>]>([
    ['off', 'enable', enable, { isEnabled: true, isChangeForced: true }],
    ['toBeSet', 'enable', enable, {}],
    ['set', 'enable', enable, {}],
    ['changeRequired', 'enable', enable, {}],
    ['noneNeeded', 'enable', enable, { isChangeForced: true }],
    ['set', 'enable with 6', { action: 'enable', minimumLength: 6 }, { minimumLength: 6 }],
    ['off', 'disable', { action: 'disable' }, {}],
    ['toBeSet', 'disable', { action: 'disable' }, off],
    ['set', 'disable', { action: 'disable' }, off],
    ['changeRequired', 'disable', { action: 'disable' }, off],
    ['noneNeeded', 'disable', { action: 'disable' }, off],
    ['toBeSet', 'set', setTo(false), { isChangeForced: false, verifier: other }],
    ['set', 'set', setTo(false), { verifier: other }],
    ['changeRequired', 'set', setTo(false), { isChangeForced: false, verifier: other }],
    ['noneNeeded', 'set to be changed', setTo(true), { isChangeForced: true, verifier: other }],
    ['toBeSet', 'reset', { action: 'reset' }, {}],
    ['set', 'reset', { action: 'reset' }, { isChangeForced: true, verifier: null }],
    ['changeRequired', 'reset', { action: 'reset' }, { verifier: null }],
    ['noneNeeded', 'reset', { action: 'reset' }, { isChangeForced: true }],
    ['set', 'force', { action: 'force' }, { isChangeForced: true }],
    ['changeRequired', 'force', { action: 'force' }, {}],
    ['noneNeeded', 'force', { action: 'force' }, { isChangeForced: true }],
    ['off', 'minimum', { action: 'minimum', minimumLength: 8 }, { minimumLength: 8 }],
    ['set', 'minimum', { action: 'minimum', minimumLength: 3 }, { minimumLength: 3 }],
  ])('%s, %s', (state, _name, edit, changed) => {
    const before = states[state];
    const given = edit.action === 'set' ? other : null;
    expect(editedPin(before, edit, given)).toEqual({ ...before, ...changed, version: 8 });
  });

  it('that clears it leaves the response alone, and nothing due', () => {
    expect(pinStateOf(editedPin(changeRequired, setTo(false), null))).toBe('none-needed');
  });
});

it.each<[keyof typeof states, string]>([
  ['off', 'off'],
  ['toBeSet', 'to-be-set'],
  ['set', 'set'],
  ['changeRequired', 'change-required'],
  ['noneNeeded', 'none-needed'],
])('%s is said to be %s', (state, said) => {
  expect(pinStateOf(states[state])).toBe(said);
});

it.each<[keyof typeof states, ServerPin | null]>([
  ['off', null],
  ['toBeSet', null],
  ['set', { ...toBeSet, version: 8 }],
  ['changeRequired', { ...toBeSet, version: 8 }],
  ['noneNeeded', { ...toBeSet, version: 8 }],
])('%s is nothing to inherit', (state, after) => {
  expect(disownedPin(states[state])).toEqual(after);
});

describe('what an edit asks for', () => {
  it.each<[PinEdit['action'], boolean]>([
    ['enable', false],
    ['disable', false],
    ['minimum', false],
    ['set', true],
    ['reset', true],
    ['force', true],
  ])('%s: that responses need a PIN: %s', (action, isNeeded) => {
    expect(needsEnabledPin({ action } as PinEdit)).toBe(isNeeded);
  });

  it.each([
    [2, false],
    [3, true],
    [8, true],
    [9, false],
    [4.5, false],
    [Number.NaN, false],
  ])('a minimum of %s: %s', (length, isOne) => {
    expect(isPinMinimum(length)).toBe(isOne);
  });
});
