import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackupVirtual } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import {
  backedUp,
  backupModeOf,
  channelsOf,
  mayBackUp,
  messageText,
  otpAnswersMax,
  otpMessage,
  unknownContact,
  unsetBackup,
} from '../../src/domain/virtual-otp.ts';
import {
  type BackupMode,
  backupModes,
  deliveryMethods,
  otpPlaceholder,
} from '../../src/domain/virtual-settings.ts';
import { noonMs, policyWith } from './support.ts';

const dayMs = 86_400_000;

const withBackup = (set: Partial<BackupVirtual>) => ({ backup: { ...unsetBackup, ...set } });

describe('what is kept of a one-time password', () => {
  it('is made of other bytes for every other one', () => {
    const parts = fc.tuple(fc.uuid(), fc.stringMatching(/^[0-9]{6,10}$/));
    fc.assert(
      fc.property(parts, parts, (one, another) => {
        const text = (of: typeof one) => Buffer.from(otpMessage(...of)).toString('utf8');
        expect(text(one) === text(another)).toBe(one.join() === another.join());
        expect(text(one)).toBe(one.join(' '));
      }),
    );
  });

  it('is worth nothing after three wrong answers', () => {
    expect(otpAnswersMax).toBe(3);
  });
});

describe('a message', () => {
  it.each([
    ['Your one-time password is [OTP].', 'Your one-time password is 703557.'],
    ['[OTP]', '703557'],
    ['[OTP] or [OTP]', '703557 or 703557'],
    ['none', 'none'],
    ['$& [otp] .OTP.', '$& [otp] .OTP.'],
  ])('%j becomes %j', (template, text) => {
    expect(messageText(template, otpPlaceholder, '703557')).toBe(text);
  });

  it('holds what is put in as it is', () => {
    expect(messageText('a [OTP] b', otpPlaceholder, "$&$1$'")).toBe("a $&$1$' b");
  });

  it('goes by one channel, or by two at once', () => {
    for (const method of deliveryMethods) expect(channelsOf(method)).toEqual(method.split('-'));
  });

  it('goes to nobody who is not known', () => {
    expect(Object.values(unknownContact)).toEqual([null, null, null, null]);
  });
});

describe('whether a device may be stood in for', () => {
  it('is its own setting before the policy’s', () => {
    for (const backupVirtual of backupModes) {
      expect(backupModeOf({ backup: unsetBackup }, { backupVirtual })).toBe(backupVirtual);
      for (const mode of backupModes) {
        expect(backupModeOf(withBackup({ mode }), { backupVirtual })).toBe(mode);
      }
    }
  });

  it.each<[BackupMode, Partial<BackupVirtual>, Partial<EffectivePolicy>, boolean]>([
    ['no', {}, {}, false],
    ['no', { usesLeft: 9 }, {}, false],
    ['no', { mode: 'permitted' }, {}, true],
    ['permitted', { mode: 'no' }, {}, false],
    ['permitted', {}, {}, true],
    ['required', {}, {}, true],
    ['time-limited', {}, {}, true],
    ['time-limited', { endsAtMs: noonMs + 1 }, {}, true],
    ['time-limited', { endsAtMs: noonMs }, {}, false],
    ['permitted', { endsAtMs: noonMs }, {}, true],
    ['required', { endsAtMs: noonMs }, {}, true],
    ['no', { mode: 'time-limited', endsAtMs: noonMs }, {}, false],
    ['permitted', { usesLeft: 1 }, {}, true],
    ['permitted', { usesLeft: 0 }, {}, false],
    ['required', { usesLeft: 0 }, {}, false],
    ['time-limited', { endsAtMs: noonMs + 1, usesLeft: 0 }, {}, false],
    ['permitted', {}, { backupVirtualUses: 3 }, true],
    ['permitted', { usesLeft: 0 }, { backupVirtualUses: 3 }, false],
    ['permitted', { usesLeft: 0 }, { backupVirtualUses: null }, false],
  ])('%s with %o and %o: %s', (backupVirtual, set, settings, may) => {
    const policy = policyWith({ backupVirtual, ...settings });
    expect(mayBackUp(withBackup(set), noonMs, policy)).toBe(may);
  });
});

describe('once a one-time password was sent in its place', () => {
  it.each<[BackupMode, Partial<BackupVirtual>, Partial<EffectivePolicy>, Partial<BackupVirtual>]>([
    ['permitted', {}, {}, {}],
    ['permitted', {}, { backupVirtualUses: 5 }, { usesLeft: 4 }],
    ['permitted', { usesLeft: 2 }, { backupVirtualUses: 5 }, { usesLeft: 1 }],
    ['permitted', { usesLeft: 1 }, {}, { usesLeft: 0 }],
    ['permitted', { endsAtMs: 7 }, {}, { endsAtMs: 7 }],
    ['required', {}, { backupVirtualDays: 2 }, {}],
    ['time-limited', {}, { backupVirtualDays: 2 }, { endsAtMs: noonMs + 2 * dayMs }],
    ['time-limited', { endsAtMs: noonMs + 1 }, { backupVirtualDays: 2 }, { endsAtMs: noonMs + 1 }],
    [
      'no',
      { mode: 'time-limited' },
      { backupVirtualDays: 1, backupVirtualUses: 1 },
      { mode: 'time-limited', endsAtMs: noonMs + dayMs, usesLeft: 0 },
    ],
    ['time-limited', { mode: 'permitted' }, {}, { mode: 'permitted' }],
  ])('%s with %o and %o stands at %o', (backupVirtual, before, settings, after) => {
    const policy = policyWith({ backupVirtual, ...settings });
    expect(backedUp(withBackup(before), noonMs, policy)).toEqual({ ...unsetBackup, ...after });
  });

  it('it may be as often as the policy says, and no more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 254 }), (backupVirtualUses) => {
        const policy = policyWith({ backupVirtual: 'permitted', backupVirtualUses });
        let device = { backup: unsetBackup };
        let sent = 0;
        for (; sent < 300 && mayBackUp(device, noonMs, policy); sent += 1) {
          device = { backup: backedUp(device, noonMs, policy) };
        }
        expect(sent).toBe(backupVirtualUses);
      }),
      { numRuns: 50 },
    );
  });

  it('its time runs from the first one and is not lengthened by others', () => {
    const policy = policyWith({ backupVirtual: 'time-limited', backupVirtualDays: 3 });
    const first = { backup: backedUp({ backup: unsetBackup }, noonMs, policy) };
    const second = { backup: backedUp(first, noonMs + 2 * dayMs, policy) };
    expect(mayBackUp(second, noonMs + 3 * dayMs - 1, policy)).toBe(true);
    expect(mayBackUp(second, noonMs + 3 * dayMs, policy)).toBe(false);
  });
});
