import { z } from 'zod';
import { TallystickError } from '../errors.ts';
import { decodeBase64 } from './encoding.ts';
import { type Call, created, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy } from './input.ts';
import { acceptedJson, authenticateMembers, authenticateRequest } from './logon.ts';

const agentBody = z.strictObject({
  name: z.string(),
  publicKey: z.string(),
  keyMode: z.enum(['hw', 'ram', 'sw']),
  countsFailures: z.boolean(),
});
const logonBody = z.strictObject({
  ...authenticateMembers,
  purpose: z.enum(['logon', 'update']),
});
const packageBody = z.strictObject({ handle: z.string() });
const nothing = z.strictObject({});

const proven = { method: 'post', isProven: true } as const;

/** What workstations ask that verify their users while no server can be reached. */
export const offlineEndpoints: readonly Endpoint[] = [
  { method: 'post', path: '/v1/offline/nonces', body: 'optional', run: nonce },
  { ...proven, path: '/v1/offline/agents', body: 'required', run: enrol },
  { ...proven, path: '/v1/offline/logon', body: 'required', run: logon },
  { ...proven, path: '/v1/offline/packages', body: 'required', run: fetchPackage },
  { ...proven, path: '/v1/offline/reports', body: 'bytes', run: report },
  { ...proven, path: '/v1/offline/shares', body: 'optional', run: share },
];

async function nonce({ service, caller, body }: Call): Promise<Reply> {
  if (body !== undefined) parseBy(nothing, body);
  return created(await service.offline.nonce(caller));
}

async function enrol({ service, caller, proof, body }: Call): Promise<Reply> {
  const { publicKey, ...given } = parseBy(agentBody, body);
  const key = decodeBase64(publicKey);
  if (key === undefined) {
    throw new TallystickError('request-invalid', 'The request is invalid: publicKey.', {
      fields: { publicKey: 'must be a P-256 key, its SubjectPublicKeyInfo in base64' },
    });
  }
  const agent = await service.offline.enrol(caller, proof, { ...given, publicKey: key });
  const { agentId, signingKey, sealedLogKey, serverTimeMs } = agent;
  return created({
    agentId,
    signingKey: base64(signingKey),
    sealedLogKey: base64(sealedLogKey),
    serverTimeMs,
  });
}

async function logon({ service, caller, proof, body }: Call): Promise<Reply> {
  const { purpose, ...given } = parseBy(logonBody, body);
  const request = authenticateRequest(given, null);
  const answer = await service.offline.logon(caller, proof, request, purpose);
  const { outcome } = answer;
  if (outcome === 'refused') return { status: 403, code: answer.code };
  if (outcome === 'challenge-issued') return { status: 202, outcome, body: answer };
  return { status: 200, outcome, body: { ...acceptedJson(answer), offline: answer.offline } };
}

async function fetchPackage({ service, caller, proof, body }: Call): Promise<Reply> {
  const { handle } = parseBy(packageBody, body);
  const bytes = await service.offline.fetchPackage(caller, proof, handle);
  return { status: 200, outcome: 'done', bytes };
}

async function report({ service, caller, proof }: Call): Promise<Reply> {
  const { payload, signature } = await service.offline.report(caller, proof);
  return one({ payload: base64Url(payload), signature: base64Url(signature) });
}

async function share({ service, caller, proof, body }: Call): Promise<Reply> {
  if (body !== undefined) parseBy(nothing, body);
  return one({ share: base64(await service.offline.share(caller, proof)) });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
