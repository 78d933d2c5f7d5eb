import { describe, expect, it } from 'vitest';
import { facts, instantText, table } from '../../src/cli/table.ts';
import { readApplication, readInstant, readPolicySetting } from '../../src/cli/values.ts';
import { parseResponseAlgorithm } from '../../src/oath/index.ts';

describe('what people type', () => {
  it.each([
    ['TIME=TOTP-SHA1-6-30S', 'response-only'],
    ['E=HOTP-SHA512-8', 'response-only'],
    ['CR=OCRA-1:HOTP-SHA1-6:QN08-T30S', 'challenge-response'],
  ])('reads %s as an algorithm that the core knows', (text, mode) => {
    const application = readApplication(text);
    expect(application.mode).toBe(mode);
    expect(() => parseResponseAlgorithm(application.algorithm)).not.toThrow();
  });

  it.each([
    'TIME',
    '=HOTP-SHA1-6',
    'A=HOTP-SHA1-6-30S',
    'A=TOTP-SHA1-6',
    'A=TOTP-MD5-6-30S',
    'A=x',
  ])('refuses %s and says what is allowed', (text) => {
    expect(() => readApplication(text)).toThrow(/TOTP-SHA1-6-30S/);
  });

  it('reads policy settings by their kind', () => {
    expect(readPolicySetting('userLockThreshold=5')).toEqual(['userLockThreshold', 5]);
    expect(readPolicySetting('genericAnswers=false')).toEqual(['genericAnswers', false]);
    expect(readPolicySetting('syncBackwardMarginSeconds=null')).toEqual([
      'syncBackwardMarginSeconds',
      null,
    ]);
    expect(readPolicySetting('applicationNames=TIME,CR')).toEqual([
      'applicationNames',
      ['TIME', 'CR'],
    ]);
    expect(readPolicySetting('applicationNames=12')).toEqual(['applicationNames', ['12']]);
    expect(readPolicySetting('authenticatorModels=any')).toEqual(['authenticatorModels', []]);
    expect(readPolicySetting('x=')).toEqual(['x', undefined]);
    expect(() => readPolicySetting('x')).toThrow(/NAME=VALUE/);
  });

  it('reads instants with a zone only', () => {
    expect(readInstant('--expires', 'never')).toBeNull();
    expect(readInstant('--expires', '1970-01-02')).toBe(86_400_000);
    expect(readInstant('--expires', '1970-01-01T01:00+01:00')).toBe(0);
    expect(() => readInstant('--expires', '2027-01-01T00:00')).toThrow(/--expires/);
    expect(() => readInstant('--expires', '2027-13-01')).toThrow(/--expires/);
  });

  it.each(['2027-02-30', '2027-02-29T12:00Z', '2027-04-31T23:00+02:00', '2027-01-00'])(
    'refuses %s, a day that there is not, instead of taking the next',
    (text) => {
      expect(() => readInstant('--expires', text)).toThrow(/--expires/);
    },
  );

  it('takes the last day of a month', () => {
    expect(readInstant('--expires', '2028-02-29')).toBe(Date.UTC(2028, 1, 29));
    expect(readInstant('--expires', '2027-02-28T23:30-01:00')).toBe(Date.UTC(2027, 2, 1, 0, 30));
  });
});

describe('what people see', () => {
  it('shows an instant that no date can say', () => {
    expect(instantText(8.64e15)).toBe('+275760-09-13T00:00:00.000Z');
    expect(instantText(8.64e15 + 1)).toBe('8640000000000001 ms');
  });

  it('pads columns and leaves no blanks at the end', () => {
    expect(
      table(
        ['A', 'LONG'],
        [
          ['xyz', 1],
          [null, true],
        ],
      ),
    ).toBe('A    LONG\nxyz  1\n-    yes');
    expect(table(['A'], [])).toBe('(none)');
    expect(
      facts([
        ['a', 1],
        ['bcd', ''],
      ]),
    ).toBe('a    1\nbcd  -');
    expect(instantText(0)).toBe('1970-01-01T00:00:00.000Z');
    expect(instantText(null)).toBe('-');
  });

  it('lets no name command the terminal', () => {
    expect(table(['A'], [['\u001b[2Jx\n']])).toBe('A\n?[2Jx?');
  });
});
