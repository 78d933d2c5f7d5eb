import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { policyCost, refusalMacs, secondOtpMacs } from '../../src/domain/policy-cost.ts';
import { policyWith } from './support.ts';

const page = readFileSync(new URL('../../docs/clocks-and-counters.md', import.meta.url), 'utf8');

function macsOnPage(policy: string): number {
  const row = page.split('\n').find((line) => line.startsWith(`| ${policy}`));
  return Number(row?.split('|')[2]?.replaceAll(/[ ,]/g, ''));
}

it.each([
  ['the defaults in use', {}],
  ['and an initial window of 6 hours', { initialTimeWindowSeconds: 21_600 }],
  ['and one hour to each side', { discreteTimeWindowHours: 1 }],
  ['and the host clock', { hostClockCentre: true }],
  ['a dynamic window', { dynamicTimeWindow: true }],
  ['clock and counter together', { timeAndEventApplications: 'allowed' }],
  ['a remembered response', { secondOtpSync: true }],
] as const)('the page says what a refusal costs with %s', (row, settings) => {
  const policy = policyWith(settings);
  expect(macsOnPage(row)).toBe(refusalMacs(policy) + secondOtpMacs(policy));
  const cost = policyCost(policy, { digits: 6, timeStepSeconds: 30 });
  expect(cost.candidatesPerAttempt).toBe(macsOnPage(row));
});
