import { type Call, type Endpoint, one, page, type Reply } from './endpoint.ts';
import { readWholeNumber } from './input.ts';

/** What the operator looks at: the audit chain and the state of the server. */
export const auditEndpoints: readonly Endpoint[] = [
  { method: 'get', path: '/v1/audit', query: ['instance', 'after', 'limit'], run: listEvents },
  { method: 'get', path: '/v1/status', run: showStatus },
];

async function listEvents({ service, caller, query }: Call): Promise<Reply> {
  const limit = readWholeNumber(query['limit'], {
    name: 'limit',
    least: 1,
    most: 1000,
    byDefault: 100,
  });
  const afterSequence = readWholeNumber(query['after'], {
    name: 'after',
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    byDefault: 0,
  });
  const instance = query['instance'] ?? null;
  const events = await service.administration.auditEvents(caller, instance, afterSequence, limit);
  return page(events, limit, ({ sequence }) => String(sequence));
}

async function showStatus({ service, caller }: Call): Promise<Reply> {
  return one(await service.administration.status(caller));
}
