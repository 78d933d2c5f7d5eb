import { z } from 'zod';
import { all, type Call, created, done, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy, requireVersion } from './input.ts';
import { apiKeyJson, componentJson, policyJson } from './views.ts';
import { TallystickError } from '../errors.ts';

const roles = ['admin', 'helpdesk', 'auditor', 'client'] as const;

const accessOf = z.enum(['api-key', 'address']);

const nameBody = z.strictObject({ name: z.string() });
const unitBody = z.strictObject({ name: z.string(), parent: z.string().nullish() });
const policyBody = z.strictObject({
  parent: z.string().nullish(),
  settings: z.record(z.string(), z.unknown()),
});
const componentBody = z.strictObject({
  type: z.string(),
  location: z.string(),
  access: accessOf.optional(),
  policy: z.string(),
});
const componentChangesBody = z.strictObject({
  policy: z.string().optional(),
  access: accessOf.optional(),
});
const keyBody = z.strictObject({
  name: z.string(),
  role: z.enum(roles),
  component: z.string(),
  domain: z.string().nullish(),
  expiresAtMs: z.int().min(0).nullish(),
});

const unitsPath = '/v1/domains/:domain/organisational-units';
const policyPath = '/v1/policies/:name';
const componentPath = '/v1/components/:id';

/** Domains and their units, policies, components and API keys. */
export const configurationEndpoints: readonly Endpoint[] = [
  { method: 'get', path: '/v1/domains', run: listDomains },
  { method: 'post', path: '/v1/domains', body: 'required', run: createDomain },
  { method: 'delete', path: '/v1/domains/:domain', run: deleteDomain },
  { method: 'get', path: unitsPath, run: listUnits },
  { method: 'post', path: unitsPath, body: 'required', run: createUnit },
  { method: 'get', path: '/v1/policies', run: listPolicies },
  { method: 'get', path: policyPath, run: showPolicy },
  { method: 'put', path: policyPath, body: 'required', takesIfMatch: true, run: savePolicy },
  { method: 'delete', path: policyPath, takesIfMatch: true, run: deletePolicy },
  { method: 'get', path: `${policyPath}/effective`, run: showEffectivePolicy },
  { method: 'get', path: '/v1/components', run: listComponents },
  { method: 'post', path: '/v1/components', body: 'required', run: createComponent },
  {
    method: 'patch',
    path: componentPath,
    body: 'required',
    takesIfMatch: true,
    run: updateComponent,
  },
  { method: 'delete', path: componentPath, takesIfMatch: true, run: deleteComponent },
  { method: 'get', path: '/v1/keys', run: listKeys },
  { method: 'post', path: '/v1/keys', body: 'required', run: createKey },
  { method: 'delete', path: '/v1/keys/:name', run: deleteKey },
];

async function listDomains({ service, caller }: Call): Promise<Reply> {
  return all(await service.administration.domains(caller));
}

async function createDomain({ service, caller, body }: Call): Promise<Reply> {
  const domain = await service.administration.createDomain(caller, parseBy(nameBody, body).name);
  return created(domain, domain.version);
}

async function deleteDomain({ service, caller, path }: Call): Promise<Reply> {
  await service.administration.deleteDomain(caller, path['domain'] ?? '');
  return done;
}

async function listUnits({ service, caller, path }: Call): Promise<Reply> {
  const units = await service.administration.organisationalUnits(caller, path['domain'] ?? '');
  return all(units.map(({ name, parentName }) => ({ name, parent: parentName })));
}

async function createUnit({ service, caller, path, body }: Call): Promise<Reply> {
  const { name, parent } = parseBy(unitBody, body);
  const unit = await service.administration.createOrganisationalUnit(
    caller,
    path['domain'] ?? '',
    name,
    parent ?? null,
  );
  return created({ name: unit.name, parent: unit.parentName });
}

async function listPolicies({ service, caller }: Call): Promise<Reply> {
  return all((await service.administration.policies(caller)).map(policyJson));
}

async function showPolicy({ service, caller, path }: Call): Promise<Reply> {
  const policy = await service.administration.policy(caller, path['name'] ?? '');
  return one(policyJson(policy), policy.version);
}

async function savePolicy({ service, caller, path, body, ifMatch }: Call): Promise<Reply> {
  const { parent, settings } = parseBy(policyBody, body);
  const name = path['name'] ?? '';
  const policy = { parentName: parent ?? null, settings };
  const expected = { expectedVersion: ifMatch };
  return one(await service.administration.savePolicy(caller, name, policy, expected));
}

async function deletePolicy({ service, caller, path, ifMatch }: Call): Promise<Reply> {
  const name = path['name'] ?? '';
  const { administration } = service;
  await requireVersion(ifMatch, async () => (await administration.policy(caller, name)).version);
  await administration.deletePolicy(caller, name);
  return done;
}

async function showEffectivePolicy({ service, caller, path }: Call): Promise<Reply> {
  return one(await service.administration.effectivePolicy(caller, path['name'] ?? ''));
}

async function listComponents({ service, caller }: Call): Promise<Reply> {
  return all((await service.administration.components(caller)).map(componentJson));
}

async function createComponent({ service, caller, body }: Call): Promise<Reply> {
  const { type, location, access, policy } = parseBy(componentBody, body);
  const component = await service.administration.createComponent(caller, {
    componentType: type,
    location,
    access: access ?? 'api-key',
    policyName: policy,
  });
  return created(componentJson(component), component.version);
}

async function updateComponent({ service, caller, path, body, ifMatch }: Call): Promise<Reply> {
  const { policy, access } = parseBy(componentChangesBody, body);
  const component = await service.administration.updateComponent(
    caller,
    path['id'] ?? '',
    {
      ...(policy === undefined ? {} : { policyName: policy }),
      ...(access === undefined ? {} : { access }),
    },
    { expectedVersion: ifMatch },
  );
  return one(componentJson(component), component.version);
}

async function deleteComponent({ service, caller, path, ifMatch }: Call): Promise<Reply> {
  const id = path['id'] ?? '';
  const { administration } = service;
  await requireVersion(ifMatch, async () => {
    const component = (await administration.components(caller)).find((each) => each.id === id);
    if (component !== undefined) return component.version;
    throw new TallystickError('not-found', 'The component does not exist.');
  });
  await administration.deleteComponent(caller, id);
  return done;
}

async function listKeys({ service, caller }: Call): Promise<Reply> {
  return all((await service.administration.apiKeys(caller)).map(apiKeyJson));
}

async function createKey({ service, caller, body }: Call): Promise<Reply> {
  const { name, role, component, domain, expiresAtMs } = parseBy(keyBody, body);
  const { key, view } = await service.administration.createApiKey(caller, {
    name,
    role,
    componentType: component,
    domainName: domain ?? null,
    expiresAtMs: expiresAtMs ?? null,
  });
  return created({ key, ...apiKeyJson(view) });
}

async function deleteKey({ service, caller, path }: Call): Promise<Reply> {
  await service.administration.deleteApiKey(caller, path['name'] ?? '');
  return done;
}
