import {
  asksForPin,
  belongsTo,
  type EmergencyCode,
  isLive,
  isRenewalDue,
  lifetimeDaysMax,
  unsettledStates,
  usesLeft,
} from '../../domain/emergency.ts';
import type { AuthenticatorWithApplications, User } from '../../domain/model.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { TallystickError } from '../../errors.ts';
import { doneOutcome, serverItself } from '../audit-entries.ts';
import type { Context } from '../deps.ts';
import type { AuditEntry } from '../store.ts';
import { openCode } from './codes.ts';
import { codesReadMax, makeCode, takingPlace } from './make.ts';

type PackagedKind = Extract<EmergencyCode['kind'], 'tokencode' | 'passcode'>;

/** A code for a package: its terms go into the header, the code into the body. */
export interface PackagedCode {
  readonly terms: {
    readonly codeId: string;
    readonly kind: PackagedKind;
    readonly isPinRequired: boolean;
    readonly notAfterMs: number;
    readonly usesMax: number;
  };
  /** As it is compared: without groups, in capitals. */
  readonly code: string;
}

const roundsMax = 4;

/**
 * The emergency codes that a package of this authenticator is to hold, at most one of each kind. There is
 * a fresh one where none lives, the last was reset, read out or used, or ends within a day; it is in the
 * database when this resolves, and the one before is good for nothing at the server any more.
 *
 * @param owner the authenticator with its applications, assigned to the user
 * @throws TallystickError when the module fails, or `overloaded` when others are always faster
 */
export async function emergencyForPackage(
  context: Context,
  user: Pick<User, 'id'>,
  owner: AuthenticatorWithApplications,
  nowMs: number,
  policy: EffectivePolicy,
): Promise<readonly PackagedCode[]> {
  const kinds: readonly PackagedKind[] = [
    ...(policy.emergencyTokencode ? (['tokencode'] as const) : []),
    // Where there is no PIN, none can be forgotten.
    ...(policy.emergencyPasscode && asksForPin(owner) ? (['passcode'] as const) : []),
  ];
  const packaged: PackagedCode[] = [];
  for (const kind of kinds) {
    const code = await codeOfKind(context, kind, { user, owner, nowMs, policy });
    if (code !== null) packaged.push(code);
  }
  return packaged;
}

interface Wanted {
  readonly user: Pick<User, 'id'>;
  readonly owner: AuthenticatorWithApplications;
  readonly nowMs: number;
  readonly policy: EffectivePolicy;
}

async function codeOfKind(
  context: Context,
  kind: PackagedKind,
  wanted: Wanted,
): Promise<PackagedCode | null> {
  const { owner, nowMs, policy } = wanted;
  for (let round = 1; round <= roundsMax; round += 1) {
    const present = await context.store.emergencyCodesOfAuthenticator(
      owner.authenticator.id,
      codesReadMax,
    );
    const last = present.find((code) => code.kind === kind && isLive(code, nowMs)) ?? null;
    // Nobody could read out what is made here without anybody to see it.
    const isShownOnce = policy.emergencyRevealMode === 'show-once';
    if (last !== null && isGood(last, wanted, isShownOnce)) {
      return packagedOf(context, last, kind, owner);
    }
    if (isShownOnce) return null;
    const made = await makeFresh(context, kind, present, wanted);
    if (made !== null) return made;
  }
  throw new TallystickError('overloaded', 'Too many packages for this authenticator at once.');
}

function isGood(code: EmergencyCode, { owner, nowMs }: Wanted, isShownOnce: boolean): boolean {
  if (!isShownOnce) return !isRenewalDue(code, owner, nowMs);
  const { kind, isPinRequired } = code;
  return belongsTo(code, owner) && (kind === 'passcode' || isPinRequired === asksForPin(owner));
}

async function packagedOf(
  context: Context,
  record: EmergencyCode,
  kind: PackagedKind,
  { authenticator }: AuthenticatorWithApplications,
): Promise<PackagedCode | null> {
  if (record.sealed === null) return null;
  const code = await openCode(context, record, authenticator.serial, record.sealed);
  return { terms: termsOf(record, kind), code };
}

function termsOf(record: EmergencyCode, kind: PackagedKind): PackagedCode['terms'] {
  const { id: codeId, isPinRequired, notAfterMs } = record;
  return { codeId, kind, isPinRequired, notAfterMs, usesMax: usesLeft(record) ?? 1 };
}

/** Null when somebody else was faster. */
async function makeFresh(
  context: Context,
  kind: PackagedKind,
  present: readonly EmergencyCode[],
  { user, owner, nowMs, policy }: Wanted,
): Promise<PackagedCode | null> {
  const before = present.find(
    (code) => code.kind === kind && unsettledStates.includes(code.state) && belongsTo(code, owner),
  );
  const { record, codes } = await makeCode(
    context,
    owner,
    {
      kind,
      userId: user.id,
      count: 1,
      lifetimeDays: lifetimeDaysMax(kind, policy),
      // What an administrator allowed of the one before goes on, until he takes it back.
      isOnlineAllowed: policy.emergencyOnlineAllowed && before?.isOnlineAllowed === true,
      createdBy: serverItself,
    },
    nowMs,
    policy,
  );
  const audit: AuditEntry = {
    atMs: nowMs,
    action: 'emergency.issue',
    outcome: doneOutcome,
    actor: serverItself,
    subject: owner.authenticator.serial,
    requestId: '',
    details: { code: record.id, kind, for: 'package', replaces: before?.id ?? null },
  };
  const { status } = await context.store.administer(takingPlace(record, present), audit);
  const [code = ''] = codes;
  return status === 'committed' ? { terms: termsOf(record, kind), code } : null;
}
