import { isCurrent, standsStill } from '../../domain/offline-standing.ts';
import type { OfflineAgent, OfflinePackage } from '../../domain/offline.ts';
import { TallystickError } from '../../errors.ts';
import { administer, type Desk, doneEntry } from '../administration/desk.ts';
import type { ProvenBy } from '../accept.ts';
import { plainCodec } from '../answers.ts';
import type { AcceptedAnswer, AuthenticateRequest, IssuedAnswer } from '../api.ts';
import { verifyPerson } from '../authenticate.ts';
import { holdsPresentCodes } from '../emergency/package.ts';
import { newSessionId, sha256Hex } from '../identifiers.ts';
import type {
  AgentProof,
  OfflineLogonAnswer,
  OfflinePurpose,
  OfflineStatus,
} from '../offline-api.ts';
import type { Purpose } from '../verify/progress.ts';
import { agentSubject } from './enrol.ts';
import { requireAgent } from './proof.ts';
import { noteRefusal } from './refusal.ts';
import { type OfflineProspect, packageFor, prospectOf } from './subject.ts';

/** Long enough to fetch what is made meanwhile. */
const handleLifetimeMs = 600_000;

/** With what it was judged by: read afterwards, a PIN might be another than the one that was typed. */
type Proven = AcceptedAnswer & {
  /** Not in an answer that was stored where no package is asked for. */
  readonly provenBy?: ProvenBy | null;
};

const logonAtAgent: Purpose<Proven | IssuedAnswer> = {
  action: 'authenticate',
  codec: plainCodec(),
  finish: (answer, _examined, _nowMs, provenBy) => ({
    kind: 'answer',
    answer: { ...answer, provenBy },
    openSession: null,
  }),
  issued: (answer) => answer,
  demandsPassword: ({ offlineEnabled, offlineRequirePassword }) =>
    offlineEnabled && offlineRequirePassword,
};

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
  const answer = await verifyPerson(desk.context, desk.caller, request, logonAtAgent);
  if (answer.outcome !== 'accepted') return answer;
  const { provenBy = null, ...accepted } = answer;
  return { ...accepted, offline: await statusFor(desk, agent, provenBy, purpose) };
}

async function statusFor(
  desk: Desk,
  agent: OfflineAgent,
  provenBy: ProvenBy | null,
  purpose: OfflinePurpose,
): Promise<OfflineStatus> {
  if (provenBy === null) return { status: 'not-permitted', reason: 'no-device' };
  try {
    return await offer(desk, agent, provenBy, purpose);
  } catch (error) {
    if (!(error instanceof TallystickError)) throw error;
    return { status: 'not-permitted', reason: 'unavailable' };
  }
}

async function offer(
  desk: Desk,
  agent: OfflineAgent,
  target: ProvenBy,
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
  target: ProvenBy,
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
