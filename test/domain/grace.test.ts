import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  graceEndsAtMs,
  isInGrace,
  isPasswordPermitted,
  localAuthenticationOf,
} from '../../src/domain/grace.ts';
import type { Authenticator } from '../../src/domain/model.ts';
import {
  type LocalAuthentication,
  localAuthentications,
} from '../../src/domain/password-settings.ts';
import { authenticatorWith, noonMs } from './support.ts';

const dayMs = 86_400_000;
const week = { gracePeriodDays: 7 };
const device = (set: Partial<Authenticator> = {}): Authenticator =>
  authenticatorWith([], { assignedAtMs: noonMs, ...set }).authenticator;

describe('what verifies a user', () => {
  it.each(localAuthentications)('is his own setting before the policy’s: %s', (own) => {
    for (const localAuthentication of localAuthentications) {
      expect(localAuthenticationOf({ localAuthentication: own }, { localAuthentication })).toBe(
        own,
      );
      expect(localAuthenticationOf({ localAuthentication: null }, { localAuthentication })).toBe(
        localAuthentication,
      );
    }
  });
});

describe('the end of a grace period', () => {
  it.each<[string, Partial<Authenticator>, number | null]>([
    ['is days after the assignment', {}, noonMs + 7 * dayMs],
    ['is its own where it has one', { graceEndsAtMs: noonMs + 5 }, noonMs + 5],
    ['may lie before the assignment', { graceEndsAtMs: 0 }, 0],
    ['is none where it is assigned to nobody', { assignedAtMs: null }, null],
    [
      'is none where it is assigned to nobody, even with an end of its own',
      { assignedAtMs: null, graceEndsAtMs: noonMs + 5 },
      null,
    ],
    ['is none once it was used', { lastUsedAtMs: noonMs + 1 }, null],
    ['is none when it was used at once', { lastUsedAtMs: noonMs }, null],
    [
      'is none once it was used, whatever its own end',
      { lastUsedAtMs: noonMs, graceEndsAtMs: noonMs + 5 },
      null,
    ],
    ['is none of somebody else’s use', { lastUsedAtMs: noonMs - 1 }, noonMs + 7 * dayMs],
  ])('%s', (_, set, endsAtMs) => {
    expect(graceEndsAtMs(device(set), week)).toBe(endsAtMs);
  });

  it('is at the instant itself', () => {
    const endsAtMs = noonMs + 7 * dayMs;
    expect(isInGrace(device(), endsAtMs - 1, week)).toBe(true);
    expect(isInGrace(device(), endsAtMs, week)).toBe(false);
  });

  it('has come before it began where the policy has no days', () => {
    expect(isInGrace(device(), noonMs, { gracePeriodDays: 0 })).toBe(false);
  });

  it('never comes back once it was used', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(365), (usedAfterMs, later, gracePeriodDays) => {
        const used = device({ lastUsedAtMs: noonMs + usedAfterMs, graceEndsAtMs: Infinity });
        expect(isInGrace(used, noonMs + later, { gracePeriodDays })).toBe(false);
      }),
    );
  });
});

describe('whether a static password lets in', () => {
  const fresh = device();
  const used = device({ lastUsedAtMs: noonMs });
  const late = device({ assignedAtMs: noonMs - 7 * dayMs });

  it.each<[LocalAuthentication, string, readonly Authenticator[], boolean]>([
    ['none', 'in grace', [fresh], false],
    ['none', 'without authenticator', [], false],
    ['authenticator-only', 'in grace', [fresh], false],
    ['authenticator-only', 'without authenticator', [], false],
    ['authenticator-or-password', 'after grace', [late, used], true],
    ['authenticator-or-password', 'without authenticator', [], true],
    ['password-in-grace', 'without authenticator', [], true],
    ['password-in-grace', 'in grace', [fresh], true],
    ['password-in-grace', 'in grace of both', [fresh, fresh], true],
    ['password-in-grace', 'in grace of one, the other used', [fresh, used], false],
    ['password-in-grace', 'in grace of one, the other late', [late, fresh], false],
    ['password-in-grace', 'after grace', [late], false],
  ])('%s, %s', (localAuthentication, _, authenticators, isPermitted) => {
    expect(isPasswordPermitted(authenticators, localAuthentication, noonMs, week)).toBe(
      isPermitted,
    );
  });
});
