import { isCurrent, standsStill } from '../../domain/offline-plan.ts';
import type { OfflineAgent, OfflinePackage } from '../../domain/offline.ts';
import { nameKey } from '../../domain/names.ts';
import { TallystickError } from '../../errors.ts';
import { administer, type Desk, doneEntry } from '../administration/desk.ts';
import type { AcceptedAnswer, AuthenticateRequest } from '../api.ts';
import { authenticate } from '../authenticate.ts';
import { holdsPresentCodes } from '../emergency/package.ts';
import { newSessionId, sha256Hex } from '../identifiers.ts';
import type {
  AgentProof,
  OfflineLogonAnswer,
  OfflinePurpose,
  OfflineStatus,
} from '../offline-api.ts';
import { agentSubject } from './enrol.ts';
import { requireAgent } from './proof.ts';
import { noteRefusal } from './refusal.ts';
import { type OfflineProspect, type OfflineTarget, packageFor, prospectOf } from './subject.ts';

/** Long enough to fetch what is made meanwhile. */
const handleLifetimeMs = 600_000;

/**
 * Verifies as `authenticate`, and then says by what a package is fetched. Nothing that goes wrong there
 * takes back that the person was verified: his response is used up.
 *
 * @throws TallystickError as `authenticate`, and see `Offline`
 */
export async function offlineLogon(
  desk: Desk,
  proof: AgentProof,
  request: AuthenticateRequest,
  purpose: OfflinePurpose,
): Promise<OfflineLogonAnswer> {
  const agent = await requireAgent(desk, proof);
  const answer = await authenticate(desk.context, desk.caller, request);
  if (answer.outcome !== 'accepted') return answer;
  return { ...answer, offline: await statusFor(desk, agent, answer, purpose) };
}

async function statusFor(
  desk: Desk,
  agent: OfflineAgent,
  accepted: AcceptedAnswer,
  purpose: OfflinePurpose,
): Promise<OfflineStatus> {
  try {
    const target = await targetOf(desk, accepted);
    if (target === null) return { status: 'not-permitted', reason: 'no-device' };
    return await offer(desk, agent, target, purpose);
  } catch (error) {
    if (!(error instanceof TallystickError)) throw error;
    return { status: 'not-permitted', reason: 'unavailable' };
  }
}

/** The application whose response was right; null when it was no device's. */
async function targetOf(
  { context }: Desk,
  { by, serial, applicationName }: AcceptedAnswer,
): Promise<OfflineTarget | null> {
  if (by !== 'response' || serial === null || applicationName === null) return null;
  const found = await context.store.authenticatorBySerial(serial);
  const application = found?.applications.find(
    ({ name }) => nameKey(name) === nameKey(applicationName),
  );
  const userId = found?.authenticator.userId ?? null;
  if (found === null || application === undefined || userId === null) return null;
  return { userId, authenticatorId: found.authenticator.id, applicationId: application.id };
}

async function offer(
  desk: Desk,
  agent: OfflineAgent,
  target: OfflineTarget,
  purpose: OfflinePurpose,
): Promise<OfflineStatus> {
  const { nowMs, standing } = desk;
  const prospect = await prospectOf(desk, agent, target);
  const { planning, circumstances, packages } = prospect;
  const held = packages.filter(
    (each) => each.agentId === agent.id && standsStill(each, circumstances, nowMs),
  );
  if (purpose === 'update' && held.length === 0) return { status: 'no-data' };
  const current = held.find(
    (each) =>
      each.applicationId === target.applicationId && isCurrent(each, nowMs, standing.policy),
  );
  // Before the limits: what is there may be there whatever another one would meet.
  if (current !== undefined) {
    const isNewest = planning.kind === 'refused' || (await hasNewestCodes(desk, prospect, current));
    if (isNewest) return { status: 'current' };
  }
  if (planning.kind === 'refused') {
    const { reason } = planning;
    // Policies and devices that allow none are no news; a limit that is reached is.
    if (reason.startsWith('too-many-')) await noteRefusal(desk, agent, reason);
    return { status: 'not-permitted', reason };
  }
  return { status: 'available', ...(await issueHandle(desk, agent, target)) };
}

/** A code that was read out, used or reset has another in its place as soon as may be. */
async function hasNewestCodes(
  desk: Desk,
  { subject, circumstances: { owner } }: OfflineProspect,
  { emergencyCodeIds }: OfflinePackage,
): Promise<boolean> {
  if (subject === null || owner === null) return true;
  return holdsPresentCodes(desk.context, packageFor(desk, subject, owner), emergencyCodeIds);
}

/** Only its digest is kept: whoever has it may fetch. */
async function issueHandle(
  desk: Desk,
  agent: OfflineAgent,
  target: OfflineTarget,
): Promise<{ readonly handle: string; readonly expiresAtMs: number }> {
  const { nowMs, context } = desk;
  const handle = newSessionId(context.randomBytes);
  const expiresAtMs = nowMs + handleLifetimeMs;
  const id = sha256Hex(handle);
  const record = { id, agentId: agent.id, ...target, expiresAtMs, version: 1 };
  await administer(desk, 'The handle', null, () => ({
    changes: [{ change: 'insert', kind: 'retrievalHandle', record }],
    audit: doneEntry(desk, 'offline.handle.issue', agentSubject(agent), {
      userId: target.userId,
      authenticatorId: target.authenticatorId,
    }),
  }));
  return { handle, expiresAtMs };
}
