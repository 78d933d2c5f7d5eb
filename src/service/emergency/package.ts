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
import type { OfflineTerms } from '../../domain/offline-plan.ts';
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

/** For which package. */
export interface PackageFor extends Pick<OfflineTerms, 'pinMode'> {
  readonly user: Pick<User, 'id'>;
  /** The authenticator with its applications, assigned to the user. */
  readonly owner: AuthenticatorWithApplications;
  readonly nowMs: number;
  readonly policy: EffectivePolicy;
}

/**
 * The emergency codes that a package of this authenticator is to hold, at most one of each kind. There is
 * a fresh one where none lives, the last was reset, read out or used, or ends within a day; it is in the
 * database when this resolves, and the one before is good for nothing at the server any more. When the
 * package comes to nothing, the next one holds the same.
 *
 * @param notAfterMs end of the package, and of what it says of its codes
 * @throws TallystickError when the module fails, or `overloaded` when others are always faster
 */
export async function emergencyForPackage(
  context: Context,
  wanted: PackageFor,
  notAfterMs: number,
): Promise<readonly PackagedCode[]> {
  const packaged: PackagedCode[] = [];
  for (const kind of kindsOf(wanted)) {
    const made = await codeOfKind(context, kind, wanted);
    if (made === null) continue;
    const { terms, code } = made;
    packaged.push({
      terms: { ...terms, notAfterMs: Math.min(terms.notAfterMs, notAfterMs) },
      code,
    });
  }
  return packaged;
}

/** Whether a package that holds these codes holds what another one would. */
export async function holdsPresentCodes(
  { store }: Context,
  wanted: PackageFor,
  codeIds: readonly string[],
): Promise<boolean> {
  const { id } = wanted.owner.authenticator;
  const present = await store.emergencyCodesOfAuthenticator(id, codesReadMax);
  const goodIds: string[] = [];
  for (const kind of kindsOf(wanted)) {
    const good = goodOf(kind, present, wanted);
    if (good !== null) goodIds.push(good.id);
    else if (!isShownOnce(wanted)) return false;
  }
  return goodIds.length === codeIds.length && goodIds.every((each) => codeIds.includes(each));
}

function kindsOf({ owner, pinMode, policy }: PackageFor): readonly PackagedKind[] {
  const hasPin = asksForPin(owner);
  return [
    // A short code is for behind a PIN, which a workstation knows of its own application only.
    ...(policy.emergencyTokencode && hasPin === (pinMode === 'server')
      ? (['tokencode'] as const)
      : []),
    // Where there is no PIN, none can be forgotten.
    ...(policy.emergencyPasscode && hasPin ? (['passcode'] as const) : []),
  ];
}

async function codeOfKind(
  context: Context,
  kind: PackagedKind,
  wanted: PackageFor,
): Promise<PackagedCode | null> {
  const { owner } = wanted;
  for (let round = 1; round <= roundsMax; round += 1) {
    const present = await context.store.emergencyCodesOfAuthenticator(
      owner.authenticator.id,
      codesReadMax,
    );
    const good = goodOf(kind, present, wanted);
    if (good !== null) return packagedOf(context, good, kind, owner);
    if (isShownOnce(wanted)) return null;
    const made = await makeFresh(context, kind, present, wanted);
    if (made !== null) return made;
  }
  throw new TallystickError('overloaded', 'Too many packages for this authenticator at once.');
}

/** The code of a kind that needs no other in its place. */
function goodOf(
  kind: PackagedKind,
  present: readonly EmergencyCode[],
  wanted: PackageFor,
): EmergencyCode | null {
  const last = present.find((code) => code.kind === kind && isLive(code, wanted.nowMs));
  return last !== undefined && last.sealed !== null && isGood(last, wanted) ? last : null;
}

/** Nobody could read out what is made here without anybody to see it. */
function isShownOnce({ policy }: PackageFor): boolean {
  return policy.emergencyRevealMode === 'show-once';
}

function isGood(code: EmergencyCode, wanted: PackageFor): boolean {
  const { owner, nowMs } = wanted;
  if (!isShownOnce(wanted)) return !isRenewalDue(code, owner, nowMs);
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
  { user, owner, nowMs, policy }: PackageFor,
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
