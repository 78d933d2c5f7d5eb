import {
  type EmergencyCode,
  revealLifetimeMs,
  type RevealRequest,
} from '../../domain/emergency.ts';
import { TallystickError } from '../../errors.ts';
import { actorOf, isSamePerson } from '../audit-entries.ts';
import type { EmergencyAdministration, EmergencyCodeView, RevealAnswer } from '../emergency-api.ts';
import { openCode } from '../emergency/codes.ts';
import { uuidPattern } from '../identifiers.ts';
import {
  administer,
  type AtDesk,
  type Attempt,
  type Desk,
  doneEntry,
  type Proposal,
} from './desk.ts';
import { type FoundCode, requireCode, requireLive, shownCode, spokenCode } from './emergency.ts';
import { isReason, requireReason } from './values.ts';

const what = 'The emergency code';

/** The use cases by which a code is read out to somebody who is on the telephone. */
export function revealAdministration(
  atDesk: AtDesk,
): Pick<EmergencyAdministration, 'revealEmergencyCode' | 'approveEmergencyReveal'> {
  return {
    revealEmergencyCode: (caller, serial, id, reason) =>
      atDesk(
        caller,
        'emergency.reveal',
        (desk) => {
          requireReason(reason);
          return reveal(desk, serial, id, reason.trim());
        },
        attemptAt('emergency.reveal', serial, id, isReason(reason) ? reason.trim() : null),
      ),
    approveEmergencyReveal: (caller, serial, id, requestedBy) =>
      atDesk(
        caller,
        'emergency.reveal',
        (desk) => approve(desk, serial, id, requestedBy),
        attemptAt('emergency.reveal-approve', serial, id, null),
      ),
  };
}

/** As the audit has it when it is refused: what is no id might be a code, typed into the wrong place. */
function attemptAt(action: string, serial: string, id: string, reason: string | null): Attempt {
  const code = uuidPattern.test(id) ? id : null;
  return { action, subject: serial, details: reason === null ? { code } : { code, reason } };
}

/** That it is revealed is durable before it is opened: whoever saw a code is in the audit. */
async function reveal(
  desk: Desk,
  serial: string,
  id: string,
  reason: string,
): Promise<RevealAnswer> {
  let revealed: { readonly found: FoundCode; readonly sealed: Uint8Array } | null = null;
  await administer(desk, what, null, async () => {
    const found = await requireCode(desk, serial, id);
    requireLive(found, desk.nowMs);
    const sealed = requireSealed(found.code);
    if (isAllowed(desk, found.code)) {
      revealed = { found, sealed };
      return revealing(desk, found, reason);
    }
    revealed = null;
    return requesting(desk, found, reason);
  });
  const view = await shownCode(desk, id);
  // Written by the function above, which the compiler does not follow.
  const opened = revealed as { readonly found: FoundCode; readonly sealed: Uint8Array } | null;
  if (opened === null) return { outcome: 'approval-needed', view };
  const { owner, code } = opened.found;
  const text = await openCode(desk.context, code, owner.authenticator.serial, opened.sealed);
  return { outcome: 'revealed', code: spokenCode(code, text), view };
}

/** @throws TallystickError `conflict`, reason `not-revealable` */
function requireSealed({ sealed, isRevealable }: EmergencyCode): Uint8Array {
  if (isRevealable && sealed !== null) return sealed;
  const message = 'This code was shown once, when it was issued: issue another.';
  throw new TallystickError('conflict', message, { fields: { reason: 'not-revealable' } });
}

function isAllowed({ standing, caller, nowMs }: Desk, { reveal: asked }: EmergencyCode): boolean {
  if (standing.policy.emergencyRevealApprovals < 2) return true;
  return isOpen(asked, nowMs) && asked.by === actorOf(caller) && asked.approvedBy !== null;
}

function isOpen(asked: RevealRequest | null, nowMs: number): asked is RevealRequest {
  return asked !== null && nowMs - asked.atMs < revealLifetimeMs;
}

/** What was allowed is allowed once. */
function revealing(desk: Desk, { owner, code }: FoundCode, reason: string): Proposal {
  const approved = (code.reveal?.approvedBy ?? null) === null ? null : code.reveal;
  return {
    changes: [changeOf(code, { reveal: null, revealedAtMs: desk.nowMs })],
    audit: doneEntry(desk, 'emergency.reveal', owner.authenticator.serial, {
      code: code.id,
      kind: code.kind,
      reason,
      // Whoever asks again may say something else than what was approved.
      approvedReason: approved?.reason ?? null,
      approvedBy: approved?.approvedBy ?? null,
    }),
  };
}

function requesting(desk: Desk, { owner, code }: FoundCode, reason: string): Proposal {
  const asked = { by: actorOf(desk.caller), reason, atMs: desk.nowMs, approvedBy: null };
  return {
    changes: [changeOf(code, { reveal: asked })],
    audit: doneEntry(desk, 'emergency.reveal-request', owner.authenticator.serial, {
      code: code.id,
      kind: code.kind,
      reason,
    }),
  };
}

function changeOf(
  { id, version }: EmergencyCode,
  set: Partial<Pick<EmergencyCode, 'reveal' | 'revealedAtMs'>>,
): Proposal['changes'][number] {
  return { change: 'update', kind: 'emergencyCode', id, expectedVersion: version, set };
}

async function approve(
  desk: Desk,
  serial: string,
  id: string,
  requestedBy: string | null,
): Promise<EmergencyCodeView> {
  await administer(desk, what, null, async () => {
    const found = await requireCode(desk, serial, id);
    requireLive(found, desk.nowMs);
    const { owner, code } = found;
    const { reveal: asked } = code;
    if (!isOpen(asked, desk.nowMs) || asked.approvedBy !== null) {
      throw new TallystickError('conflict', 'Nobody is waiting for an approval.', {
        fields: { reason: 'not-requested' },
      });
    }
    if (requestedBy !== null && asked.by !== requestedBy) {
      throw new TallystickError('conflict', `Meanwhile ${asked.by} has asked for it.`, {
        fields: { reason: 'requested-by-another' },
      });
    }
    const approvedBy = actorOf(desk.caller);
    if (isSamePerson(asked.by, approvedBy)) {
      throw new TallystickError('forbidden', 'Somebody else has to approve what you asked for.', {
        fields: { reason: 'same-person' },
      });
    }
    return {
      changes: [changeOf(code, { reveal: { ...asked, approvedBy } })],
      audit: doneEntry(desk, 'emergency.reveal-approve', owner.authenticator.serial, {
        code: id,
        kind: code.kind,
        requestedBy: asked.by,
        reason: asked.reason,
      }),
    };
  });
  return shownCode(desk, id);
}
