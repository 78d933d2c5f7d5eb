import { mayAdminister } from '../domain/account.ts';
import type { User } from '../domain/model.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import type { Finished } from './accept.ts';
import type { Admission } from './admission.ts';
import { plainCodec } from './answers.ts';
import type {
  AcceptedAnswer,
  Caller,
  LogonAnswer,
  LogonRequest,
  SessionAnswer,
  Sessions,
  SessionView,
} from './api.ts';
import { auditEntry, doneOutcome } from './audit-entries.ts';
import { verifyPerson } from './authenticate.ts';
import { type Configuration, masterDomainName } from './configuration.ts';
import type { Context } from './deps.ts';
import { newSessionId, sessionIdSha256, sha256Hex } from './identifiers.ts';
import type { Decision, Session } from './store.ts';
import { nothingDecided } from './verdicts.ts';

type SignedIn = Extract<LogonAnswer, { outcome: 'signed-in' }>;

const sessionsMax = 10;
/** A use is noted that long after the last note: a session that is in use costs no write each time. */
const noteIntervalMs = 30_000;

/** A session that is open, and whose it is. */
interface OpenSession {
  readonly session: Session;
  readonly view: SessionView;
  /** The domain that he administers; null for all. */
  readonly domainId: string | null;
}

/** Administrators who sign in. Sessions are in the database: they outlive the process. */
export function createSessions(context: Context, admission: Admission): Sessions {
  return {
    logon: (caller, request) => admission.admit(() => logon(context, caller, request)),
    logoff: (sessionId, peerAddress, requestId) =>
      admission.admit(() => logoff(context, sessionId, peerAddress, requestId)),
    sessionAlive: (sessionId, peerAddress) =>
      admission.admit(async () => (await use(context, sessionId, peerAddress))?.view ?? null),
    sessionCaller: (sessionId, peerAddress, requestId) =>
      admission.admit(async () => {
        const found = await use(context, sessionId, peerAddress);
        return found === null ? null : callerOf(found, requestId);
      }),
  };
}

/**
 * Verifies as `authenticate` does, at the same cost and under the same locks. The session is opened
 * in the decision that uses the response up; somebody who is no administrator has used it up as well.
 *
 * @throws TallystickError as `authenticate`
 */
function logon(context: Context, caller: Caller, request: LogonRequest): Promise<LogonAnswer> {
  const narrowedToNothing = {
    challenge: null,
    challengeKey: null,
    serial: null,
    applicationName: null,
    requestKey: null,
  };
  return verifyPerson<SignedIn>(
    context,
    caller,
    { ...request, ...narrowedToNothing },
    {
      action: 'logon',
      codec: plainCodec<LogonAnswer>(),
      issued: null,
      demandsPassword: () => false,
      finish: (accepted, { user, policy }, nowMs) =>
        openSession(context, caller, accepted, { user, policy, nowMs }),
    },
  );
}

async function openSession(
  context: Context,
  caller: Caller,
  accepted: AcceptedAnswer,
  { user, policy, nowMs }: { user: User; policy: EffectivePolicy; nowMs: number },
): Promise<Finished<SignedIn>> {
  if (user.administratorRole === null) return { kind: 'refused', code: 'administrator-none' };
  const usedSinceMs = nowMs - policy.sessionIdleSeconds * 1000;
  const openCount = await context.store.countSessions(user.id, nowMs, usedSinceMs);
  if (openCount >= sessionsMax) return { kind: 'refused', code: 'sessions-too-many' };
  const sessionId = newSessionId(context.randomBytes);
  const session: Session = {
    idSha256: sha256Hex(sessionId),
    userId: user.id,
    componentType: caller.componentType,
    peerAddress: caller.peerAddress,
    createdAtMs: nowMs,
    lastUsedAtMs: nowMs,
    expiresAtMs: nowMs + policy.sessionLifetimeSeconds * 1000,
  };
  const { userName, domainName } = accepted;
  const { peerAddress, createdAtMs, expiresAtMs } = session;
  const role = user.administratorRole;
  return {
    kind: 'answer',
    answer: {
      outcome: 'signed-in',
      sessionId,
      session: { userName, domainName, role, peerAddress, createdAtMs, expiresAtMs },
      lastLogonAtMs: user.lastSuccessAtMs,
    },
    openSession: session,
  };
}

/** Finds an open session and notes that it was used. */
async function use(
  context: Context,
  sessionId: string,
  peerAddress: string,
): Promise<OpenSession | null> {
  const nowMs = context.clock.nowMs();
  const found = await findOpen(context, sessionId, peerAddress, nowMs);
  if (found === null) return null;
  const { session } = found;
  if (nowMs - session.lastUsedAtMs < noteIntervalMs) return found;
  return (await context.store.touchSession(session.idSha256, nowMs)) ? found : null;
}

async function logoff(
  context: Context,
  sessionId: string,
  peerAddress: string,
  requestId: string,
): Promise<SessionAnswer> {
  const nowMs = context.clock.nowMs();
  const found = await findOpen(context, sessionId, peerAddress, nowMs);
  if (found === null) return null;
  const [result] = await context.store.commit([endingOf(found, requestId, nowMs)]);
  // Somebody else ended it meanwhile.
  return result?.status === 'committed' ? found.view : null;
}

/** The session of that id, if it is open and good from that address. */
async function findOpen(
  context: Context,
  sessionId: string,
  peerAddress: string,
  nowMs: number,
): Promise<OpenSession | null> {
  const idSha256 = sessionIdSha256(sessionId);
  const session = idSha256 === null ? null : await context.store.findSession(idSha256);
  if (session?.peerAddress !== peerAddress) return null;
  // As all administration does: what was saved through another instance must be seen.
  const configuration = await context.configuration.reload();
  // By the access that it was opened with: programs that sign people in show no key.
  const { componentType } = session;
  const policy = configuration.resolve({ keyId: null, componentType, peerAddress })?.policy;
  if (policy === undefined) return null;
  const expiresAtMs = endsAtMs(session, policy);
  const idleMs = nowMs - session.lastUsedAtMs;
  if (nowMs >= expiresAtMs || idleMs > policy.sessionIdleSeconds * 1000) return null;
  const user = await context.store.userById(session.userId);
  if (user === null || !mayAdminister(user, nowMs)) return null;
  const view = viewOf(session, user, user.administratorRole, configuration, expiresAtMs);
  return { session, view, domainId: boundTo(user, configuration) };
}

function viewOf(
  { peerAddress, createdAtMs }: Session,
  { userName, domainId }: User,
  role: SessionView['role'],
  configuration: Configuration,
  expiresAtMs: number,
): SessionView {
  const domainName = configuration.domainById(domainId)?.name ?? '';
  return { userName, domainName, role, peerAddress, createdAtMs, expiresAtMs };
}

function boundTo({ domainId }: User, configuration: Configuration): string | null {
  return configuration.domainByName(masterDomainName)?.id === domainId ? null : domainId;
}

/** A lifetime that was shortened since holds for sessions that are open. */
function endsAtMs(session: Session, policy: EffectivePolicy): number {
  const { createdAtMs, expiresAtMs } = session;
  return Math.min(expiresAtMs, createdAtMs + policy.sessionLifetimeSeconds * 1000);
}

/** What an administrator's requests are made as: he shows no key, and his name is in the audit. */
function callerOf({ session, view, domainId }: OpenSession, requestId: string): Caller {
  const { componentType, peerAddress } = session;
  const { domainName, userName, role } = view;
  const keyName = `${domainName}/${userName}`;
  return { keyId: null, keyName, role, componentType, domainId, peerAddress, requestId };
}

function endingOf(found: OpenSession, requestId: string, nowMs: number): Decision {
  const { idSha256 } = found.session;
  const caller = callerOf(found, requestId);
  const subject = caller.keyName;
  return {
    ...nothingDecided,
    atMs: nowMs,
    endSession: idSha256,
    audit: auditEntry(caller, nowMs, {
      action: 'logoff',
      outcome: doneOutcome,
      subject,
      details: {},
    }),
  };
}
