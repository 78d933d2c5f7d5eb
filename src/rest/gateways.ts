import { z } from 'zod';
import { all, type Call, created, done, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy, requireVersion } from './input.ts';

/** The use case says what is wrong with the members of each kind. */
const settingsOf = z.record(z.string(), z.unknown());

const gatewayBody = z.strictObject({
  name: z.string(),
  channel: z.enum(['email', 'sms', 'voice']),
  position: z.int().optional(),
  settings: settingsOf,
  secret: z.string().nullish(),
  isDisabled: z.boolean().optional(),
});
const changesBody = z.strictObject({
  position: z.int().optional(),
  settings: settingsOf.optional(),
  secret: z.string().nullable().optional(),
  isDisabled: z.boolean().optional(),
});
const testBody = z.strictObject({ to: z.string() });

const path = '/v1/gateways';
const onePath = `${path}/:name`;

/** The gateways by which one-time passwords leave. */
export const gatewayEndpoints: readonly Endpoint[] = [
  { method: 'get', path, run: list },
  { method: 'post', path, body: 'required', run: create },
  { method: 'get', path: onePath, run: show },
  { method: 'patch', path: onePath, body: 'required', takesIfMatch: true, run: update },
  { method: 'delete', path: onePath, takesIfMatch: true, run: remove },
  { method: 'post', path: `${onePath}/test`, body: 'required', run: test },
];

async function list({ service, caller }: Call): Promise<Reply> {
  return all(await service.administration.gateways(caller));
}

async function show({ service, caller, path: { name } }: Call): Promise<Reply> {
  const gateway = await service.administration.gateway(caller, name ?? '');
  return one(gateway, gateway.version);
}

async function create({ service, caller, body }: Call): Promise<Reply> {
  const { position, secret, isDisabled, ...given } = parseBy(gatewayBody, body);
  const gateway = await service.administration.createGateway(caller, {
    ...given,
    position: position ?? null,
    secret: secret ?? null,
    isDisabled: isDisabled ?? false,
  });
  return created(gateway, gateway.version);
}

async function update({ service, caller, path: { name }, body, ifMatch }: Call): Promise<Reply> {
  const { position, settings, secret, isDisabled } = parseBy(changesBody, body);
  const gateway = await service.administration.updateGateway(
    caller,
    name ?? '',
    {
      ...(position === undefined ? {} : { position }),
      ...(settings === undefined ? {} : { settings }),
      ...(secret === undefined ? {} : { secret }),
      ...(isDisabled === undefined ? {} : { isDisabled }),
    },
    { expectedVersion: ifMatch },
  );
  return one(gateway, gateway.version);
}

async function remove({ service, caller, path: { name }, ifMatch }: Call): Promise<Reply> {
  const { administration } = service;
  const gateway = name ?? '';
  await requireVersion(
    ifMatch,
    async () => (await administration.gateway(caller, gateway)).version,
  );
  await administration.deleteGateway(caller, gateway);
  return done;
}

/** 200 also where the message was not taken: that is what was asked. */
async function test({ service, caller, path: { name }, body }: Call): Promise<Reply> {
  const { to } = parseBy(testBody, body);
  return one(await service.administration.testGateway(caller, name ?? '', to));
}
