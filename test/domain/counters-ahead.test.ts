import { describe, expect, it } from 'vitest';
import { countersAhead, policyAhead } from '../../src/domain/counters-ahead.ts';
import type { OfflinePackage } from '../../src/domain/offline.ts';
import { planSecondOtp } from '../../src/domain/second-otp.ts';
import { packageWith } from './offline.ts';
import {
  applicationWith,
  authenticatorWith,
  hotp,
  inputWith,
  noonMs,
  planOf,
  policyWith,
} from './support.ts';

const shared = { kind: 'event', eventMode: 'shared', count: 40, eventsUsed: 10 } as const;

describe('counters that workstations may have used', () => {
  const nothing: readonly (readonly [string, Partial<OfflinePackage>])[] = [
    ['of a clock', { kind: 'time', eventMode: null }],
    ['that were reserved', { eventMode: 'reserved' }],
    ['of a package that stands no more', { state: 'released' }],
    ['of a package that was revoked', { state: 'revoked' }],
  ];

  it.each(nothing)('are none %s', (_, set) => {
    expect(countersAhead([packageWith({ ...shared, ...set })])).toEqual(new Map());
  });

  it('add up for an application, without those that were reported', () => {
    const packages = [
      packageWith(shared),
      packageWith({ ...shared, id: 'package-2', count: 5 }),
      packageWith({ ...shared, id: 'package-3', count: 7, applicationId: 'application-2' }),
      packageWith({ ...shared, id: 'package-4', count: 20, state: 'locked' }),
    ];
    expect(countersAhead(packages)).toEqual(
      new Map([
        ['application-1', 40],
        ['application-2', 0],
      ]),
    );
  });
});

describe('the reach of a search for them', () => {
  const policy = policyWith({ eventWindowSteps: 20, syncEventWindowSteps: 60 });

  it.each([
    [new Map<string, number>(), 20],
    [new Map([['one', 30]]), 50],
    [
      new Map([
        ['one', 10],
        ['two', 25],
      ]),
      45,
    ],
    [new Map([['one', 41]]), 60],
  ])('%o: %i', (ahead, reach) => {
    expect(policyAhead(policy, ahead)).toEqual({ ...policy, syncEventWindowSteps: reach });
  });

  it('is that of the applications that were compared, and of no other', () => {
    const counter = applicationWith(hotp, { nextEventCounter: 10n });
    const input = inputWith([authenticatorWith([counter])], '123456', null);
    const searched = (ahead: ReadonlyMap<string, number>): number =>
      planSecondOtp(planOf(input, policy, noonMs), input, noonMs, policy, ahead).spaces.length;
    expect(searched(new Map([[counter.id, 30]]))).toBe(1);
    expect(searched(new Map([['another', 30]]))).toBe(0);
  });
});
