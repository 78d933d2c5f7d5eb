import { z } from 'zod';
import { type Call, created, done, type Endpoint, one, page, type Reply } from './endpoint.ts';
import { parseBy, readPage, requireVersion } from './input.ts';
import { userJson } from './views.ts';
import type { PersonSettings, UserChanges, UserView } from '../service/api.ts';

const instant = z.int().min(0);
const nothing = z.strictObject({});

/** Null takes one away. */
const personMembers = {
  email: z.string().nullish(),
  mobile: z.string().nullish(),
  phone: z.string().nullish(),
  deliveryMethod: z
    .enum(['email', 'sms', 'voice', 'email-sms', 'sms-voice', 'email-voice'])
    .nullish(),
  localAuthentication: z
    .enum(['none', 'authenticator-only', 'password-in-grace', 'authenticator-or-password'])
    .nullish(),
};

const newUserBody = z.strictObject({
  user: z.string(),
  domain: z.string().optional(),
  organisationalUnit: z.string().nullish(),
  expiresAtMs: instant.nullish(),
  ...personMembers,
});

const passwordBody = z.strictObject({
  password: z.string(),
  confirmation: z.string().optional(),
  policy: z.string().optional(),
});

const userChangesBody = z.strictObject({
  isDisabled: z.boolean().optional(),
  expiresAtMs: instant.nullable().optional(),
  administratorRole: z.enum(['admin', 'helpdesk', 'auditor']).nullable().optional(),
  ...personMembers,
});

type Changes = z.infer<typeof userChangesBody>;
type PersonMembers = Pick<Changes, keyof PersonSettings>;

const path = '/v1/users/:user';
const query = ['domain'];

export const userEndpoints: readonly Endpoint[] = [
  { method: 'get', path: '/v1/users', query: ['domain', 'after', 'limit'], run: listUsers },
  { method: 'post', path: '/v1/users', body: 'required', run: createUser },
  { method: 'get', path, query, run: async (call) => shown(await current(call)) },
  { method: 'patch', path, query, body: 'required', takesIfMatch: true, run: updateUser },
  { method: 'delete', path, query, takesIfMatch: true, run: deleteUser },
  {
    method: 'post',
    path: `${path}/lock`,
    query,
    body: 'optional',
    run: async (call) => shown(await call.service.administration.lockUser(...named(call))),
  },
  {
    method: 'post',
    path: `${path}/unlock`,
    query,
    body: 'optional',
    run: async (call) => shown(await call.service.administration.unlockUser(...named(call))),
  },
  { method: 'put', path: `${path}/password`, query, body: 'required', run: setPassword },
  { method: 'delete', path: `${path}/password`, query, run: clearPassword },
];

function shown(view: UserView): Reply {
  return one(userJson(view), view.version);
}

function named(call: Call): [Call['caller'], string | null, string] {
  if (call.body !== undefined) parseBy(nothing, call.body);
  return [call.caller, call.query['domain'] ?? null, call.path['user'] ?? ''];
}

function current(call: Call): Promise<UserView> {
  return call.service.administration.user(...named(call));
}

async function listUsers({ service, caller, query: parameters }: Call): Promise<Reply> {
  const asked = readPage(parameters);
  const users = await service.administration.users(caller, parameters['domain'] ?? null, asked);
  return page(users.map(userJson), asked.limit, ({ user }) => user);
}

async function createUser({ service, caller, body }: Call): Promise<Reply> {
  const { user, domain, organisationalUnit, expiresAtMs, ...person } = parseBy(newUserBody, body);
  const view = await service.administration.createUser(caller, domain ?? null, {
    userName: user,
    organisationalUnit: organisationalUnit ?? null,
    expiresAtMs: expiresAtMs ?? null,
    ...givenOfPerson(person),
  });
  return created(userJson(view), view.version);
}

async function updateUser(call: Call): Promise<Reply> {
  const set = parseBy(userChangesBody, call.body);
  const view = await call.service.administration.updateUser(
    call.caller,
    call.query['domain'] ?? null,
    call.path['user'] ?? '',
    given(set),
    { expectedVersion: call.ifMatch },
  );
  return shown(view);
}

/** The members that were given: undefined is none. */
function given({ isDisabled, expiresAtMs, administratorRole, ...person }: Changes): UserChanges {
  return {
    ...(isDisabled === undefined ? {} : { isDisabled }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(administratorRole === undefined ? {} : { administratorRole }),
    ...givenOfPerson(person),
  };
}

function givenOfPerson(person: PersonMembers): Partial<PersonSettings> {
  const { email, mobile, phone, deliveryMethod, localAuthentication } = person;
  return {
    ...(email === undefined ? {} : { email }),
    ...(mobile === undefined ? {} : { mobile }),
    ...(phone === undefined ? {} : { phone }),
    ...(deliveryMethod === undefined ? {} : { deliveryMethod }),
    ...(localAuthentication === undefined ? {} : { localAuthentication }),
  };
}

async function deleteUser(call: Call): Promise<Reply> {
  await requireVersion(call.ifMatch, async () => (await current(call)).version);
  await call.service.administration.deleteUser(...named(call));
  return done;
}

async function setPassword({
  service,
  caller,
  path: { user },
  query: { domain },
  body,
}: Call): Promise<Reply> {
  const { password, confirmation = password, policy } = parseBy(passwordBody, body);
  const setting = { password, confirmation, policyName: policy ?? null };
  const { administration } = service;
  return shown(await administration.setPassword(caller, domain ?? null, user ?? '', setting));
}

async function clearPassword(call: Call): Promise<Reply> {
  await call.service.administration.clearPassword(...named(call));
  return done;
}
