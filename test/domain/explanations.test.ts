import { describe, expect, it } from 'vitest';
import { explain } from '../../src/domain/explanations.ts';
import { countsTowardsLock } from '../../src/domain/lock.ts';
import { policySettingNames } from '../../src/domain/policy-catalogue.ts';

const refusals = ['user-unknown', 'authenticator-ambiguous', 'challenge-expired'] as const;

describe('an outcome is explained', () => {
  it.each(['accepted', 'synchronised', 'challenge-issued', 'signed-in'])(
    'as a success: %s',
    (outcome) => {
      expect(explain(outcome).ending).toBe('success');
    },
  );

  it.each([...refusals, 'response-incorrect', 'sync-backwards'] as const)(
    'as a refusal: %s',
    (code) => {
      expect(countsTowardsLock(code)).toBeTypeOf('boolean');
      const { ending, why, whatHelps } = explain(code);
      expect(ending).toBe('refused');
      expect(why).not.toBe(whatHelps);
    },
  );

  it.each(['module-unavailable', 'seed-damaged', 'overloaded', 'unheard-of', 'constructor'])(
    'as a technical fault, which left open who was right: %s',
    (outcome) => {
      const { ending, why } = explain(outcome);
      expect(ending).toBe('technical');
      expect(why).toMatch(/nobody knows whether the response was right/);
    },
  );

  it('as remembered where the next response may confirm it, and nowhere else', () => {
    const { ending, whatHelps } = explain('response-incorrect', true);
    expect([ending, whatHelps]).toEqual(['refused', expect.stringMatching(/next response/)]);
    expect(explain('response-incorrect', false).whatHelps).not.toBe(whatHelps);
    expect(explain('accepted', true)).toEqual(explain('accepted'));
    expect(explain('unheard-of', true)).toEqual(explain('unheard-of'));
  });

  it('in sentences, by settings that there are', () => {
    const outcomes = [...refusals, 'user-inactive', 'user-locked', 'challenge-not-permitted'];
    const settings = new Set<string>(policySettingNames);
    const named: string[] = [];
    for (const outcome of [...outcomes, 'sync-backwards', 'sync-incorrect', 'nothing-verifies']) {
      const { why, whatHelps } = explain(outcome, outcome === 'response-incorrect');
      for (const text of [why, whatHelps]) {
        expect(text).toMatch(/^[A-Z][^]*\.$/);
        named.push(...(text.match(/\b[a-z]+[A-Z]\w+/g) ?? []));
      }
    }
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !settings.has(name))).toEqual([]);
  });
});
