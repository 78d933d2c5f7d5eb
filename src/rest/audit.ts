import { all, type Call, type Endpoint, one, page, type Reply } from './endpoint.ts';
import { readWholeNumber } from './input.ts';
import { TallystickError } from '../errors.ts';

/** What the operator looks at: the audit chain and the state of the server. */
export const auditEndpoints: readonly Endpoint[] = [
  {
    method: 'get',
    path: '/v1/audit',
    query: ['instance', 'after', 'limit', 'newest'],
    run: listEvents,
  },
  { method: 'get', path: '/v1/status', run: showStatus },
];

async function listEvents({ service, caller, query }: Call): Promise<Reply> {
  const { administration } = service;
  const instance = query['instance'] ?? null;
  if (query['newest'] !== undefined) {
    const newest = readCount('newest', query);
    requireAlone('newest', query, ['after', 'limit']);
    return all(await administration.auditEvents(caller, instance, null, newest));
  }
  const limit = readCount('limit', query);
  const afterSequence = readWholeNumber(query['after'], {
    name: 'after',
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    byDefault: 0,
  });
  const events = await administration.auditEvents(caller, instance, afterSequence, limit);
  return page(events, limit, ({ sequence }) => String(sequence));
}

function readCount(name: string, query: Call['query']): number {
  return readWholeNumber(query[name], { name, least: 1, most: 1000, byDefault: 100 });
}

function requireAlone(name: string, query: Call['query'], others: readonly string[]): void {
  const given = others.filter((other) => query[other] !== undefined);
  if (given.length === 0) return;
  const fields = Object.fromEntries(given.map((other) => [other, `has no meaning beside ${name}`]));
  throw new TallystickError('request-invalid', 'The query is invalid.', { fields });
}

async function showStatus({ service, caller }: Call): Promise<Reply> {
  return one(await service.administration.status(caller));
}
