import type { Authenticator, BackupVirtual } from '../../domain/model.ts';
import { TallystickError } from '../../errors.ts';
import type { AuthenticatorChanges } from '../api.ts';
import { createProblemList, invalidMember } from '../problems.ts';
import type { AuditEntry } from '../store.ts';
import { checkInstant } from './values.ts';

/** As many as a policy may grant; 0 takes them away. */
const usesMax = 254;

/** @throws TallystickError `request-invalid` naming every member that is wrong */
export function checkChanges({ expiresAtMs, graceEndsAtMs, backup }: AuthenticatorChanges): void {
  const problems = createProblemList();
  const instants = { expiresAtMs, graceEndsAtMs, 'backup.endsAtMs': backup?.endsAtMs };
  for (const [member, atMs] of Object.entries(instants)) {
    problems.parse(member, () => checkInstant(member, atMs ?? null));
  }
  const uses = backup?.usesLeft ?? 0;
  if (!Number.isInteger(uses) || uses < 0 || uses > usesMax) {
    problems.add('backup.usesLeft', `must be null or a whole number from 0 to ${usesMax}`);
  }
  problems.throwIfAny();
}

/**
 * What a change makes of an authenticator, with the facts for the audit. Members of the backup that are
 * left out stay.
 *
 * @throws TallystickError `request-invalid` for the backup of what is no device, or `conflict` with
 *   reason `not-assigned` for a grace period of nobody's
 */
export function changesOf(
  authenticator: Authenticator,
  { isDisabled, expiresAtMs, graceEndsAtMs, backup }: AuthenticatorChanges,
): { readonly changed: Partial<Authenticator>; readonly details: AuditEntry['details'] } {
  refuseMeaningless(authenticator, graceEndsAtMs ?? null, backup ?? {});
  const plain = {
    ...(isDisabled === undefined ? {} : { isDisabled }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(graceEndsAtMs === undefined ? {} : { graceEndsAtMs }),
  };
  if (backup === undefined) return { changed: plain, details: plain };
  const { mode, endsAtMs, usesLeft } = backup;
  return {
    changed: { ...plain, backup: { ...authenticator.backup, ...backup } },
    details: {
      ...plain,
      ...(mode === undefined ? {} : { backupMode: mode }),
      ...(endsAtMs === undefined ? {} : { backupEndsAtMs: endsAtMs }),
      ...(usesLeft === undefined ? {} : { backupUsesLeft: usesLeft }),
    },
  };
}

function refuseMeaningless(
  { kind, userId }: Authenticator,
  graceEndsAtMs: number | null,
  backup: Partial<BackupVirtual>,
): void {
  const isBackupSet = Object.values(backup).some((value) => value !== null);
  if (kind === 'virtual-mobile' && isBackupSet) {
    const allowed = 'must be left out or null: a virtual mobile authenticator is no device';
    throw invalidMember('backup', allowed);
  }
  // Assigning sets it anew, so that one set before would be lost without a word.
  if (userId === null && graceEndsAtMs !== null) {
    const message = 'The authenticator is assigned to nobody, so it has no grace period.';
    throw new TallystickError('conflict', message, { fields: { reason: 'not-assigned' } });
  }
}
