import { z } from 'zod';
import { proofMessage } from '../offline/proof.ts';
import type { SignedDocument } from '../offline/report.ts';
import { AgentError } from './agent-error.ts';
import type { Exchange } from './http.ts';
import type { Identity } from './identity.ts';

/** The server's side of offline logons, as one agent sees it. All reject with an AgentError. */
export interface AgentApi {
  enrol(about: Enrolment): Promise<Enrolled>;
  logon(attempt: object): Promise<LogonAnswer>;
  fetchPackage(handle: string): Promise<Buffer>;
  report(bytes: Buffer): Promise<SignedDocument>;
  /** Sealed for this agent. */
  share(): Promise<Buffer>;
}

export interface Enrolment {
  readonly name: string;
  readonly keyMode: 'hw' | 'ram' | 'sw';
  readonly countsFailures: boolean;
}

export interface Enrolled {
  readonly agentId: string;
  readonly signingKey: Buffer;
  readonly sealedLogKey: Buffer;
  readonly serverTimeMs: number;
}

export type LogonAnswer =
  | {
      readonly kind: 'accepted';
      /** Who was verified, by whichever name. */
      readonly user: string;
      readonly domain: string;
      readonly pinChanged: boolean;
      readonly offline: OfflineOffer | null;
    }
  | {
      readonly kind: 'challenge';
      readonly message: string | null;
      readonly challenge: string | null;
      readonly challengeKey: string;
    };

/** What an accepted logon has for working offline. */
export type OfflineOffer =
  | { readonly status: 'available'; readonly handle: string }
  | { readonly status: 'current' | 'no-data' }
  | { readonly status: 'not-permitted'; readonly reason?: string | undefined };

const bytes = z.base64().transform((text) => Buffer.from(text, 'base64'));
const offerShape: z.ZodType<OfflineOffer> = z.discriminatedUnion('status', [
  z.object({ status: z.literal('available'), handle: z.string() }),
  z.object({ status: z.literal('current') }),
  z.object({ status: z.literal('not-permitted'), reason: z.string().optional() }),
  z.object({ status: z.literal('no-data') }),
]);
const acceptedShape = z.object({
  outcome: z.literal('accepted'),
  user: z.string(),
  domain: z.string(),
  pinChanged: z.boolean().default(false),
  offline: offerShape.nullable().default(null),
});
const challengeShape = z.object({
  challenge: z.string().nullable(),
  challengeKey: z.string(),
  message: z.string().nullish(),
});
const nonceShape = z.object({ nonce: z.string() });
const enrolledShape = z.object({
  agentId: z.uuid(),
  signingKey: bytes,
  sealedLogKey: bytes,
  serverTimeMs: z.int(),
});
const signedShape = z.object({ payload: z.base64url(), signature: z.base64url() });
const shareShape = z.object({ share: bytes });
const problemShape = z.object({
  code: z.string().optional(),
  reason: z.string().optional(),
  detail: z.string().optional(),
  problems: z.array(z.object({ member: z.string(), message: z.string() })).optional(),
});

export interface ApiOptions {
  readonly exchange: Exchange;
  readonly apiKey: string;
  readonly identity: Identity;
  /** '' until the agent is enrolled. */
  readonly agentId: string;
}

export function createApi(options: ApiOptions): AgentApi {
  const send = (path: string, body: Buffer): Promise<Answer> => proven(options, path, body);
  const post = (path: string, body: object): Promise<Answer> =>
    send(path, Buffer.from(JSON.stringify(body)));
  return {
    enrol: async (about) => {
      const publicKey = options.identity.spki.toString('base64');
      return parsed(enrolledShape, await post('/v1/offline/agents', { ...about, publicKey }));
    },
    logon: async (attempt) => {
      const answer = await post('/v1/offline/logon', attempt);
      if (answer.status !== 202) return { kind: 'accepted', ...parsed(acceptedShape, answer) };
      const { challenge, challengeKey, message } = parsed(challengeShape, answer);
      return {
        kind: 'challenge',
        message: message ?? null,
        challenge: challenge ?? null,
        challengeKey,
      };
    },
    fetchPackage: async (handle) => (await post('/v1/offline/packages', { handle })).body,
    report: async (document) => {
      const signed = parsed(signedShape, await send('/v1/offline/reports', document));
      return {
        payload: Buffer.from(signed.payload, 'base64url'),
        signature: Buffer.from(signed.signature, 'base64url'),
      };
    },
    share: async () => parsed(shareShape, await post('/v1/offline/shares', {})).share,
  };
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** A nonce that went stale between the two requests is worth another one, once. */
async function proven(options: ApiOptions, path: string, body: Buffer): Promise<Answer> {
  const first = await provenOnce(options, path, body);
  const isStale = first.status === 401 && reasonOf(first) === 'agent-nonce';
  const answer = isStale ? await provenOnce(options, path, body) : first;
  if (answer.status < 200 || answer.status > 299) throw refusal(answer, options.apiKey);
  return answer;
}

async function provenOnce(
  { exchange, apiKey, identity, agentId }: ApiOptions,
  path: string,
  body: Buffer,
): Promise<Answer> {
  const method = 'POST';
  const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' };
  const asked = await exchange({
    method,
    path: '/v1/offline/nonces',
    headers,
    body: Buffer.from('{}'),
  });
  if (asked.status !== 201) return asked;
  const { nonce } = parsed(nonceShape, asked);
  const proof = await identity.sign(proofMessage({ agentId, method, path, nonce, body }));
  const proofHeaders = {
    ...headers,
    ...(agentId === '' ? {} : { 'Tallystick-Agent': agentId }),
    'Tallystick-Nonce': nonce,
    'Tallystick-Proof': proof.toString('base64url'),
  };
  return exchange({ method, path, headers: proofHeaders, body });
}

function reasonOf(answer: Answer): string {
  const problem = problemOf(answer);
  return problem.reason ?? problem.code ?? '';
}

function problemOf({ body }: Answer): z.infer<typeof problemShape> {
  try {
    return problemShape.parse(JSON.parse(body.toString('utf8')));
  } catch {
    return {};
  }
}

const saidCharactersMax = 500;

/** A server that nobody has pinned yet may say anything: one line of it is printed, and never the API key. */
function plain(said: string, apiKey: string): string {
  const line = said.replaceAll(apiKey, '***').replaceAll(/[\p{C}\p{Z}]+/gu, ' ');
  return line.slice(0, saidCharactersMax);
}

/** The one switch over what is no success. */
function refusal(answer: Answer, apiKey: string): AgentError {
  const { code = '', detail = '', problems = [] } = problemOf(answer);
  const reason = reasonOf(answer);
  // They name what was sent and say what is allowed, and quote nothing of it.
  const wrong = problems.map(({ member, message }) => ` ${member} ${message}.`).join('');
  const words = `${code} ${reason === code ? '' : reason}: ${detail}`;
  const text = `status ${answer.status} ${plain(words, apiKey)}`;
  if (answer.status === 403 && reason === 'agent-revoked') return new AgentError('revoked', text);
  if (answer.status >= 500) return new AgentError('server-failed', text);
  const shown = plain(`${detail}${wrong}`, apiKey);
  return new AgentError('refused', text, { reason, ...(shown === '' ? {} : { shown }) });
}

function parsed<Value>(shape: z.ZodType<Value>, { body }: Answer): Value {
  try {
    return shape.parse(JSON.parse(body.toString('utf8')));
  } catch (error) {
    throw new AgentError('server-failed', 'the server does not answer as Tallystick does', {
      cause: error,
    });
  }
}
