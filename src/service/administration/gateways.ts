import { parseEmail, parseTelephoneNumber } from '../../domain/contact.ts';
import {
  gatewaySecretProblem,
  parseGatewaySettings,
  secretRoute,
  usesSecret,
} from '../../domain/gateway-settings.ts';
import type { Channel, Gateway, GatewaySettings } from '../../domain/gateway.ts';
import { nameKey } from '../../domain/names.ts';
import { TallystickError } from '../../errors.ts';
import type {
  Administration,
  GatewayChanges,
  GatewayTest,
  GatewayView,
  NewGateway,
} from '../api.ts';
import type { Configuration } from '../configuration.ts';
import { uuidV7 } from '../identifiers.ts';
import { fromModule } from '../module-calls.ts';
import type { DeliveryFailure, Message } from '../ports.ts';
import { createProblemList, parseMember, type ProblemList } from '../problems.ts';
import { gatewayContext, installationScope, sendWindowOf, tryGateway } from '../two-step/send.ts';
import { requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { parseRecordName } from './values.ts';

type GatewayAdministration = Pick<
  Administration,
  'gateways' | 'gateway' | 'createGateway' | 'updateGateway' | 'deleteGateway' | 'testGateway'
>;

/** Every attempt's configuration holds all of them. */
const gatewaysMax = 32;
const positionMax = 1000;

const testText = 'This is a test message of Tallystick. It holds no one-time password.';

/** Use cases about the gateways by which one-time passwords leave. */
export function gatewayAdministration(atDesk: AtDesk): GatewayAdministration {
  return {
    gateways: (caller) =>
      atDesk(caller, 'configuration.read', ({ configuration }) => {
        requireUnscoped(caller);
        return Promise.resolve(configuration.snapshot.gateways.map(gatewayView));
      }),
    gateway: (caller, name) =>
      atDesk(caller, 'configuration.read', ({ configuration }) => {
        requireUnscoped(caller);
        return Promise.resolve(gatewayView(requireGateway(configuration, name)));
      }),
    createGateway: (caller, gateway) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return createGateway(desk, gateway);
      }),
    updateGateway: (caller, name, set, expected) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return updateGateway(desk, name, set, expected.expectedVersion);
      }),
    deleteGateway: (caller, name) =>
      atDesk(caller, 'configuration.write', async (desk) => {
        requireUnscoped(caller);
        const { id, version, name: subject } = requireGateway(desk.configuration, name);
        await administer(desk, `The gateway ${name}`, version, () => ({
          changes: [{ change: 'delete', kind: 'gateway', id, expectedVersion: version }],
          audit: doneEntry(desk, 'gateway.delete', subject),
        }));
        await desk.context.configuration.reload();
      }),
    testGateway: (caller, name, to) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return testGateway(desk, requireGateway(desk.configuration, name), to);
      }),
  };
}

async function createGateway(desk: Desk, given: NewGateway): Promise<GatewayView> {
  const { gateways } = desk.configuration.snapshot;
  const { channel, isDisabled } = given;
  const problems = createProblemList();
  const name = problems.parse('name', () => parseRecordName('name', given.name));
  const position = given.position ?? nextPosition(gateways, channel);
  checkPosition(problems, position);
  const settings = readSettings(desk, problems, channel, given.settings);
  if (settings !== null) checkSecret(problems, settings, given.secret);
  problems.throwIfAny();
  if (name === undefined || settings === null) throw new RangeError('every member was parsed');
  if (gateways.length >= gatewaysMax) {
    throw new TallystickError('conflict', `There are ${gatewaysMax} gateways: delete one first.`, {
      fields: { reason: 'too-many' },
    });
  }
  const id = uuidV7(desk.nowMs, desk.context.randomBytes);
  const sealedSecret = given.secret === null ? null : await seal(desk, id, given.secret);
  const record: Gateway = {
    id,
    name,
    channel,
    position,
    settings,
    sealedSecret,
    isDisabled,
    version: 1,
  };
  await administer(desk, `The gateway ${name}`, null, () => ({
    changes: [{ change: 'insert', kind: 'gateway', record }],
    audit: doneEntry(desk, 'gateway.create', name, {
      channel,
      position,
      ...whereTo(settings),
      hasSecret: sealedSecret !== null,
      isDisabled,
    }),
  }));
  await desk.context.configuration.reload();
  return gatewayView(record);
}

async function updateGateway(
  desk: Desk,
  name: string,
  given: GatewayChanges,
  version: number | null,
): Promise<GatewayView> {
  const gateway = requireGateway(desk.configuration, name);
  const { id } = gateway;
  const problems = createProblemList();
  const position = given.position ?? gateway.position;
  checkPosition(problems, position);
  const settings =
    given.settings === undefined
      ? gateway.settings
      : readSettings(desk, problems, gateway.channel, given.settings);
  if (settings !== null) checkChangedSecret(problems, gateway, settings, given.secret);
  problems.throwIfAny();
  if (settings === null) throw new RangeError('the settings were parsed');
  const sealedSecret = await changedSecret(desk, gateway, settings, given.secret);
  const isDisabled = given.isDisabled ?? gateway.isDisabled;
  const expectedVersion = version ?? gateway.version;
  const set = { position, settings, sealedSecret, isDisabled };
  // With the version that was read: whether the secret may stay was decided by what it is now.
  await administer(desk, `The gateway ${gateway.name}`, expectedVersion, () => ({
    changes: [{ change: 'update', kind: 'gateway', id, expectedVersion, set }],
    audit: doneEntry(desk, 'gateway.update', gateway.name, {
      position,
      ...whereTo(settings),
      hasSecret: sealedSecret !== null,
      isNewSecret: typeof given.secret === 'string',
      isDisabled,
    }),
  }));
  return gatewayView(requireGateway(await desk.context.configuration.reload(), gateway.name));
}

/**
 * Counted as any other message, so that nobody floods others by tests. The audit has how it went, and not to
 * whom: that may be anybody's number, and the audit is for ever.
 */
async function testGateway(desk: Desk, gateway: Gateway, to: string): Promise<GatewayTest> {
  const { context } = desk;
  const { channel } = gateway;
  const recipient = parseMember('to', () =>
    channel === 'email' ? parseEmail(to) : parseTelephoneNumber('phone', to),
  );
  const message = { channel, to: recipient, text: testText };
  const failure = await context.deliveries.admit(() => sendCounted(desk, gateway, message));
  const test: GatewayTest =
    failure === null
      ? { outcome: 'sent' }
      : { outcome: 'failed', kind: failure.kind, detail: failure.detail };
  await administer(desk, `The gateway ${gateway.name}`, null, () => ({
    changes: [],
    audit: doneEntry(desk, 'gateway.test', gateway.name, {
      ...whereTo(gateway.settings),
      result: failure === null ? 'sent' : `${failure.kind}: ${failure.detail}`,
    }),
  }));
  return test;
}

/** @throws TallystickError `policy-refused`, reason `virtual-send-limit` */
async function sendCounted(
  { context, nowMs }: Desk,
  gateway: Gateway,
  message: Message,
): Promise<DeliveryFailure | null> {
  const { store, limits } = context;
  const windowStartMs = sendWindowOf(nowMs);
  if (!(await store.reserveSend(installationScope, windowStartMs, limits.sendsPerHourMax))) {
    throw new TallystickError('policy-refused', 'Too many messages were sent within this hour.', {
      fields: { reason: 'virtual-send-limit' },
    });
  }
  const failure = await tryGateway(context, gateway, message);
  if (failure !== null) await store.refundSend(installationScope, windowStartMs);
  return failure;
}

function readSettings(
  { context }: Desk,
  problems: ProblemList,
  channel: Channel,
  given: unknown,
): GatewaySettings | null {
  const parsed = parseGatewaySettings(channel, given);
  if (parsed.ok) {
    const obstacle = context.delivery.obstacleTo(parsed.settings);
    if (obstacle !== null) problems.add('settings.kind', obstacle);
    return parsed.settings;
  }
  for (const { name, message } of parsed.problems) {
    problems.add(name === 'settings' ? name : `settings.${name}`, message);
  }
  return null;
}

function checkPosition(problems: ProblemList, position: number): void {
  if (Number.isInteger(position) && position >= 1 && position <= positionMax) return;
  problems.add('position', `must be a whole number from 1 to ${positionMax}`);
}

function nextPosition(gateways: readonly Gateway[], channel: Channel): number {
  const taken = gateways.filter((each) => each.channel === channel).map((each) => each.position);
  return Math.min(positionMax, Math.max(0, ...taken) + 1);
}

function checkSecret(
  problems: ProblemList,
  settings: GatewaySettings,
  secret: string | null,
): void {
  if (secret !== null) {
    const wrong = gatewaySecretProblem(settings, secret);
    if (wrong !== null) problems.add('secret', wrong);
  } else if (usesSecret(settings)) {
    problems.add('secret', 'is needed: a user name or {secret} in body or headers makes use of it');
  }
}

/** The stored secret goes where it was given for, or nowhere. */
function checkChangedSecret(
  problems: ProblemList,
  { sealedSecret, settings: before }: Gateway,
  settings: GatewaySettings,
  secret: string | null | undefined,
): void {
  const keeps = secret === undefined && sealedSecret !== null && usesSecret(settings);
  if (!keeps) {
    checkSecret(problems, settings, secret ?? null);
  } else if (secretRoute(settings) !== secretRoute(before)) {
    problems.add(
      'secret',
      'must be given again with these settings: the stored one is not sent to another place or in another way',
    );
  }
}

/** A secret that nothing makes use of any more is forgotten. */
async function changedSecret(
  desk: Desk,
  gateway: Gateway,
  settings: GatewaySettings,
  secret: string | null | undefined,
): Promise<Uint8Array | null> {
  if (typeof secret === 'string') return seal(desk, gateway.id, secret);
  return usesSecret(settings) ? gateway.sealedSecret : null;
}

/** @throws TallystickError what the module failed with */
async function seal({ context }: Desk, id: string, secret: string): Promise<Uint8Array> {
  const plain = new TextEncoder().encode(secret);
  try {
    return await fromModule(
      context.module.seal('sensitive-data', gatewayContext(id), plain, context.background),
    );
  } finally {
    plain.fill(0);
  }
}

/**
 * Which way messages go, for the audit: no headers, bodies, paths or queries, which may name more than
 * that; of some services the path is the key.
 */
function whereTo(settings: GatewaySettings): Readonly<Record<string, string>> {
  const { kind } = settings;
  switch (kind) {
    case 'smtp':
      return { kind, host: `${settings.host}:${settings.port}`, security: settings.security };
    case 'http':
      return { kind, url: new URL(settings.url).origin };
    case 'file':
      return { kind, fileName: settings.fileName };
  }
}

function gatewayView(gateway: Gateway): GatewayView {
  const { name, channel, position, settings, sealedSecret, isDisabled, version } = gateway;
  const hasSecret = sealedSecret !== null;
  return { name, channel, position, settings, hasSecret, isDisabled, version };
}

/** @throws TallystickError `not-found` */
function requireGateway({ snapshot }: Configuration, name: string): Gateway {
  const key = nameKey(name);
  const gateway = snapshot.gateways.find((each) => nameKey(each.name) === key);
  if (gateway === undefined) throw notFound(`The gateway ${name}`);
  return gateway;
}
