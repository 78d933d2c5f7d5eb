import type { BackupUse, Issued } from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import type { Decision } from '../service/store.ts';
import type { DecisionRow } from './postgres-rows.ts';

/** What a decision issues or sets, as arguments of the statements of a batch. */

type IssueArguments = Pick<
  DecisionRow,
  | 'issue_id'
  | 'handle'
  | 'issue_user_id'
  | 'issue_authenticator_id'
  | 'component_type'
  | 'component_type_key'
  | 'challenge_kind'
  | 'challenge_method'
  | 'proven_pins'
  | 'challenge_text'
  | 'user_version'
  | 'authenticator_version'
  | 'otp_digits'
  | 'otp_mac'
  | 'issued_at_ms'
  | 'challenge_expires_at_ms'
  | 'consumed_at_ms'
>;

export const noIssue: IssueArguments = {
  issue_id: null,
  handle: null,
  issue_user_id: null,
  issue_authenticator_id: null,
  component_type: null,
  component_type_key: null,
  challenge_kind: null,
  challenge_method: null,
  proven_pins: null,
  challenge_text: null,
  user_version: null,
  authenticator_version: null,
  otp_digits: null,
  otp_mac: null,
  issued_at_ms: null,
  challenge_expires_at_ms: null,
  consumed_at_ms: null,
};

export function issueArguments(issued: Issued): IssueArguments {
  const isOtp = 'otpMac' in issued;
  return {
    issue_id: issued.id,
    handle: issued.handle,
    issue_user_id: issued.userId,
    issue_authenticator_id: isOtp ? issued.authenticatorId : null,
    component_type: issued.componentType,
    component_type_key: nameKey(issued.componentType),
    challenge_kind: issued.kind,
    challenge_method: issued.method,
    proven_pins: JSON.stringify(issued.provenPins),
    challenge_text: isOtp ? null : issued.text,
    user_version: issued.userVersion,
    authenticator_version: isOtp ? issued.authenticatorVersion : null,
    otp_digits: isOtp ? issued.otpDigits : null,
    otp_mac: isOtp ? issued.otpMac : null,
    issued_at_ms: issued.issuedAtMs,
    challenge_expires_at_ms: issued.expiresAtMs,
    consumed_at_ms: issued.consumedAtMs,
  };
}

export function passwordArguments({
  passwordChange: change,
  passwordVersion,
}: Pick<Decision, 'passwordChange' | 'passwordVersion'>): Pick<
  DecisionRow,
  'password_version' | 'password_salt' | 'password_mac' | 'replaced_mac'
> {
  return {
    password_version: change?.passwordVersion ?? passwordVersion,
    password_salt: change?.verifier.salt ?? null,
    password_mac: change?.verifier.mac ?? null,
    replaced_mac: change?.replacedMac ?? null,
  };
}

export function emergencyArguments({
  emergencyUse: use,
  emergencyMarks,
}: Pick<Decision, 'emergencyUse' | 'emergencyMarks'>): Pick<
  DecisionRow,
  'emergency_id' | 'emergency_macs_before' | 'emergency_macs_after' | 'emergency_marks'
> {
  return {
    emergency_id: use?.codeId ?? null,
    emergency_macs_before: use === null ? null : JSON.stringify(use.macsBefore),
    emergency_macs_after: use === null ? null : JSON.stringify(use.macsAfter),
    emergency_marks: emergencyMarks.map(({ codeId, mark }) => ({ code_id: codeId, mark })),
  };
}

type BackupArguments = Pick<
  DecisionRow,
  | 'backup_id'
  | 'backup_owner_id'
  | 'backup_assignment_version'
  | 'backup_ends_before_ms'
  | 'backup_uses_before'
  | 'backup_ends_at_ms'
  | 'backup_uses_left'
>;

export const noBackup: BackupArguments = {
  backup_id: null,
  backup_owner_id: null,
  backup_assignment_version: null,
  backup_ends_before_ms: null,
  backup_uses_before: null,
  backup_ends_at_ms: null,
  backup_uses_left: null,
};

export function backupArguments({ before, after, ...of }: BackupUse): BackupArguments {
  return {
    backup_id: of.authenticatorId,
    backup_owner_id: of.userId,
    backup_assignment_version: of.assignmentVersion,
    backup_ends_before_ms: before.endsAtMs,
    backup_uses_before: before.usesLeft,
    backup_ends_at_ms: after.endsAtMs,
    backup_uses_left: after.usesLeft,
  };
}
