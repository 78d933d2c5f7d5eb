import { z } from 'zod';
import { decodeBase32, decodeHex } from './encoding.ts';
import { type Call, created, done, type Endpoint, one, page, type Reply } from './endpoint.ts';
import { parseBy, readPage, requireVersion } from './input.ts';
import { authenticatorJson } from './views.ts';
import { TallystickError } from '../errors.ts';
import type {
  AuthenticatorChanges,
  AuthenticatorView,
  NewApplication,
  NewSeed,
} from '../service/api.ts';

const instant = z.int().min(0);
const nothing = z.strictObject({});

const seedBody = z.discriminatedUnion('source', [
  z.strictObject({ source: z.literal('generate') }),
  z.strictObject({
    source: z.literal('import'),
    encoding: z.enum(['hex', 'base32']),
    value: z.string(),
  }),
]);

const applicationBody = z.strictObject({
  name: z.string(),
  mode: z.enum(['response-only', 'challenge-response', 'signature', 'multi-mode', 'unlock']),
  algorithm: z.unknown(),
  seed: seedBody,
  eventCounter: z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,18})$/, 'must be a whole number as text')
    .optional(),
});

const virtualMobile = 'virtual-mobile';

const newAuthenticatorBody = z.strictObject({
  kind: z.literal('device', `must be device, when left out, or ${virtualMobile}`).optional(),
  serial: z.string(),
  model: z.string(),
  expiresAtMs: instant.nullish(),
  applications: z.array(applicationBody).min(1).max(8),
});

const newVirtualMobileBody = z.strictObject({
  kind: z.literal(virtualMobile),
  serial: z.string(),
  model: z.string().optional(),
  expiresAtMs: instant.nullish(),
  applications: z
    .array(z.unknown())
    .max(0, 'must be left out: a virtual mobile authenticator has no applications')
    .optional(),
});

const pairBody = z.strictObject({ request: z.unknown() });
const assignBody = z.strictObject({
  user: z.string(),
  domain: z.string().optional(),
  graceDays: z.number().optional(),
});
const resetBody = z.strictObject({ application: z.string().optional() });
const unlockCodeBody = z.strictObject({ challenge: z.string(), reason: z.string().optional() });
const backupBody = z.strictObject({
  mode: z.enum(['no', 'permitted', 'required', 'time-limited']).nullish(),
  endsAtMs: instant.nullish(),
  usesLeft: z.number().nullish(),
});
const changesBody = z.strictObject({
  isDisabled: z.boolean().optional(),
  expiresAtMs: instant.nullable().optional(),
  graceEndsAtMs: instant.nullable().optional(),
  backup: backupBody.optional(),
});

const path = '/v1/authenticators/:serial';

export const authenticatorEndpoints: readonly Endpoint[] = [
  { method: 'get', path: '/v1/authenticators', query: ['after', 'limit'], run: listAll },
  { method: 'post', path: '/v1/authenticators', body: 'required', run: create },
  { method: 'post', path: '/v1/authenticators/pair', body: 'required', run: pair },
  { method: 'get', path, run: async (call) => shown(await current(call)) },
  { method: 'patch', path, body: 'required', takesIfMatch: true, run: update },
  { method: 'delete', path, takesIfMatch: true, run: remove },
  { method: 'post', path: `${path}/assign`, body: 'required', run: assign },
  { method: 'post', path: `${path}/unassign`, body: 'optional', run: unassign },
  { method: 'post', path: `${path}/reset`, body: 'optional', run: reset },
  { method: 'post', path: `${path}/unlock-code`, body: 'required', run: unlockCode },
];

function shown(view: AuthenticatorView): Reply {
  return one(authenticatorJson(view), view.version);
}

function serialOf(call: Call): string {
  return call.path['serial'] ?? '';
}

function current({ service, caller, path: { serial } }: Call): Promise<AuthenticatorView> {
  return service.administration.authenticator(caller, serial ?? '');
}

async function listAll({ service, caller, query }: Call): Promise<Reply> {
  const asked = readPage(query);
  const views = await service.administration.authenticators(caller, asked);
  return page(views.map(authenticatorJson), asked.limit, ({ serial }) => serial);
}

async function create(call: Call): Promise<Reply> {
  const { service, caller, body } = call;
  if (isVirtualMobile(body)) return createVirtualMobile(call);
  const { serial, model, expiresAtMs, applications } = parseBy(newAuthenticatorBody, body);
  const parsed = applications.map(newApplication);
  try {
    const view = await service.administration.createAuthenticator(caller, {
      serial,
      model,
      expiresAtMs: expiresAtMs ?? null,
      applications: parsed,
    });
    return created(authenticatorJson(view), view.version);
  } finally {
    for (const { seed } of parsed) if (seed.source === 'import') seed.bytes.fill(0);
  }
}

function isVirtualMobile(body: Call['body']): boolean {
  return typeof body === 'object' && (body as { kind?: unknown } | null)?.kind === virtualMobile;
}

async function createVirtualMobile({ service, caller, body }: Call): Promise<Reply> {
  const { serial, model, expiresAtMs } = parseBy(newVirtualMobileBody, body);
  const given = { serial, model: model ?? null, expiresAtMs: expiresAtMs ?? null };
  const view = await service.administration.createVirtualMobile(caller, given);
  return created(authenticatorJson(view), view.version);
}

function newApplication(
  { name, mode, algorithm, seed, eventCounter }: z.infer<typeof applicationBody>,
  index: number,
): NewApplication {
  return {
    name,
    mode,
    algorithm,
    seed: newSeed(seed, `applications.${index}.seed.value`),
    eventCounter: BigInt(eventCounter ?? '0'),
  };
}

function newSeed(seed: z.infer<typeof seedBody>, member: string): NewSeed {
  if (seed.source === 'generate') return seed;
  const bytes = seed.encoding === 'hex' ? decodeHex(seed.value) : decodeBase32(seed.value);
  if (bytes !== undefined) return { source: 'import', bytes };
  throw new TallystickError('request-invalid', `The request is invalid: ${member}.`, {
    fields: { [member]: `must be ${seed.encoding} digits that make whole bytes` },
  });
}

async function pair({ service, caller, body }: Call): Promise<Reply> {
  const { request } = parseBy(pairBody, body);
  return created(await service.administration.pairAuthenticator(caller, request));
}

async function update(call: Call): Promise<Reply> {
  const { isDisabled, expiresAtMs, graceEndsAtMs, backup } = parseBy(changesBody, call.body);
  const view = await call.service.administration.updateAuthenticator(
    call.caller,
    serialOf(call),
    {
      ...(isDisabled === undefined ? {} : { isDisabled }),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      ...(graceEndsAtMs === undefined ? {} : { graceEndsAtMs }),
      ...(backup === undefined ? {} : { backup: givenOfBackup(backup) }),
    },
    { expectedVersion: call.ifMatch },
  );
  return shown(view);
}

/** The members that were given: undefined is none. */
function givenOfBackup({
  mode,
  endsAtMs,
  usesLeft,
}: z.infer<typeof backupBody>): NonNullable<AuthenticatorChanges['backup']> {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(endsAtMs === undefined ? {} : { endsAtMs }),
    ...(usesLeft === undefined ? {} : { usesLeft }),
  };
}

async function remove(call: Call): Promise<Reply> {
  await requireVersion(call.ifMatch, async () => (await current(call)).version);
  await call.service.administration.deleteAuthenticator(call.caller, serialOf(call));
  return done;
}

async function assign(call: Call): Promise<Reply> {
  const { user, domain = null, graceDays = null } = parseBy(assignBody, call.body);
  const { administration } = call.service;
  const owner = [domain, user, graceDays] as const;
  return shown(await administration.assignAuthenticator(call.caller, serialOf(call), ...owner));
}

async function unassign(call: Call): Promise<Reply> {
  if (call.body !== undefined) parseBy(nothing, call.body);
  const { administration } = call.service;
  return shown(await administration.unassignAuthenticator(call.caller, serialOf(call)));
}

async function reset(call: Call): Promise<Reply> {
  const { application } = parseBy(resetBody, call.body ?? {});
  const { administration } = call.service;
  return shown(
    await administration.resetApplication(call.caller, serialOf(call), application ?? null),
  );
}

async function unlockCode(call: Call): Promise<Reply> {
  const { challenge, reason } = parseBy(unlockCodeBody, call.body);
  const { administration } = call.service;
  return one(
    await administration.unlockCode(call.caller, serialOf(call), challenge, reason ?? null),
  );
}
