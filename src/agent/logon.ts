import { type AgentCode, AgentError } from './agent-error.ts';
import type { AgentApi, LogonAnswer, OfflineOffer } from './api.ts';
import { install } from './install.ts';
import { packagesOf, type Standing, standingOf, type UserName } from './packages.ts';
import { releaseReserved, removeUser } from './remove.ts';
import { report, revocable } from './reporting.ts';
import type { Agent } from './agent.ts';
import { withSession } from './session.ts';
import { useUp, verify } from './verify.ts';

/** Something a person has to type. */
export interface Question {
  readonly kind: 'credential' | 'response';
  /** The server's words, to be shown first. */
  readonly message: string | null;
  readonly challenge: string | null;
}

/** @throws AgentError unanswered when there is nobody to answer */
export type Ask = (question: Question) => Promise<string>;

export type Note =
  'updated' | 'still-current' | 'not-permitted' | 'no-password' | 'not-updated' | 'pin-changed';

/** How a logon or an update ended. */
export interface Outcome {
  readonly code: AgentCode;
  readonly by: 'online' | 'offline' | 'emergency' | null;
  /** For the log. */
  readonly detail: string;
  /** For the user, in place of the code's text. */
  readonly shown: string | null;
  readonly standing: Standing | null;
  readonly note: Note | null;
  /** Of the note `not-permitted`: the server's reason, as docs/rest.md lists them. */
  readonly reason: string | null;
}

export interface LogonRequest extends UserName {
  readonly purpose: 'logon' | 'update';
}

/** Challenges of one logon, before it is given up. */
const challengesMax = 3;

/**
 * Online where there is a server. Only where there is none, offline: a refusal, a certificate that is not
 * trusted, a server that fails are answers.
 */
export async function logon(
  agent: Agent,
  api: AgentApi,
  request: LogonRequest,
  ask: Ask,
): Promise<Outcome> {
  try {
    if (request.purpose === 'update') await requireData(agent, request);
    const typed = await ask({ kind: 'credential', message: null, challenge: null });
    try {
      await report(agent, api);
      // Only now that the server is there: whoever is alone needs them.
      if ((await releaseReserved(agent, request)) > 0) await report(agent, api);
      return await online(agent, api, request, typed, ask);
    } catch (error) {
      const isAbsent = error instanceof AgentError && error.code === 'unreachable';
      if (!isAbsent || request.purpose === 'update') throw error;
      agent.log('unreachable', error.message);
    }
    return await offline(agent, request, typed, ask);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const { code, message, shown } = error;
    return { ...unaccepted, code, detail: message, shown };
  }
}

/** Only what is there can be renewed: the first package takes a logon. */
async function requireData(agent: Agent, name: UserName): Promise<void> {
  await withSession(agent, (session) => {
    if (packagesOf(session.state(), name).length > 0) return Promise.resolve();
    throw new AgentError('no-data', 'no package of this user');
  });
}

async function online(
  agent: Agent,
  api: AgentApi,
  request: LogonRequest,
  first: string,
  ask: Ask,
): Promise<Outcome> {
  const { user, domain, purpose } = request;
  const about = { user, ...(domain === null ? {} : { domain }), purpose };
  const send = (attempt: object): Promise<LogonAnswer> =>
    revocable(agent, () => api.logon({ ...about, ...attempt }));
  let typed = first;
  let answer = await send({ password: typed });
  for (let asked = 0; answer.kind === 'challenge'; asked += 1) {
    if (asked === challengesMax) throw new AgentError('refused', 'one challenge after another');
    const { message, challenge, challengeKey } = answer;
    typed = await ask({ kind: 'response', message, challenge });
    answer = await send({ password: typed, challengeKey });
  }
  const { note, code, detail, reason } = await renew(agent, api, answer, { ...request, typed });
  const names = namesOf(answer, request);
  if (note !== 'updated') await withSession(agent, (session) => useUp(session, names, typed));
  const standing = await withSession(agent, ({ state, nowMs }) => {
    const newest = packagesOf(state(), ...names).at(-1);
    return Promise.resolve(newest === undefined ? null : standingOf(state(), newest, nowMs));
  });
  // An update that brought nothing is none; a logon is a logon.
  const isFailure = purpose === 'update' && code !== 'accepted';
  return {
    code: isFailure ? code : 'accepted',
    by: 'online',
    detail,
    shown: null,
    standing,
    note,
    reason,
  };
}

type Accepted = Extract<LogonAnswer, { kind: 'accepted' }>;

/** What is here may have come under another name than the one that was typed now. */
function namesOf({ user, domain }: Accepted, typed: UserName): readonly UserName[] {
  return [{ user, domain }, typed];
}

const unaccepted = { by: null, shown: null, standing: null, note: null, reason: null } as const;

interface Renewal {
  readonly note: Note;
  readonly code: AgentCode;
  readonly detail: string;
  readonly reason: string | null;
}

async function renew(
  agent: Agent,
  api: AgentApi,
  answer: Accepted,
  { typed, ...name }: UserName & { readonly typed: string },
): Promise<Renewal> {
  const { offline: offer, pinChanged } = answer;
  if (pinChanged) {
    await dropOldPin(agent, api, namesOf(answer, name));
    const detail = 'what was typed ends with a new PIN: the next logon renews the offline data';
    return { note: 'pin-changed', code: 'accepted', detail, reason: null };
  }
  if (offer?.status !== 'available') return withoutPackage(offer);
  try {
    const bytes = await revocable(agent, () => api.fetchPackage(offer.handle));
    const header = await withSession(agent, (session) => install(session, bytes, typed, name));
    const detail = `package ${header.packageId}, sequence ${header.sequence}`;
    return { note: 'updated', code: 'accepted', detail, reason: null };
  } catch (error) {
    if (!(error instanceof AgentError) || error.code === 'revoked') throw error;
    return { note: 'not-updated', code: error.code, detail: error.message, reason: null };
  }
}

/**
 * What was made under the old PIN stands no more at the server, whose answer to a report has it destroyed.
 * Where that fails, everything of the user goes: the old PIN opens nothing once the network is unplugged.
 */
async function dropOldPin(agent: Agent, api: AgentApi, names: readonly UserName[]): Promise<void> {
  try {
    await report(agent, api);
  } catch (error) {
    if (!(error instanceof AgentError) || error.code === 'revoked') throw error;
    agent.log(error.code, error.message);
    await removeUser(agent, ...names);
  }
}

function withoutPackage(offer: Exclude<OfflineOffer, { status: 'available' }> | null): Renewal {
  switch (offer?.status) {
    case 'current':
      return { note: 'still-current', code: 'accepted', detail: 'still current', reason: null };
    case 'no-data':
      return {
        note: 'not-updated',
        code: 'no-data',
        detail: 'the server knows of no package',
        reason: null,
      };
    case 'not-permitted':
    case undefined: {
      const reason = offer?.reason ?? null;
      const note = reason === 'password-none' ? 'no-password' : 'not-permitted';
      const detail = `not permitted: ${reason ?? 'no reason given'}`;
      return { note, code: 'refused', detail, reason };
    }
  }
}

async function offline(agent: Agent, name: UserName, first: string, ask: Ask): Promise<Outcome> {
  let typed: { text: string; challenge: string | null } = { text: first, challenge: null };
  for (;;) {
    const verdict = await withSession(agent, (session) => verify(session, name, typed));
    switch (verdict.kind) {
      case 'wait':
        agent.log('wait', `${verdict.durationMs} ms after a wrong try`);
        await agent.env.sleepMs(verdict.durationMs);
        break;
      case 'challenge': {
        const { challenge } = verdict;
        typed = { text: await ask({ kind: 'response', message: null, challenge }), challenge };
        break;
      }
      case 'accepted':
        return {
          code: 'accepted',
          by: verdict.by,
          detail: `offline-${verdict.by}`,
          shown: null,
          standing: verdict.standing,
          note: null,
          reason: null,
        };
      case 'refused': {
        const { code, detail } = verdict;
        return { ...unaccepted, code, detail };
      }
    }
  }
}
