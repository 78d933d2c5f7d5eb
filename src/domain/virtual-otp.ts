import { dayMs } from './durations.ts';
import type { Authenticator, BackupVirtual, Contact } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import type { BackupMode, DeliveryMethod } from './virtual-settings.ts';
import type { Channel } from './gateway.ts';

/** How a new device stands: as the policy says. */
export const unsetBackup: BackupVirtual = { mode: null, endsAtMs: null, usesLeft: null };

/** Nobody said how a person is reached. */
export const unknownContact: Contact = {
  email: null,
  mobile: null,
  phone: null,
  deliveryMethod: null,
};

/** Wrong answers to one one-time password before it is worth nothing. */
export const otpAnswersMax: number = 3;

/**
 * The bytes whose HMAC under `virtual-otp-mac` is kept of a one-time password that was sent. The id
 * has a fixed length. The caller overwrites them.
 */
export function otpMessage(issuedId: string, otp: string): Uint8Array {
  return new TextEncoder().encode(`${issuedId} ${otp}`);
}

/** A message with the one-time password in its place. */
export function messageText(template: string, placeholder: string, otp: string): string {
  return template.split(placeholder).join(otp);
}

type BackupPolicy = Pick<
  EffectivePolicy,
  'backupVirtual' | 'backupVirtualDays' | 'backupVirtualUses'
>;

/** Whether a device may be stood in for, as its own setting or its policy's says. */
export function backupModeOf(
  { backup }: Pick<Authenticator, 'backup'>,
  { backupVirtual }: Pick<EffectivePolicy, 'backupVirtual'>,
): BackupMode {
  return backup.mode ?? backupVirtual;
}

/** Whether a one-time password may be sent in place of what this device shows. */
export function mayBackUp(
  authenticator: Pick<Authenticator, 'backup'>,
  nowMs: number,
  policy: BackupPolicy,
): boolean {
  const mode = backupModeOf(authenticator, policy);
  if (mode === 'no') return false;
  const { endsAtMs, usesLeft } = authenticator.backup;
  const isOver = mode === 'time-limited' && endsAtMs !== null && nowMs >= endsAtMs;
  return !isOver && (usesLeft ?? policy.backupVirtualUses) !== 0;
}

/** How a device stands once a one-time password was sent in its place. */
export function backedUp(
  authenticator: Pick<Authenticator, 'backup'>,
  nowMs: number,
  policy: BackupPolicy,
): BackupVirtual {
  const { backup } = authenticator;
  const left = backup.usesLeft ?? policy.backupVirtualUses;
  const isLimited = backupModeOf(authenticator, policy) === 'time-limited';
  return {
    mode: backup.mode,
    endsAtMs: isLimited
      ? (backup.endsAtMs ?? nowMs + policy.backupVirtualDays * dayMs)
      : backup.endsAtMs,
    usesLeft: left === null ? null : left - 1,
  };
}

const channelsOfMethod: Readonly<Record<DeliveryMethod, readonly Channel[]>> = {
  email: ['email'],
  sms: ['sms'],
  voice: ['voice'],
  'email-sms': ['email', 'sms'],
  'sms-voice': ['sms', 'voice'],
  'email-voice': ['email', 'voice'],
};

/** The channels that a message goes by, all of them. */
export function channelsOf(method: DeliveryMethod): readonly Channel[] {
  return channelsOfMethod[method];
}
