import { z } from 'zod';
import { type Call, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy, readPage, readWholeNumber } from './input.ts';
import { authenticatorJson } from './views.ts';

const changeBody = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('set'),
    driftSeconds: z.number(),
    application: z.string().optional(),
  }),
  z.strictObject({
    action: z.enum(['zero', 'freeze', 'thaw']),
    application: z.string().optional(),
  }),
]);

const withinDaysDefault = 60;
const withinDaysMax = 3650;

const path = '/v1/authenticators/:serial/drift';

export const driftEndpoints: readonly Endpoint[] = [
  { method: 'get', path, query: ['policy'], run: show },
  { method: 'post', path, body: 'required', run: change },
  {
    method: 'get',
    path: '/v1/drift-report',
    query: ['policy', 'within', 'after', 'limit'],
    run: report,
  },
];

async function show({ service, caller, path: { serial }, query }: Call): Promise<Reply> {
  const { policyName, ...rest } = await service.administration.showDrift(
    caller,
    serial ?? '',
    query['policy'] ?? null,
  );
  return one({ policy: policyName, ...rest });
}

async function change({ service, caller, path: { serial }, body }: Call): Promise<Reply> {
  const { application, ...given } = parseBy(changeBody, body);
  const view = await service.administration.setDrift(
    caller,
    serial ?? '',
    application ?? null,
    given,
  );
  return one(authenticatorJson(view), view.version);
}

async function report({ service, caller, query }: Call): Promise<Reply> {
  const { policyName, leaving, next, ...rest } = await service.administration.driftReport(caller, {
    ...readPage(query),
    policyName: query['policy'] ?? null,
    withinDays: readWholeNumber(query['within'], {
      name: 'within',
      least: 1,
      most: withinDaysMax,
      byDefault: withinDaysDefault,
    }),
  });
  const items = leaving.map(({ userName, domainName, applicationName, ...item }) => ({
    ...item,
    user: userName,
    domain: domainName,
    application: applicationName,
  }));
  return one({ policy: policyName, ...rest, items, next });
}
