import {
  asksForPin,
  belongsTo,
  codeForm,
  type EmergencyCode,
  type EmergencyKind,
  emergencySetMax,
  groupedCode,
  isLive,
  isOfServer,
  lifetimeDaysMax,
  unsettledStates,
  usesLeft,
} from '../../domain/emergency.ts';
import type { AuthenticatorWithApplications } from '../../domain/model.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { TallystickError } from '../../errors.ts';
import type {
  EmergencyAdministration,
  EmergencyCodeView,
  IssuedEmergencyCode,
  NewEmergencyCode,
} from '../emergency-api.ts';
import { actorOf } from '../audit-entries.ts';
import { codesReadMax, endingChange, makeCode, takingPlace } from '../emergency/make.ts';
import { createProblemList, invalidMember } from '../problems.ts';
import { requireApplications, requireAuthenticator, requireEditable } from './authenticators.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';

const codesOfSet = 10;
const what = 'The emergency code';

/** The use cases about emergency codes, but for reading them out. */
export function emergencyAdministration(
  atDesk: AtDesk,
): Omit<EmergencyAdministration, 'revealEmergencyCode' | 'approveEmergencyReveal'> {
  return {
    issueEmergencyCode: (caller, serial, asked) =>
      atDesk(caller, 'emergency.issue', (desk) => issue(desk, serial, asked)),
    emergencyCodes: (caller, serial) =>
      atDesk(caller, 'authenticators.read', (desk) => list(desk, serial)),
    resetEmergencyCode: (caller, serial, id) =>
      atDesk(caller, 'emergency.issue', (desk) => end(desk, serial, id, 'reset')),
    revokeEmergencyCode: (caller, serial, id) =>
      atDesk(caller, 'emergency.issue', (desk) => end(desk, serial, id, 'revoked')),
    allowEmergencyOnline: (caller, serial, id, isOnlineAllowed) =>
      atDesk(caller, 'emergency.issue', (desk) => allowOnline(desk, serial, id, isOnlineAllowed)),
  };
}

/** A code of the authenticator, with the authenticator. */
export interface FoundCode {
  readonly owner: AuthenticatorWithApplications;
  readonly code: EmergencyCode;
}

/** @throws TallystickError `not-found`, `forbidden` */
export async function requireCode(desk: Desk, serial: string, id: string): Promise<FoundCode> {
  const owner = await requireEditable(desk, serial);
  const code = await desk.context.store.emergencyCodeById(id);
  if (code?.authenticatorId !== owner.authenticator.id) throw notFound(what);
  return { owner, code };
}

/** The code after it was changed. */
export async function shownCode(desk: Desk, id: string): Promise<EmergencyCodeView> {
  const code = await desk.context.store.emergencyCodeById(id);
  if (code === null) throw notFound(what);
  return codeView(code, desk.nowMs);
}

/** @throws TallystickError `conflict`, reason `ended` */
export function requireLive({ code, owner }: FoundCode, nowMs: number): void {
  if (isLive(code, nowMs) && belongsTo(code, owner)) return;
  throw endedError();
}

/** A code as people read it out: letters in groups. */
export function spokenCode(
  code: Pick<EmergencyCode, 'kind' | 'isPinRequired'>,
  text: string,
): string {
  return codeForm(code).characters === 'digits' ? text : groupedCode(text);
}

async function issue(
  desk: Desk,
  serial: string,
  asked: NewEmergencyCode,
): Promise<IssuedEmergencyCode> {
  const { policy } = desk.standing;
  const { kind } = asked;
  requirePermitted(kind, asked.isOnlineAllowed === true, policy);
  checkMembers(asked, policy);
  const count = kind === 'one-time' ? (asked.count ?? codesOfSet) : 1;
  const lifetimeDays = asked.lifetimeDays ?? lifetimeDaysMax(kind, policy);
  const issued: IssuedEmergencyCode[] = [];
  await administer(desk, what, null, async () => {
    const owner = await requireEditable(desk, serial);
    const userId = requireUser(owner, kind);
    const isOnlineAllowed = isOfServer(kind) || asked.isOnlineAllowed === true;
    const createdBy = actorOf(desk.caller);
    const wanted = { kind, userId, count, lifetimeDays, isOnlineAllowed, createdBy };
    const { record, codes } = await makeCode(desk.context, owner, wanted, desk.nowMs, policy);
    const { id, serial: shownSerial } = owner.authenticator;
    const present = await desk.context.store.emergencyCodesOfAuthenticator(id, codesReadMax);
    const isShown = isOfServer(kind) || !record.isRevealable;
    const spoken = isShown ? codes.map((code) => spokenCode(record, code)) : [];
    issued.push({ view: codeView(record, desk.nowMs), codes: spoken });
    return {
      changes: takingPlace(record, present),
      audit: doneEntry(desk, 'emergency.issue', shownSerial, {
        code: record.id,
        kind,
        count,
        notAfterMs: record.notAfterMs,
        isOnlineAllowed,
      }),
    };
  });
  // The last that was proposed is the one that was committed.
  const last = issued.at(-1);
  if (last === undefined) throw new RangeError('what was committed was proposed');
  return last;
}

/** @throws TallystickError `policy-refused` */
function requirePermitted(kind: EmergencyKind, isOnline: boolean, policy: EffectivePolicy): void {
  const settings = {
    tokencode: 'emergencyTokencode',
    passcode: 'emergencyPasscode',
    fixed: 'emergencyOnlineCodes',
    'one-time': 'emergencyOnlineCodes',
  } as const;
  if (!policy[settings[kind]]) throw notPermitted(settings[kind]);
  if (isOnline && !isOfServer(kind) && !policy.emergencyOnlineAllowed) {
    throw notPermitted('emergencyOnlineAllowed');
  }
}

function notPermitted(setting: keyof EffectivePolicy): TallystickError {
  const message = `The policy of your component does not permit it: its setting ${setting} is off.`;
  return new TallystickError('policy-refused', message, {
    fields: { reason: 'emergency-not-permitted', setting },
  });
}

/** @throws TallystickError `request-invalid` */
function checkMembers(
  { kind, count, lifetimeDays, isOnlineAllowed }: NewEmergencyCode,
  policy: EffectivePolicy,
): void {
  const problems = createProblemList();
  const daysMax = lifetimeDaysMax(kind, policy);
  if (kind !== 'one-time' && count !== null) {
    problems.add('count', 'must be left out: only one-time codes come in sets');
  } else if (!isWithin(count ?? 1, emergencySetMax)) {
    problems.add('count', `must be a whole number from 1 to ${emergencySetMax}`);
  }
  if (!isWithin(lifetimeDays ?? 1, daysMax)) {
    problems.add('lifetimeDays', `must be a whole number from 1 to ${daysMax} by the policy`);
  }
  if (isOnlineAllowed === false && isOfServer(kind)) {
    problems.add('onlineAllowed', 'must be left out: such codes are good at the server alone');
  }
  problems.throwIfAny();
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}

/** @throws TallystickError `conflict` for a device that nobody has, or a PIN that there is not */
function requireUser(owner: AuthenticatorWithApplications, kind: EmergencyKind): string {
  requireApplications(owner.applications, null);
  const { userId } = owner.authenticator;
  if (userId === null) {
    throw new TallystickError('conflict', 'The authenticator is assigned to nobody.', {
      fields: { reason: 'not-assigned' },
    });
  }
  if (kind === 'passcode' && !asksForPin(owner)) {
    const message = 'There is no server PIN that could be forgotten: issue a tokencode.';
    throw new TallystickError('conflict', message, { fields: { reason: 'no-pin' } });
  }
  return userId;
}

async function list(desk: Desk, serial: string): Promise<readonly EmergencyCodeView[]> {
  const { authenticator } = await requireAuthenticator(desk, serial);
  const { store } = desk.context;
  const codes = await store.emergencyCodesOfAuthenticator(authenticator.id, codesReadMax);
  return codes.map((code) => codeView(code, desk.nowMs));
}

async function end(
  desk: Desk,
  serial: string,
  id: string,
  state: 'reset' | 'revoked',
): Promise<EmergencyCodeView> {
  await administer(desk, what, null, async () => {
    const { owner, code } = await requireCode(desk, serial, id);
    if (!unsettledStates.includes(code.state)) throw endedError();
    return {
      changes: [endingChange(code, state)],
      audit: doneEntry(
        desk,
        state === 'reset' ? 'emergency.reset' : 'emergency.revoke',
        owner.authenticator.serial,
        { code: id, kind: code.kind },
      ),
    };
  });
  return shownCode(desk, id);
}

async function allowOnline(
  desk: Desk,
  serial: string,
  id: string,
  isOnlineAllowed: boolean,
): Promise<EmergencyCodeView> {
  await administer(desk, what, null, async () => {
    const found = await requireCode(desk, serial, id);
    const { owner, code } = found;
    if (isOfServer(code.kind)) {
      throw invalidMember('onlineAllowed', 'is not for such codes: revoke it to end it');
    }
    requireLive(found, desk.nowMs);
    requirePermitted(code.kind, isOnlineAllowed, desk.standing.policy);
    return {
      changes: [
        {
          change: 'update',
          kind: 'emergencyCode',
          id,
          expectedVersion: code.version,
          set: { isOnlineAllowed },
        },
      ],
      audit: doneEntry(desk, 'emergency.online', owner.authenticator.serial, {
        code: id,
        kind: code.kind,
        isOnlineAllowed,
      }),
    };
  });
  return shownCode(desk, id);
}

function endedError(): TallystickError {
  return new TallystickError('conflict', 'The emergency code has ended: issue another.', {
    fields: { reason: 'ended' },
  });
}

function codeView(code: EmergencyCode, nowMs: number): EmergencyCodeView {
  const { id, kind, isPinRequired, isOnlineAllowed, isRevealable, notAfterMs, useCount } = code;
  const { missCount, createdBy, createdAtMs, reveal, revealedAtMs, state } = code;
  return {
    id,
    kind,
    // Its time may be over before anybody noted it.
    state: state === 'live' && !isLive(code, nowMs) ? 'expired' : state,
    isPinRequired,
    isOnlineAllowed,
    isRevealable: isRevealable && state === 'live',
    notAfterMs,
    useCount,
    usesLeft: usesLeft(code),
    missCount,
    createdBy,
    createdAtMs,
    reveal,
    revealedAtMs,
  };
}
