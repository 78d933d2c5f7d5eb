import { describe, expect, it } from 'vitest';
import { eligibleAuthenticators, isServing } from '../../src/domain/eligible.ts';
import type {
  Application,
  Authenticator,
  AuthenticatorWithApplications,
} from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import { capableOf, type RequestProcess, requestProcesses } from '../../src/domain/requests.ts';
import { unsetBackup } from '../../src/domain/virtual-otp.ts';
import { applicationWith, authenticatorWith, hotp, noonMs, ocra, policyWith } from './support.ts';

const button = applicationWith(hotp, { id: 'button', name: 'BUTTON' });
const pad = applicationWith(ocra('QN08'), { id: 'pad', name: 'PAD' });

const device = (
  serial: string,
  applications: readonly Application[] = [button, pad],
  set: Partial<Authenticator> = {},
): AuthenticatorWithApplications => authenticatorWith(applications, { id: serial, serial, ...set });
const mobile = (serial: string, set: Partial<Authenticator> = {}): AuthenticatorWithApplications =>
  device(serial, [], { kind: 'virtual-mobile', ...set });

const backup = (set: Partial<Authenticator['backup']>): Partial<Authenticator> => ({
  backup: { ...unsetBackup, ...set },
});

function capable(
  process: RequestProcess,
  authenticators: readonly AuthenticatorWithApplications[],
  settings: Partial<EffectivePolicy> = {},
  serial: string | null = null,
): readonly string[] {
  return capableOf(process, authenticators, serial, noonMs, policyWith(settings)).map(
    ({ authenticator }) => authenticator.serial,
  );
}

describe('what can be asked for a challenge', () => {
  it.each<[string, readonly AuthenticatorWithApplications[], Partial<EffectivePolicy>, string[]]>([
    ['a device that takes challenges', [device('A')], {}, ['A']],
    ['no other', [device('A', [button]), device('B')], {}, ['B']],
    ['nor one that takes shorter ones', [device('A', [applicationWith(ocra('QN06'))])], {}, []],
    ['but where they are shorter', [device('A')], { oneStepChallengeLength: 6 }, ['A']],
    ['not with its check digit', [device('A')], { oneStepChallengeCheckDigit: true }, []],
    ['no unlock application', [device('A', [{ ...pad, mode: 'unlock' }])], {}, []],
    ['no disabled application', [device('A', [{ ...pad, isDisabled: true }])], {}, []],
    ['no disabled device', [device('A', [pad], { isDisabled: true })], {}, []],
    [
      'none where the policy wants buttons',
      [device('A')],
      { applicationType: 'response-only' },
      [],
    ],
    ['no virtual mobile authenticator', [mobile('M')], {}, []],
    ['none that has to be stood in for', [device('A')], { backupVirtual: 'required' }, []],
    ['one that may be stood in for', [device('A')], { backupVirtual: 'permitted' }, ['A']],
    [
      'whatever responses alone are permitted',
      [device('A')],
      { oneStepChallengeResponse: 'no' },
      ['A'],
    ],
    ['nothing where nothing verifies', [device('A')], { localAuthentication: 'none' }, []],
  ])('is %s', (_, authenticators, settings, serials) => {
    expect(capable('two-step', authenticators, settings)).toEqual(serials);
  });
});

describe('what has one-time passwords sent', () => {
  it.each<[string, readonly AuthenticatorWithApplications[], Partial<EffectivePolicy>, string[]]>([
    ['a virtual mobile authenticator', [device('A'), mobile('M')], {}, ['M']],
    ['no disabled one', [mobile('M', { isDisabled: true })], {}, []],
    ['no expired one', [mobile('M', { expiresAtMs: noonMs })], {}, []],
    ['one that is about to expire', [mobile('M', { expiresAtMs: noonMs + 1 })], {}, ['M']],
    [
      'one of a listed model',
      [mobile('M', { model: 'VM' })],
      { authenticatorModels: ['vm'] },
      ['M'],
    ],
    ['none of another', [mobile('M')], { authenticatorModels: ['VM'] }, []],
    ['one whatever applications may serve', [mobile('M')], { applicationNames: ['PAD'] }, ['M']],
    ['all of several', [mobile('M'), mobile('N')], {}, ['M', 'N']],
  ])('is %s', (_, authenticators, settings, serials) => {
    expect(capable('virtual-primary', authenticators, settings)).toEqual(serials);
  });
});

describe('what can be stood in for', () => {
  const permitted = { backupVirtual: 'permitted' } as const;

  it.each<[string, readonly AuthenticatorWithApplications[], Partial<EffectivePolicy>, string[]]>([
    ['nothing where the policy says no', [device('A')], {}, []],
    ['a device where it permits it', [device('A', [button])], permitted, ['A']],
    ['a device where it requires it', [device('A')], { backupVirtual: 'required' }, ['A']],
    [
      'a device that permits it itself',
      [device('A', [pad], backup({ mode: 'required' }))],
      {},
      ['A'],
    ],
    ['none that forbids it', [device('A', [pad], backup({ mode: 'no' }))], permitted, []],
    ['none that was too often', [device('A', [pad], backup({ usesLeft: 0 }))], permitted, []],
    [
      'none whose time is over',
      [device('A', [pad], backup({ mode: 'time-limited', endsAtMs: noonMs }))],
      {},
      [],
    ],
    [
      'the one that still may be, of several',
      [device('A', [pad], backup({ usesLeft: 0 })), device('B')],
      permitted,
      ['B'],
    ],
    [
      'no virtual mobile authenticator',
      [mobile('M', backup({ mode: 'permitted' }))],
      permitted,
      [],
    ],
    ['no disabled device', [device('A', [pad], { isDisabled: true })], permitted, []],
    [
      'no locked application',
      [device('A', [{ ...pad, failureCount: 3 }])],
      { ...permitted, identificationThreshold: 3 },
      [],
    ],
  ])('is %s', (_, authenticators, settings, serials) => {
    expect(capable('virtual-backup', authenticators, settings)).toEqual(serials);
  });
});

describe('a serial', () => {
  const settings = { backupVirtual: 'permitted' } as const;
  const all = [device('A'), device('B'), mobile('M'), mobile('N')];

  it.each<[RequestProcess, string, readonly string[]]>([
    ['two-step', 'b', ['B']],
    ['two-step', 'M', []],
    ['virtual-primary', 'n', ['N']],
    ['virtual-primary', 'A', []],
    ['virtual-backup', 'a', ['A']],
    ['virtual-backup', 'N', []],
  ])('narrows %s: %s', (process, serial, serials) => {
    expect(capable(process, all, settings, serial)).toEqual(serials);
    expect(capable(process, all, settings)).toHaveLength(2);
  });

  it('of nobody leaves nothing', () => {
    for (const process of requestProcesses)
      expect(capable(process, all, settings, 'X')).toEqual([]);
  });
});

describe('what may serve, by what it is for', () => {
  const eligible = (
    authenticators: readonly AuthenticatorWithApplications[],
    purpose: 'verify' | 'synchronise' | 'back-up',
    settings: Partial<EffectivePolicy> = {},
  ): string => {
    const request = { authenticators, serial: null, applicationName: null, purpose };
    const found = eligibleAuthenticators(request, noonMs, policyWith(settings));
    if (found.kind === 'refused') return found.refused.code;
    return found.authenticators.map(({ authenticator }) => authenticator.serial).join();
  };
  const must = device('B', [button], backup({ mode: 'required' }));

  it('is never a virtual mobile authenticator: it has no response of its own', () => {
    for (const purpose of ['verify', 'synchronise', 'back-up'] as const) {
      expect(eligible([mobile('M')], purpose)).toBe('authenticator-none');
      expect(eligible([mobile('M'), device('A')], purpose)).toBe('A');
    }
  });

  it('is no response of a device that has to be stood in for', () => {
    expect(eligible([must], 'verify')).toBe('authenticator-not-permitted');
    expect(eligible([must, device('A')], 'verify')).toBe('A');
    expect(eligible([device('A')], 'verify', { backupVirtual: 'required' })).toBe(
      'authenticator-not-permitted',
    );
    expect(eligible([must], 'back-up')).toBe('B');
    expect(eligible([must], 'synchronise')).toBe('B');
  });

  it.each(['no', 'permitted', 'time-limited'] as const)(
    'is a response where backup is %s',
    (mode) => {
      expect(eligible([device('A')], 'verify', { backupVirtual: mode })).toBe('A');
      const own = device('A', [button], backup({ mode }));
      expect(eligible([own], 'verify', { backupVirtual: 'required' })).toBe('A');
    },
  );

  it('is no forbidden device, though it may be stood in for', () => {
    const forbidden = { virtualAuthenticators: 'forbidden' } as const;
    const virtual = device('V', [button], { isVirtual: true, ...backup({ mode: 'permitted' }) });
    expect(eligible([virtual], 'back-up', forbidden)).toBe('authenticator-not-permitted');
    expect(eligible([virtual], 'back-up')).toBe('V');
  });

  it('serves whatever its applications', () => {
    const { authenticator } = device('A', []);
    expect(isServing(authenticator, null, noonMs, policyWith())).toBe(true);
    expect(isServing(authenticator, 'a', noonMs, policyWith())).toBe(true);
    expect(isServing(authenticator, 'B', noonMs, policyWith())).toBe(false);
  });
});
