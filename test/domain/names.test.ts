import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  licenceSerial,
  nameKey,
  parseApplicationName,
  parseModel,
  parseSerial,
  parseUserName,
  seedOwner,
  seedProfile,
} from '../../src/domain/names.ts';
import { TallystickError } from '../../src/errors.ts';
import { hotp, ocra, totp } from './support.ts';
import { proofRuns } from '../support/proof.ts';

function refusedField(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    if (error instanceof TallystickError && error.code === 'request-invalid') {
      return error.fields['field'];
    }
    throw error;
  }
  return 'nothing was refused';
}

describe('serials', () => {
  it.each([
    ['VT00000001', 'VT00000001'],
    ['vt00000001-2', 'VT00000001-2'],
    ['A1B2', 'A1B2'],
    ['1234567890123456-99', '1234567890123456-99'],
  ])('takes %s', (given, parsed) => {
    expect(parseSerial(given)).toBe(parsed);
  });

  it.each([
    'ABC',
    '12345678901234567',
    'VT0000-0',
    'VT0000-01',
    'VT0000-100',
    'VT0000-',
    'VT 0000',
    'VT0000\n',
    'VT0000\u0131',
    '',
    12_345_678,
    null,
  ])('refuses %j', (given) => {
    expect(refusedField(() => parseSerial(given))).toBe('serial');
  });

  it('shares the licence serial among instances', () => {
    expect(licenceSerial('VT00000001-12')).toBe('VT00000001');
    expect(licenceSerial('VT00000001')).toBe('VT00000001');
  });
});

describe('names of applications and models', () => {
  it('takes them in upper case', () => {
    expect(parseApplicationName('app 1_a-b')).toBe('APP 1_A-B');
    expect(parseModel('vtgo1')).toBe('VTGO1');
  });

  it.each([' APP', '', 'ABCDEFGHIJKLM', 'A/B', 7])('refuses the application name %j', (given) => {
    expect(refusedField(() => parseApplicationName(given))).toBe('applicationName');
  });

  it.each(['', 'ABCDEFGHI', 'GO-7', undefined])('refuses the model %j', (given) => {
    expect(refusedField(() => parseModel(given))).toBe('model');
  });
});

describe('user names', () => {
  it('composes and keeps them', () => {
    expect(parseUserName('Zoe\u0308 O’Hara')).toBe('Zo\u00eb O’Hara');
    expect(parseUserName('x'.repeat(255))).toHaveLength(255);
  });

  it.each([
    '',
    'x'.repeat(256),
    // Grows in NFC, beyond the limit.
    '\u0958'.repeat(200),
    'jane\u0000',
    'jane\u2028doe',
    'jane\ud800',
    ' jane',
    'jane\t',
    42,
  ])('refuses %j', (given) => {
    expect(refusedField(() => parseUserName(given))).toBe('userName');
  });

  it('never lets two spellings of one name differ in their key', () => {
    expect(nameKey('ZOE\u0308')).toBe(nameKey('zo\u00eb'));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(nameKey(nameKey(text))).toBe(nameKey(text));
        expect(nameKey(text.normalize('NFD'))).toBe(nameKey(text));
      }),
      proofRuns(100),
    );
  });
});

describe('what a seed is bound to', () => {
  it('names the owner and the algorithm', () => {
    expect(seedOwner('VT00000001', 'APP 1')).toBe('VT00000001/APP 1');
    expect(seedProfile(hotp)).toBe('HOTP-SHA1-6');
    expect(seedProfile(totp(60))).toBe('TOTP-SHA1-6-60S');
    expect(seedProfile(ocra('C-QN08'))).toBe('OCRA-1:HOTP-SHA1-6:C-QN08');
  });
});
