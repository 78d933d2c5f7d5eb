import { z } from 'zod';
import { all, type Call, done, type Endpoint, one, page, type Reply } from './endpoint.ts';
import { parseBy, readPage, readWholeNumber } from './input.ts';
import type { OfflinePackageView } from '../service/api.ts';

const agents = '/v1/offline/agents';
const oneAgent = `${agents}/:id`;
const reasonBody = z.strictObject({ reason: z.string() });
const ofUser = '/v1/users/:user/offline';

/** Workstations that verify users without a server, and what they were given. */
export const offlineAdministrationEndpoints: readonly Endpoint[] = [
  { method: 'get', path: agents, query: ['after', 'limit'], run: listAgents },
  { method: 'get', path: oneAgent, run: showAgent },
  { method: 'delete', path: oneAgent, query: ['reason'], run: revokeAgent },
  { method: 'post', path: `${oneAgent}/accept-gap`, body: 'required', run: acceptGap },
  { method: 'get', path: ofUser, query: ['domain'], run: showUser },
  { method: 'delete', path: ofUser, query: ['domain', 'agentId', 'serial'], run: revokeUser },
  {
    method: 'get',
    path: '/v1/offline/packages',
    query: ['endingWithinDays'],
    run: listEnding,
  },
  { method: 'get', path: '/v1/offline/silent', run: listSilent },
  { method: 'get', path: '/v1/offline/signing-key', run: signingKey },
];

async function listAgents({ service, caller, query }: Call): Promise<Reply> {
  const asked = readPage(query);
  const views = await service.administration.offlineAgents(caller, asked);
  return page(views, asked.limit, ({ agentId }) => agentId);
}

async function showAgent({ service, caller, path: { id } }: Call): Promise<Reply> {
  const { agent, packages } = await service.administration.offlineAgent(caller, id ?? '');
  return one({ ...agent, packages: packages.map(packageJson) });
}

async function revokeAgent({ service, caller, path: { id }, query }: Call): Promise<Reply> {
  const reason = query['reason'] ?? null;
  await service.administration.revokeOfflineAgent(caller, id ?? '', reason);
  return done;
}

async function acceptGap({ service, caller, path: { id }, body }: Call): Promise<Reply> {
  const { reason } = parseBy(reasonBody, body);
  return one(await service.administration.acceptOfflineGap(caller, id ?? '', reason));
}

async function showUser({ service, caller, path: { user }, query }: Call): Promise<Reply> {
  const { administration } = service;
  const domain = query['domain'] ?? null;
  const views = await administration.offlineOfUser(caller, domain, user ?? '', null);
  return all(views.map(packageJson));
}

async function revokeUser({ service, caller, path: { user }, query }: Call): Promise<Reply> {
  const { domain = null, agentId = null, serial = null } = query;
  const revoked = await service.administration.revokeOfflineOfUser(caller, domain, user ?? '', {
    agentId,
    serial,
  });
  return one({ revoked });
}

async function listEnding({ service, caller, query }: Call): Promise<Reply> {
  const range = { name: 'endingWithinDays', least: 0, most: 99, byDefault: 2 };
  const withinDays = readWholeNumber(query['endingWithinDays'], range);
  const views = await service.administration.offlinePackagesEnding(caller, withinDays);
  return all(views.map(packageJson));
}

async function listSilent({ service, caller }: Call): Promise<Reply> {
  const views = await service.administration.offlinePackagesSilent(caller);
  return all(views.map(packageJson));
}

async function signingKey({ service, caller }: Call): Promise<Reply> {
  const key = await service.administration.offlineSigningKey(caller);
  const text = Buffer.from(key.signingKey).toString('base64');
  return one({ signingKey: text, fingerprint: key.fingerprint });
}

function packageJson(view: OfflinePackageView): object {
  const { userName, domainName, applicationName, first, ...rest } = view;
  return {
    ...rest,
    user: userName,
    domain: domainName,
    application: applicationName,
    first: first.toString(),
  };
}
