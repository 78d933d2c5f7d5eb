import { z } from 'zod';
import { type Call, type Endpoint, one, type Reply } from './endpoint.ts';
import { acceptedJson, authenticateMembers, authenticateRequest } from './logon.ts';
import { parseBy } from './input.ts';
import type { SynchroniseAnswer } from '../service/api.ts';

const optionalText = z.string().optional();

const hostCodeWish = z.enum(['none', 'optional', 'required']).optional();

const authenticateBody = z.strictObject({ ...authenticateMembers, hostCode: hostCodeWish });

const challengeBody = z.strictObject({
  user: optionalText,
  domain: optionalText,
  serial: optionalText,
  application: optionalText,
});

const passwordBody = z.strictObject({
  user: z.string(),
  domain: optionalText,
  password: z.string(),
  newPassword: z.string(),
  newPasswordConfirmation: z.string(),
  /** Whose password: that which this server keeps, unless told. */
  of: z.enum(['server', 'back-end']).optional(),
});

const responseOfPair = z.strictObject({ response: z.string(), challenge: optionalText });

const signatureBody = z.strictObject({
  user: z.string(),
  domain: optionalText,
  signature: z.string(),
  fields: z.array(z.string()).min(1).max(8),
  serial: optionalText,
  application: optionalText,
  hostCode: hostCodeWish,
});

const syncBody = z.strictObject({
  user: z.string(),
  domain: optionalText,
  serial: optionalText,
  pin: optionalText,
  first: responseOfPair,
  second: responseOfPair,
});

/** What an authenticator's user does: show a response, ask for a challenge, synchronise, sign. */
export const authenticationEndpoints: readonly Endpoint[] = [
  {
    method: 'post',
    path: '/v1/authenticate',
    body: 'required',
    takesRequestKey: true,
    run: authenticate,
  },
  {
    method: 'post',
    path: '/v1/challenges',
    body: 'required',
    takesRequestKey: true,
    run: issueChallenge,
  },
  { method: 'post', path: '/v1/sync', body: 'required', takesRequestKey: true, run: synchronise },
  {
    method: 'post',
    path: '/v1/signatures',
    body: 'required',
    takesRequestKey: true,
    run: verifySignature,
  },
  { method: 'post', path: '/v1/password', body: 'required', run: changePassword },
];

async function authenticate({ service, caller, body, requestKey }: Call): Promise<Reply> {
  const given = parseBy(authenticateBody, body);
  const { hostCode } = given;
  const request = { ...authenticateRequest(given, requestKey), hostCode };
  const answer = await service.authenticate(caller, request);
  if (answer.outcome === 'refused') return { status: 403, code: answer.code };
  if (answer.outcome === 'challenge-issued') {
    return { status: 202, outcome: answer.outcome, body: answer };
  }
  return { status: 200, outcome: answer.outcome, body: acceptedJson(answer) };
}

async function changePassword({ service, caller, body }: Call): Promise<Reply> {
  const given = parseBy(passwordBody, body);
  const { user, domain, password, newPassword, newPasswordConfirmation } = given;
  const request = {
    userName: user,
    domainName: domain ?? null,
    password,
    newPassword,
    confirmation: newPasswordConfirmation,
  };
  const answer = await (given.of === 'back-end'
    ? service.changeBackEndPassword(caller, request)
    : service.changePassword(caller, request));
  if (answer.outcome === 'refused') {
    return { status: 403, code: answer.code, rule: answer.rule };
  }
  const { outcome, userName, domainName, organisationalUnit } = answer;
  const shown = { outcome, user: userName, domain: domainName, organisationalUnit };
  return { status: 200, outcome, body: shown };
}

async function issueChallenge({ service, caller, body, requestKey }: Call): Promise<Reply> {
  const { user, domain, serial, application } = parseBy(challengeBody, body);
  const answer = await service.issueChallenge(caller, {
    userName: user ?? null,
    domainName: domain ?? null,
    serial: serial ?? null,
    applicationName: application ?? null,
    requestKey,
  });
  if (answer.outcome === 'refused') return { status: 403, code: answer.code };
  const { outcome, challenge, challengeKey, expiresAtMs } = answer;
  return { status: 202, outcome, body: { outcome, challenge, challengeKey, expiresAtMs } };
}

async function synchronise({ service, caller, body, requestKey }: Call): Promise<Reply> {
  const { user, domain, serial, pin, first, second } = parseBy(syncBody, body);
  const answer = await service.synchronise(caller, {
    userName: user,
    domainName: domain ?? null,
    serial: serial ?? null,
    pin: pin ?? null,
    first: { response: first.response, challenge: first.challenge ?? null },
    second: { response: second.response, challenge: second.challenge ?? null },
    requestKey,
  });
  if (answer.outcome === 'refused') return { status: 403, code: answer.code };
  return { ...one(synchronisedBody(answer)), outcome: answer.outcome } as Reply;
}

async function verifySignature({ service, caller, body, requestKey }: Call): Promise<Reply> {
  const given = parseBy(signatureBody, body);
  const { user, domain, signature, fields, serial, application, hostCode } = given;
  const answer = await service.verifySignature(caller, {
    userName: user,
    domainName: domain ?? null,
    signature,
    fields,
    serial: serial ?? null,
    applicationName: application ?? null,
    requestKey,
    hostCode,
  });
  if (answer.outcome === 'refused') return { status: 403, code: answer.code };
  const { outcome, userName, domainName, organisationalUnit } = answer;
  const shown = {
    outcome,
    user: userName,
    domain: domainName,
    organisationalUnit,
    serial: answer.serial,
    application: answer.applicationName,
    ...(answer.hostCode === undefined ? {} : { hostCode: answer.hostCode }),
  };
  return { status: 200, outcome, body: shown };
}

function synchronisedBody(answer: Extract<SynchroniseAnswer, { outcome: 'synchronised' }>): object {
  const { learned } = answer;
  return {
    outcome: answer.outcome,
    user: answer.userName,
    domain: answer.domainName,
    organisationalUnit: answer.organisationalUnit,
    serial: answer.serial,
    application: answer.applicationName,
    ...(learned === null
      ? {}
      : {
          learned: {
            driftSeconds: learned.driftSeconds,
            nextEventCounter: learned.nextEventCounter?.toString() ?? null,
            followers: learned.followers,
          },
        }),
  };
}
