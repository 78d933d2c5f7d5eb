import { algorithmToJson } from '../../src/oath/index.ts';
import { profileNamed } from '../device/profiles.ts';
import type { DeviceEnv } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import type { DrawnToken } from './draw.ts';
import { applicationsOf } from './fleet.ts';
import type { DriveServer, Owner, Submitted } from './drive-server.ts';
import type { Exchange } from './exchange.ts';
import { type Json, tokenFlaw, userFlaw } from './fresh-token.ts';
import type { Outcome, Rules } from './oracle/index.ts';
import { quoted, serverWord } from './server-words.ts';

export interface RestServerOf {
  readonly exchange: Exchange;
  /** An API key of role `admin`; never part of a message. */
  readonly adminKey: string;
  /** What the policy, the component and the client's key are called. */
  readonly name: string;
  /** Whether programs that show no key are let in as well: those that speak SOAP. */
  readonly isOpenToPrograms: boolean;
  readonly env: Pick<DeviceEnv, 'monotonicMs' | 'sleepMs'>;
}

interface Answer {
  readonly status: number;
  readonly body: Json;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What a status of one request means, for people. */
type Meanings = Readonly<Partial<Record<number, string>>>;

/** Answers that are the server's word on an attempt. */
const verdictStatuses = [200, 202, 403];
/** Members of requests with seeds, responses and challenges. */
const secretMembers = ['value', 'response', 'challenge'];
const returnMaxMs = 60_000;
const betweenTriesMs = 200;
const freshDatabase = 'give the drive a fresh database (tallystick init --test)';

/** A Tallystick server by its REST interface. */
export class RestServer implements DriveServer {
  readonly #of: RestServerOf;
  #clientKey = '';

  constructor(of: RestServerOf) {
    this.#of = of;
  }

  async setTime(nowMs: number): Promise<void> {
    const body = { nowMs };
    const answer = await this.#must('PUT', '/v1/test-clock', body, {
      404: 'the server has no test clock: start it with "tallystick serve --unsafe-test-clock"',
    });
    if (answer['nowMs'] !== nowMs) throw notOurs('PUT /v1/test-clock');
  }

  async prepare(rules: Rules): Promise<void> {
    const { name, isOpenToPrograms } = this.#of;
    // Why something was refused is what we want to know.
    const settings = { ...rules, genericAnswers: false };
    await this.#must('PUT', `/v1/policies/${name}`, { parent: 'Local Authentication', settings });
    const access = isOpenToPrograms ? 'address' : 'api-key';
    const component = { type: name, location: '127.0.0.0/8', access, policy: name };
    await this.#must('POST', '/v1/components', component, {
      409: `this fleet was driven against this server before (component ${name} is already there): ${freshDatabase}, or a copy from before that drive`,
    });
    const key = { name, role: 'client', component: name };
    const { key: clientKey } = await this.#must('POST', '/v1/keys', key);
    if (!isApiKey(clientKey)) throw notOurs('POST /v1/keys');
    this.#clientKey = clientKey;
  }

  async enrol(token: DrawnToken): Promise<Owner> {
    const { serial } = token;
    const isThere = `is already there: ${freshDatabase}, or say --enrolled if its tokens were imported and never used`;
    await this.#must('POST', '/v1/users', { user: serial }, { 409: `user ${serial} ${isThere}` });
    const owner = { user: serial, domain: null };
    await this.#import(token, owner, { 409: `token ${serial}, or one with its key, ${isThere}` });
    return owner;
  }

  async find(token: DrawnToken): Promise<Owner> {
    const { serial } = token;
    const authenticator = await this.#must('GET', pathOf('authenticators', serial), undefined, {
      404: `the server does not know token ${serial}: import the keys of this fleet first, or leave --enrolled out`,
    });
    const { user, domain } = authenticator;
    if (typeof user !== 'string' || typeof domain !== 'string') {
      throw notFresh(`token ${serial} is assigned to nobody`);
    }
    const flaw = tokenFlaw(token, authenticator);
    if (flaw !== null) throw notFresh(`token ${serial} ${flaw}`);
    const owner = { user, domain };
    const ownerFlaw = userFlaw(token, await this.#must('GET', pathOfUser(owner)));
    if (ownerFlaw !== null) throw notFresh(`user ${user} of token ${serial} ${ownerFlaw}`);
    return owner;
  }

  async reseed(token: DrawnToken, owner: Owner): Promise<void> {
    const path = pathOf('authenticators', token.serial);
    await this.#must('POST', `${path}/unassign`);
    await this.#must('DELETE', path);
    await this.#import(token, owner);
  }

  async unlock(owner: Owner): Promise<void> {
    await this.#must('POST', pathOfUser(owner, '/unlock'));
  }

  async returned(): Promise<void> {
    const { exchange, adminKey, env } = this.#of;
    exchange.hangUp();
    const untilMs = env.monotonicMs() + returnMaxMs;
    for (;;) {
      try {
        const { status } = await send(exchange, adminKey, 'GET', '/v1/test-clock');
        if (status === 200 || env.monotonicMs() >= untilMs) return;
      } catch (error) {
        const isAbsent = error instanceof EmulatorError && error.code === 'storage-failed';
        if (!isAbsent || env.monotonicMs() >= untilMs) throw error;
      }
      await env.sleepMs(betweenTriesMs);
    }
  }

  authenticate(owner: Owner, submitted: Submitted): Promise<string> {
    return this.#verdict('/v1/authenticate', { ...namesOf(owner), ...memberOf(submitted) });
  }

  synchronise(owner: Owner, first: Submitted, second: Submitted): Promise<string> {
    const responses = { first: memberOf(first), second: memberOf(second) };
    return this.#verdict('/v1/sync', { ...namesOf(owner), ...responses });
  }

  /** Outcomes and codes are the oracle's own words. */
  wordFor(outcome: Outcome): string {
    return outcome;
  }

  async #import(token: DrawnToken, owner: Owner, meanings: Meanings = {}): Promise<void> {
    await this.#must('POST', '/v1/authenticators', authenticatorOf(token), meanings);
    const path = pathOf('authenticators', token.serial);
    await this.#must('POST', `${path}/assign`, namesOf(owner));
  }

  async #must(method: Method, path: string, body?: Json, meanings: Meanings = {}): Promise<Json> {
    const { exchange, adminKey } = this.#of;
    const answer = await send(exchange, adminKey, method, path, body);
    if (answer.status < 300) return answer.body;
    throw refusalOf({ method, path, secrets: secretsOf(adminKey, body) }, answer, meanings);
  }

  async #verdict(path: string, body: Json): Promise<string> {
    const key = this.#clientKey;
    const answer = await send(this.#of.exchange, key, 'POST', path, body);
    if (!verdictStatuses.includes(answer.status)) {
      throw refusalOf({ method: 'POST', path, secrets: secretsOf(key, body) }, answer);
    }
    const { outcome, code } = answer.body;
    return serverWord(answer.status === 403 ? code : outcome);
  }
}

async function send(
  exchange: Exchange,
  key: string,
  method: Method,
  path: string,
  body?: Json,
): Promise<Answer> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const got = await exchange.ask({
    method,
    path,
    headers: { authorization: `Bearer ${key}`, ...type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: got.status, body: jsonOf(got.body) };
}

/** Nothing, for what is no object: the status says enough. */
function jsonOf(bytes: Buffer): Json {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Json) : {};
  } catch {
    return {};
  }
}

/** What an API key is made of, whoever made it; all of it fits into a header. */
export function isApiKey(value: unknown): value is string {
  return typeof value === 'string' && /^[!-~]{1,256}$/.test(value);
}

/** What must not come back in a message, whatever the server does with it. */
function secretsOf(key: string, body: unknown): readonly string[] {
  if (typeof body !== 'object' || body === null) return [key];
  const members = Object.entries(body).flatMap(([name, value]) =>
    typeof value === 'string'
      ? secretMembers.filter((secret) => secret === name).map(() => value)
      : secretsOf(key, value),
  );
  return [key, ...members];
}

interface Asked {
  readonly method: Method;
  readonly path: string;
  readonly secrets: readonly string[];
}

function refusalOf(
  { method, path, secrets }: Asked,
  { status, body }: Answer,
  meanings: Meanings = {},
): EmulatorError {
  const meaning = meanings[status];
  if (meaning !== undefined) return new EmulatorError('refused', meaning);
  const { code, detail } = body;
  const what = [code, detail].filter((part) => typeof part === 'string').join(', ');
  const why = what === '' ? '' : ` (${quoted(what, secrets)})`;
  return new EmulatorError('refused', `the server answers ${method} ${path} with ${status}${why}`);
}

function notOurs(request: string): EmulatorError {
  return new EmulatorError(
    'refused',
    `what answers ${request} at --server is no Tallystick server: its answer lacks what was asked for`,
  );
}

function notFresh(what: string): EmulatorError {
  const supposed = 'imported, assigned to a user of its own each, and never used';
  return new EmulatorError('refused', `${what}: --enrolled takes tokens that were ${supposed}`);
}

function pathOf(kind: 'authenticators' | 'users', name: string): string {
  return `/v1/${kind}/${encodeURIComponent(name)}`;
}

function pathOfUser({ user, domain }: Owner, more = ''): string {
  const query = domain === null ? '' : `?domain=${encodeURIComponent(domain)}`;
  return `${pathOf('users', user)}${more}${query}`;
}

function namesOf({ user, domain }: Owner): Json {
  return { user, ...(domain === null ? {} : { domain }) };
}

function memberOf({ response, challenge }: Submitted): Json {
  return { response, ...(challenge === null ? {} : { challenge }) };
}

function authenticatorOf(token: DrawnToken): Json {
  return {
    serial: token.serial,
    model: profileNamed(token.profile).model,
    applications: applicationsOf(token).map(({ key, program: { name, mode, algorithm } }) => ({
      name,
      mode,
      algorithm: algorithmToJson(algorithm),
      seed: { source: 'import', encoding: 'hex', value: key },
    })),
  };
}
