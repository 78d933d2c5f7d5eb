import { expect, it } from 'vitest';
import { changedDrift, type DriftChange } from '../../src/domain/drift-change.ts';
import type { Application } from '../../src/domain/model.ts';
import { applicationWith, noonMs, totp } from './support.ts';

const before = applicationWith(totp(), {
  epoch: 4,
  lastStep: 90n,
  floorMs: 7,
  driftSeconds: 12,
  driftAtMs: 5,
  driftHistory: '1:12',
  failureCount: 2,
  pendingSync: '{}',
});

const given = { driftAtMs: noonMs, driftHistory: '' };

it.each<[DriftChange, Partial<Application>]>([
  [
    { action: 'set', driftSeconds: -90 },
    { driftSeconds: -90, ...given },
  ],
  [{ action: 'zero' }, { driftSeconds: 0, ...given }],
  [{ action: 'freeze' }, { isDriftFrozen: true }],
  [{ action: 'thaw' }, { isDriftFrozen: false }],
])('%j writes that, a new epoch and nothing else', (change, written) => {
  const set = changedDrift(before, change, noonMs);
  expect(set).toEqual({ epoch: 5, pendingSync: null, ...written });
});
