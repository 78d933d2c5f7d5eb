import { describe, expect, it } from 'vitest';
import { writeOtpauth } from '../../src/formats/index.ts';
import { keyOf, refusalOf, textOf } from './support.ts';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('otpauth', () => {
  it('writes TOTP and HOTP, one line each', async () => {
    const text = await textOf(
      writeOtpauth([
        keyOf('TOTP-SHA256-8-60S', { issuer: 'ACME Co', userId: 'jane@example.test' }),
        keyOf('HOTP-SHA1-6', { eventCounter: 2n ** 64n - 1n }),
      ]),
    );
    expect(text.split('\n')).toEqual([
      `otpauth://totp/ACME%20Co:jane%40example.test?secret=${secret}&issuer=ACME%20Co&algorithm=SHA256&digits=8&period=60`,
      `otpauth://hotp/VT00000001%2FAPPLI?secret=${secret}&algorithm=SHA1&digits=6&counter=18446744073709551615`,
      '',
    ]);
  });

  it('keeps hostile names within their place', async () => {
    const hostile = `a b+c&secret=AAAA#%3A?/\n"<é\u{1F511}`;
    const text = await textOf(
      writeOtpauth([keyOf('HOTP-SHA1-6', { issuer: hostile, userId: hostile })]),
    );
    expect(text.trimEnd()).not.toContain('\n');
    const uri = new URL(text);
    expect(uri.searchParams.get('issuer')).toBe(hostile);
    expect(uri.searchParams.getAll('secret')).toEqual([secret]);
    expect(decodeURIComponent(uri.pathname)).toContain(`${hostile}:${hostile}`);
  });

  it.each([
    ['OCRA-1:HOTP-SHA1-6:QN08', {}, 'algorithm'],
    ['HMAC-SHA1-CR', {}, 'algorithm'],
    ['OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000', {}, 'algorithm'],
    ['TOTP-SHA1-6-30S-T0=1', {}, 'time-origin'],
    ['HOTP-SHA1-6', { eventCounter: undefined }, 'counter'],
    ['HOTP-SHA1-6', { eventCounter: 2n ** 64n }, 'counter'],
    ['HOTP-SHA1-6', { responseCheckDigit: true }, 'check-digit'],
    ['HOTP-SHA1-6', { secret: new Uint8Array(15) }, 'secret-length'],
    ['HOTP-SHA1-6', { issuer: 'a:b' }, 'text'],
    ['HOTP-SHA1-6', { userId: 'a:b' }, 'text'],
    ['HOTP-SHA1-6', { userId: '\uD800' }, 'text'],
  ] as const)('refuses %s with %o', async (algorithm, parts, code) => {
    const refusal = await refusalOf(writeOtpauth([keyOf(algorithm, parts)]));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(/^VT00000001\/APPLI: /);
    expect(refusal.message).not.toContain(secret);
  });

  it('refuses to write no keys', async () => {
    expect((await refusalOf(writeOtpauth([]))).code).toBe('no-keys');
  });
});
