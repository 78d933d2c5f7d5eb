import { describe, expect, it } from 'vitest';
import { isAddress } from '../../src/delivery/mail-address.ts';
import { parseEmail, parseTelephoneNumber } from '../../src/domain/contact.ts';
import { TallystickError } from '../../src/errors.ts';

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

const at = '@example.org';

describe('e-mail addresses', () => {
  it.each([`jane${at}`, `Jane.O'Neil+otp${at}`, 'ü@exämple.org', `${'a'.repeat(242)}${at}`])(
    'take %s as it is, and messages can be sent there',
    (text) => {
      expect(parseEmail(text)).toBe(text);
      expect(isAddress(text)).toBe(true);
    },
  );

  it.each([
    '',
    'jane',
    at,
    'jane@',
    `jane${at}@b`,
    ` jane${at}`,
    `jane${at}\n`,
    `jane${at},joe${at}`,
    `Jane <jane${at}>`,
    `"jane doe"${at}`,
    `jane(x)${at}`,
    'jane@[127.0.0.1]',
    `ja\u0000ne${at}`,
    `ja\u200bne${at}`,
    `${'a'.repeat(243)}${at}`,
    null,
    7,
  ])('refuse %j', (value) => {
    expect(refusedField(() => parseEmail(value))).toBe('email');
  });
});

describe('telephone numbers', () => {
  it.each([
    ['+49 170 123-4567', '+491701234567'],
    ['+49\u00a0170\u00a01234567', '+491701234567'],
    ['+1234567', '+1234567'],
    ['+123456789012345', '+123456789012345'],
  ])('take %s as %s', (given, number) => {
    expect(parseTelephoneNumber('mobile', given)).toBe(number);
  });

  it.each([
    '',
    '+',
    '491701234567',
    '0170 1234567',
    '00491701234567',
    '+01701234567',
    '+123456',
    '+1234567890123456',
    '+49170123456a',
    '+49(0)1701234567',
    '+49170/1234567',
    '+49\t1701234567',
    '+491701234567\n',
    '++491701234567',
    '+49170١٢٣٤٥٦٧',
    `+49${' '.repeat(60)}1701234567`,
    null,
    491_701_234_567,
  ])('refuse %j', (value) => {
    expect(refusedField(() => parseTelephoneNumber('phone', value))).toBe('phone');
  });

  it('say what is allowed', () => {
    expect(() => parseTelephoneNumber('mobile', '0170')).toThrow(/^mobile must be .*\+49 170/);
    expect(() => parseEmail('jane')).toThrow(/^email must be .*at most 254 characters/);
  });
});
