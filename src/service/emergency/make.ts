import {
  asksForPin,
  codeForm,
  type EmergencyCode,
  type EmergencyKind,
  endedCode,
  isOfServer,
  unsettledStates,
  usesMaxOf,
} from '../../domain/emergency.ts';
import { dayMs } from '../../domain/durations.ts';
import type { AuthenticatorWithApplications } from '../../domain/model.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import type { Context } from '../deps.ts';
import { uuidV7 } from '../identifiers.ts';
import type { RecordChange } from '../store.ts';
import { drawCodes, emergencyMacs, sealCode } from './codes.ts';

/** As many codes of a device as are looked at to find those that matter. */
export const codesReadMax: number = 200;

/** What is to be made for whom. */
export interface NewCode {
  readonly kind: EmergencyKind;
  readonly userId: string;
  /** Codes of a set; 1 for the other kinds. */
  readonly count: number;
  readonly lifetimeDays: number;
  readonly isOnlineAllowed: boolean;
  readonly createdBy: string;
}

export interface MadeCode {
  readonly record: EmergencyCode;
  /** In the clear: for the answer or the package, and nowhere else. */
  readonly codes: readonly string[];
}

/**
 * Draws a code, or a set, and what is kept of it. Only codes of packages have a sealed copy: packages are
 * made of it again and again, and the others were shown.
 *
 * @throws TallystickError when the module fails
 */
export async function makeCode(
  context: Context,
  owner: AuthenticatorWithApplications,
  { kind, userId, count, lifetimeDays, isOnlineAllowed, createdBy }: NewCode,
  nowMs: number,
  policy: EffectivePolicy,
): Promise<MadeCode> {
  const id = uuidV7(nowMs, context.randomBytes);
  const { serial, id: authenticatorId, assignmentVersion } = owner.authenticator;
  const isPinRequired = kind !== 'passcode' && asksForPin(owner);
  const form = codeForm({ kind, isPinRequired });
  const codes = await drawCodes(context, form, count);
  const of = { id, userId };
  const parts = codes.map((text) => ({ of, serial, text }));
  const macs = await emergencyMacs(context, parts, context.logon);
  const isOfPackages = !isOfServer(kind);
  const [first = ''] = codes;
  const sealed = isOfPackages ? await sealCode(context, of, serial, first) : null;
  const record: EmergencyCode = {
    id,
    userId,
    authenticatorId,
    assignmentVersion,
    kind,
    macs,
    sealed,
    isRevealable: isOfPackages && policy.emergencyRevealMode === 'sealed',
    isPinRequired,
    isOnlineAllowed,
    notAfterMs: nowMs + lifetimeDays * dayMs,
    usesMax: usesMaxOf(kind, count, policy),
    useCount: 0,
    missCount: 0,
    state: 'live',
    createdBy,
    createdAtMs: nowMs,
    reveal: null,
    revealedAtMs: null,
    version: 1,
  };
  return { record, codes };
}

/** Puts a code into the database in place of all of its kind that the device has. */
export function takingPlace(
  record: EmergencyCode,
  present: readonly EmergencyCode[],
): readonly RecordChange[] {
  const replaced = present.filter(
    ({ kind, state }) => kind === record.kind && unsettledStates.includes(state),
  );
  return [
    ...replaced.map((code): RecordChange => endingChange(code, 'replaced')),
    { change: 'insert', kind: 'emergencyCode', record },
  ];
}

/** Ends a code as it was read; nothing is left by which it could be found out. */
export function endingChange(
  { id, version }: Pick<EmergencyCode, 'id' | 'version'>,
  state: Parameters<typeof endedCode>[0],
): RecordChange {
  return {
    change: 'update',
    kind: 'emergencyCode',
    id,
    expectedVersion: version,
    set: endedCode(state),
  };
}
