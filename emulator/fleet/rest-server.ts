import { algorithmToJson } from '../../src/oath/index.ts';
import { parseApplicationText } from '../device/application.ts';
import { profileNamed } from '../device/profiles.ts';
import { EmulatorError } from '../errors.ts';
import type { DrawnToken } from './draw.ts';
import type { DriveServer, Submitted } from './drive.ts';
import type { Rules } from './oracle/index.ts';

const timeoutMs = 30_000;
/** Answers that are the server's word on an attempt. */
const verdictStatuses = [200, 202, 403];

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * A Tallystick server by its REST interface.
 *
 * @param url where it listens
 * @param adminKey an API key of role `admin`; never part of a message
 * @param name what the policy, the component and the client's key are called
 */
export function restServer(url: string, adminKey: string, name: string): DriveServer {
  const base = url.replace(/\/+$/, '');
  let clientKey = '';
  const ask = (key: string, method: Method, path: string, body?: object): Promise<Answer> =>
    send(`${base}${path}`, key, method, body);
  const must = async (method: Method, path: string, body?: object): Promise<Answer['body']> => {
    const answer = await ask(adminKey, method, path, body);
    if (answer.status < 300) return answer.body;
    throw refusalOf(method, path, answer);
  };
  const verdict = async (path: string, body: object): Promise<string> => {
    const answer = await ask(clientKey, 'POST', path, body);
    if (!verdictStatuses.includes(answer.status)) throw refusalOf('POST', path, answer);
    const { outcome, code } = answer.body;
    const word = answer.status === 403 ? code : outcome;
    return typeof word === 'string' ? word : 'nothing';
  };
  const importToken = async (token: DrawnToken): Promise<void> => {
    await must('POST', '/v1/authenticators', authenticatorOf(token));
    await must('POST', `/v1/authenticators/${token.serial}/assign`, { user: token.serial });
  };
  return {
    setTime: async (nowMs) => {
      await must('PUT', '/v1/test-clock', { nowMs });
    },
    prepare: async (rules) => {
      await must('PUT', `/v1/policies/${name}`, {
        parent: 'Local Authentication',
        settings: settingsOf(rules),
      });
      const component = { type: name, location: '127.0.0.0/8', policy: name };
      await must('POST', '/v1/components', component);
      const key = { name, role: 'client', component: name };
      clientKey = String((await must('POST', '/v1/keys', key))['key']);
    },
    enrol: async (token) => {
      await must('POST', '/v1/users', { user: token.serial });
      await importToken(token);
    },
    reseed: async (token) => {
      await must('POST', `/v1/authenticators/${token.serial}/unassign`);
      await must('DELETE', `/v1/authenticators/${token.serial}`);
      await importToken(token);
    },
    unlock: async (serial) => {
      await must('POST', `/v1/users/${serial}/unlock`);
    },
    authenticate: (serial, submitted) =>
      verdict('/v1/authenticate', { user: serial, ...memberOf(submitted) }),
    synchronise: (serial, first, second) =>
      verdict('/v1/sync', { user: serial, first: memberOf(first), second: memberOf(second) }),
  };
}

async function send(url: string, key: string, method: Method, body?: object): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? {} : JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null;
    return { status: response.status, body: isObject ? (parsed as Answer['body']) : {} };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new EmulatorError('storage-failed', `the server does not answer: ${reason}`, error);
  }
}

function refusalOf(method: Method, path: string, { status, body }: Answer): EmulatorError {
  const { code, detail } = body;
  const what = [code, detail].filter((part) => typeof part === 'string').join(', ');
  const hint =
    path === '/v1/test-clock' && status === 404
      ? ': start it with "tallystick serve --unsafe-test-clock"'
      : '';
  return new EmulatorError(
    'refused',
    `the server answers ${method} ${path} with ${status} (${what})${hint}`,
  );
}

/** Why something was refused is what we want to know. */
function settingsOf(rules: Rules): object {
  return { ...rules, genericAnswers: false };
}

function memberOf({ response, challenge }: Submitted): object {
  return { response, ...(challenge === null ? {} : { challenge }) };
}

function authenticatorOf({ serial, profile, application, key }: DrawnToken): object {
  const { name, mode, algorithm } = parseApplicationText(application);
  const seed = { source: 'import', encoding: 'hex', value: key };
  return {
    serial,
    model: profileNamed(profile).model,
    applications: [{ name, mode, algorithm: algorithmToJson(algorithm), seed }],
  };
}
