import { describe, expect, it } from 'vitest';
import { writeEntraCsv, writeSerialSeedCsv } from '../../src/formats/index.ts';
import { keyOf, refusalOf, seed, textOf } from './support.ts';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const hex = Buffer.from(seed).toString('hex');

/** Texts that a spreadsheet takes for a formula, in the cells of any region. */
const formulas = [
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  ' =1',
  '"=1',
  'a;=1',
  'a,=1',
  'a\n=1',
  '\uFF1D1',
];

describe('the file for Entra ID', () => {
  it('has its six columns', async () => {
    const text = await textOf(
      writeEntraCsv([
        keyOf('TOTP-SHA1-6-60S', { userId: 'jane@example.test' }),
        keyOf('TOTP-SHA1-6-30S', { device: { serial: 'VT00000002' } }),
      ]),
    );
    expect(text.split('\r\n')).toEqual([
      'upn,serial number,secret key,time interval,manufacturer,model',
      `jane@example.test,VT00000001,${secret},60,Tallystick,VTGO1`,
      `,VT00000002,${secret},30,,`,
      '',
    ]);
  });

  it('quotes as RFC 4180 does', async () => {
    const device = { serial: 'A,B', manufacturer: 'the "best"', model: 'two\nlines' };
    const text = await textOf(writeEntraCsv([keyOf('TOTP-SHA1-6-30S', { device })]));
    expect(text).toContain(`,"A,B",${secret},30,"the ""best""","two\nlines"\r\n`);
  });

  it.each([
    ['HOTP-SHA1-6', {}, 'algorithm'],
    ['TOTP-SHA256-6-30S', {}, 'algorithm'],
    ['TOTP-SHA1-8-30S', {}, 'algorithm'],
    ['OCRA-1:HOTP-SHA1-6:QN08-T30S', {}, 'algorithm'],
    ['TOTP-SHA1-6-36S', {}, 'time-step'],
    ['TOTP-SHA1-6-30S-T0=1', {}, 'time-origin'],
    ['TOTP-SHA1-6-30S', { responseCheckDigit: true }, 'check-digit'],
    ['TOTP-SHA1-6-30S', { secret: new Uint8Array(81) }, 'secret-length'],
    ['TOTP-SHA1-6-30S', { secret: new Uint8Array(15) }, 'secret-length'],
    ['TOTP-SHA1-6-30S', { userId: 'a\u0000b' }, 'text'],
    ['TOTP-SHA1-6-30S', { userId: '\uD800' }, 'text'],
  ] as const)('refuses %s with %o', async (algorithm, parts, code) => {
    const refusal = await refusalOf(writeEntraCsv([keyOf(algorithm, parts)]));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(/^VT00000001\/APPLI: /);
    expect(refusal.message).not.toContain(secret);
  });

  it('takes a seed of 80 bytes, which is 128 characters', async () => {
    const key = keyOf('TOTP-SHA1-6-30S', { secret: new Uint8Array(80) });
    expect((await refusalOf(writeEntraCsv([key]))).code).toBe('none');
  });

  it.each(formulas)('refuses %j in every cell that somebody filled', async (formula) => {
    for (const parts of [
      { userId: formula },
      { device: { serial: formula } },
      { device: { serial: 'A', manufacturer: formula } },
      { device: { serial: 'A', model: formula } },
    ]) {
      const refusal = await refusalOf(writeEntraCsv([keyOf('TOTP-SHA1-6-30S', parts)]));
      expect(refusal.code, JSON.stringify(parts)).toBe('text');
    }
  });

  it.each(["O'Neil, Anne-Marie", 'Smith - Sons', 'a=b', 'x+y@example.test', 'é\u{1F511}'])(
    'takes %s',
    async (userId) => {
      const key = keyOf('TOTP-SHA1-6-30S', { userId });
      expect((await refusalOf(writeEntraCsv([key]))).code).toBe('none');
    },
  );

  it('refuses to write no keys', async () => {
    expect((await refusalOf(writeEntraCsv([]))).code).toBe('no-keys');
  });
});

describe('the plain file', () => {
  it('has serial, seed, application, algorithm and counter', async () => {
    const text = await textOf(
      writeSerialSeedCsv([
        keyOf('HOTP-SHA1-6', { eventCounter: 42n }),
        keyOf('TOTP-SHA512-8-60S-T0=30', { applicationName: 'TIME' }),
        keyOf('OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000'),
      ]),
    );
    expect(text.split('\r\n')).toEqual([
      'serial,seed,application,algorithm,event counter',
      `VT00000001,${hex},APPLI,HOTP-SHA1-6,42`,
      `VT00000001,${hex},TIME,TOTP-SHA512-8-60S-T0=30,`,
      `VT00000001,${hex},APPLI,OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000,0`,
      '',
    ]);
  });

  it.each([
    ['HOTP-SHA1-6', { eventCounter: undefined }, 'counter'],
    ['HOTP-SHA1-6', { eventCounter: 2n ** 64n }, 'counter'],
    ['HOTP-SHA1-6', { challengeCheckDigit: true }, 'check-digit'],
    ['HOTP-SHA1-6', { secret: new Uint8Array(15) }, 'secret-length'],
    ['HOTP-SHA1-6', { applicationName: '=cmd' }, 'text'],
    ['HOTP-SHA1-6', { device: { serial: '@A' } }, 'text'],
    ['OCRA-1:HOTP-SHA1-8:C-QA08-T30S/x;=1', {}, 'text'],
  ] as const)('refuses %s with %o', async (algorithm, parts, code) => {
    const refusal = await refusalOf(writeSerialSeedCsv([keyOf(algorithm, parts)]));
    expect(refusal).toMatchObject({ code });
    expect(refusal.message).not.toContain(hex);
  });

  it('refuses to write no keys', async () => {
    expect((await refusalOf(writeSerialSeedCsv([]))).code).toBe('no-keys');
  });
});
