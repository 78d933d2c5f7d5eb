import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DeliveryFailure, GatewaySettings, Message } from '../../src/service/ports.ts';
import type { Administration, Caller, NewGateway } from '../../src/service/index.ts';
import { type Bench, openBench } from '../support/builders.ts';
import { fileGiven, httpGiven, smtpGiven } from '../support/gateways.ts';
import { membersRefused } from './support.ts';

interface Sent {
  readonly settings: GatewaySettings;
  readonly secret: string | null;
  readonly message: Message;
}

let bench: Bench;
let administration: Administration;
let sent: Sent[] = [];
let failure: DeliveryFailure | null = null;
let obstructed: GatewaySettings['kind'] | null = null;

const anyVersion = { expectedVersion: null };
const secret = 'correct horse';

beforeAll(async () => {
  bench = await openBench({
    limits: { sendsPerHourMax: 2 },
    delivery: {
      obstacleTo: ({ kind }) => (kind === obstructed ? 'needs a folder' : null),
      send: (settings, opened, message) => {
        const text = opened === null ? null : Buffer.from(opened).toString();
        sent.push({ settings, secret: text, message });
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the port does
        return failure === null ? Promise.resolve() : Promise.reject(failure);
      },
    },
  });
  administration = bench.service.administration;
});

afterAll(async () => {
  await bench.close();
});

beforeEach(async () => {
  sent = [];
  failure = null;
  obstructed = null;
  bench.clock.advance(3600);
  for (const { name } of await administration.gateways(bench.admin)) {
    await administration.deleteGateway(bench.admin, name);
  }
});

function create(name: string, more: Partial<NewGateway> = {}): Promise<unknown> {
  return administration.createGateway(bench.admin, {
    name,
    channel: 'sms',
    position: null,
    settings: fileGiven,
    secret: null,
    isDisabled: false,
    ...more,
  });
}

const post = { settings: httpGiven, secret };
const mail = { settings: smtpGiven, secret, channel: 'email' } as const;

function update(
  name: string,
  set: Parameters<Administration['updateGateway']>[2],
  expected = anyVersion as { expectedVersion: number | null },
): Promise<unknown> {
  return administration.updateGateway(bench.admin, name, set, expected);
}

/** The secret that a message goes out with now. */
async function secretInUse(name: string, to = '+491701234567'): Promise<string | null | undefined> {
  await administration.testGateway(bench.admin, name, to);
  bench.clock.advance(3600);
  return sent.at(-1)?.secret;
}

describe('gateways', () => {
  test('are created, shown without their secret, changed and deleted', async () => {
    const shown = {
      name: 'Main',
      channel: 'sms',
      position: 1,
      settings: httpGiven,
      hasSecret: true,
      isDisabled: false,
      version: 1,
    };
    expect(await create('Main', post)).toEqual(shown);
    expect(await administration.gateway(bench.admin, 'MAIN')).toEqual(shown);
    await expect(create('MAIN')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'exists' },
    });
    const changed = { ...shown, position: 7, isDisabled: true, version: 2 };
    expect(await update('main', { position: 7, isDisabled: true })).toEqual(changed);
    expect(await administration.gateways(bench.admin)).toEqual([changed]);
    await administration.deleteGateway(bench.admin, 'main');
    for (const gone of [
      administration.gateway(bench.admin, 'Main'),
      administration.deleteGateway(bench.admin, 'Main'),
      administration.testGateway(bench.admin, 'Main', '+491701234567'),
      update('Main', {}),
    ]) {
      await expect(gone).rejects.toMatchObject({ code: 'not-found' });
    }
  });

  test('line up behind each other unless told where', async () => {
    await create('a');
    await create('b');
    await create('first', { position: 1 });
    await create('other', { channel: 'voice' });
    await create('last', { position: 1000 });
    await create('after-last');
    const order = (await administration.gateways(bench.admin)).map(
      ({ name, position }) => `${name} ${position}`,
    );
    expect(order).toEqual(['a 1', 'first 1', 'b 2', 'after-last 1000', 'last 1000', 'other 1']);
  });

  test('are changed only as they were seen', async () => {
    await create('Main');
    await update('Main', { position: 2 }, { expectedVersion: 1 });
    await expect(update('Main', { position: 3 }, { expectedVersion: 1 })).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'version' },
    });
    expect(await administration.gateway(bench.admin, 'Main')).toMatchObject({ position: 2 });
  });

  test('are 32 at most', async () => {
    for (let each = 1; each <= 32; each += 1) await create(`gateway ${each}`);
    await expect(create('one more')).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'too-many' },
    });
  });

  test('that are badly formed are refused, with every member that is wrong', async () => {
    const bad = {
      position: 0,
      settings: { ...smtpGiven, port: 0, subject: '' },
      channel: 'email',
    } as const;
    expect((await membersRefused(create('', bad))).sort()).toEqual([
      'name',
      'position',
      'settings.port',
      'settings.subject',
    ]);
    expect(await membersRefused(create('a', { settings: smtpGiven }))).toEqual(['settings.kind']);
    expect(await membersRefused(create('a', { settings: [] }))).toEqual(['settings']);
    expect(await membersRefused(create('a', { position: 1001 }))).toEqual(['position']);
    expect(await membersRefused(create('..'))).toEqual(['name']);
    await create('a');
    expect(await membersRefused(update('a', { settings: {}, position: 1.5 }))).toEqual([
      'position',
      'settings.kind',
    ]);
  });

  test('by which this server cannot send are refused, and otherwise stay', async () => {
    await create('before');
    obstructed = 'file';
    const problem = { code: 'request-invalid', fields: { 'settings.kind': ['needs a folder'] } };
    await expect(create('a')).rejects.toMatchObject(problem);
    await create('sms', post);
    await expect(update('sms', { settings: fileGiven })).rejects.toMatchObject(problem);
    expect(await update('before', { position: 5 })).toMatchObject({ position: 5 });
  });
});

describe('the secret', () => {
  test('is sealed, sent as it was given, and found in no view, audit or row', async () => {
    await create('Main', post);
    await update('Main', { secret: 'new horse' });
    expect(await secretInUse('Main')).toBe('new horse');
    const [stored] = (await bench.store.loadConfiguration()).gateways;
    const seen = [
      JSON.stringify(await administration.gateways(bench.admin)),
      (await bench.auditBodies()).join(),
      Buffer.from(stored!.sealedSecret!).toString('latin1'),
    ].join();
    expect(seen).not.toContain('horse');
  });

  test('is needed where something uses it, and refused where nothing does', async () => {
    for (const bad of [{ ...post, secret: null }, { ...mail, secret: null }, { secret }]) {
      expect(await membersRefused(create('a', bad))).toEqual(['secret']);
    }
    expect(await membersRefused(create('a', { ...post, secret: 'grün' }))).toEqual(['secret']);
    await create('a', post);
    expect(await membersRefused(update('a', { secret: null }))).toEqual(['secret']);
    expect(await membersRefused(update('a', { secret: '' }))).toEqual(['secret']);
    await create('b');
    expect(await membersRefused(update('b', { settings: httpGiven }))).toEqual(['secret']);
    expect(await membersRefused(update('b', { secret }))).toEqual(['secret']);
  });

  test('does not follow the settings to another place', async () => {
    await create('sms', post);
    await create('mail', mail);
    const url = 'https://elsewhere.example.com/';
    const body = '{"to":"{to}","text":"{text} {secret}"}';
    expect(await membersRefused(update('sms', { settings: { ...httpGiven, url } }))).toEqual([
      'secret',
    ]);
    expect(await membersRefused(update('sms', { settings: { ...httpGiven, body } }))).toEqual([
      'secret',
    ]);
    for (const moved of [{ host: 'elsewhere.example.com' }, { port: 465 }]) {
      const settings = { ...smtpGiven, ...moved };
      expect(await membersRefused(update('mail', { settings }))).toEqual(['secret']);
    }
    await update('sms', { settings: { ...httpGiven, url }, secret: 'given again' });
    expect(await secretInUse('sms')).toBe('given again');
    await update('mail', { settings: { ...smtpGiven, subject: 'Other' } });
    expect(await secretInUse('mail', 'jane@example.org')).toBe(secret);
  });

  test('is forgotten once nothing uses it, and does not come back', async () => {
    await create('sms', post);
    expect(await update('sms', { settings: fileGiven })).toMatchObject({ hasSecret: false });
    expect(await membersRefused(update('sms', { settings: httpGiven }))).toEqual(['secret']);
  });
});

describe('a test', () => {
  test('sends a text without a one-time password, also by a gateway that is disabled', async () => {
    await create('mail', { ...mail, isDisabled: true });
    const answer = await administration.testGateway(bench.admin, 'MAIL', 'jane@example.org');
    expect(answer).toEqual({ outcome: 'sent' });
    expect(sent).toEqual([
      {
        settings: smtpGiven,
        secret,
        message: { channel: 'email', to: 'jane@example.org', text: expect.any(String) as string },
      },
    ]);
    expect(sent[0]!.message.text).not.toMatch(/[0-9]/);
    const audit = await bench.lastAudit();
    expect(audit).toMatchObject({ action: 'gateway.test', details: { result: 'sent' } });
    expect(JSON.stringify(audit)).not.toContain('jane');
  });

  test('tells administrators why a gateway failed', async () => {
    await create('sms', post);
    failure = { kind: 'refused', detail: 'the web service answered 500' };
    const answer = await administration.testGateway(bench.admin, 'sms', '+49 170 1234567');
    expect(answer).toEqual({ outcome: 'failed', ...failure });
    expect(sent[0]!.message.to).toBe('+491701234567');
    expect((await bench.lastAudit()).details['result']).toBe(
      'refused: the web service answered 500',
    );
  });

  test('says that the module did not open the secret, and sends nothing', async () => {
    await create('sms', post);
    bench.module.failNext('unavailable', { method: 'open' });
    expect(await administration.testGateway(bench.admin, 'sms', '+491701234567')).toEqual({
      outcome: 'failed',
      kind: 'contract',
      detail: 'its secret could not be opened: module-unavailable',
    });
    expect(sent).toEqual([]);
  });

  test('goes to an address or a number, as the channel asks for', async () => {
    await create('mail', mail);
    await create('sms');
    const to = (name: string, recipient: string): Promise<string[]> =>
      membersRefused(administration.testGateway(bench.admin, name, recipient));
    expect(await to('mail', '+491701234567')).toEqual(['to']);
    expect(await to('sms', 'jane@example.org')).toEqual(['to']);
    expect(await to('sms', '0170 1234567')).toEqual(['to']);
    expect(sent).toEqual([]);
  });

  test('counts as a message of the installation when it was taken', async () => {
    await create('sms');
    const send = (): Promise<unknown> =>
      administration.testGateway(bench.admin, 'sms', '+491701234567');
    failure = { kind: 'timeout', detail: 'no answer' };
    for (let each = 1; each <= 3; each += 1) await send();
    failure = null;
    await send();
    await send();
    await expect(send()).rejects.toMatchObject({
      code: 'policy-refused',
      fields: { reason: 'virtual-send-limit' },
    });
    expect(sent).toHaveLength(5);
  });
});

test('every change of a gateway is in the audit', async () => {
  const before = (await bench.auditBodies()).length;
  const url = 'https://sms.example.com:8443/hooks/T0-B1-xyzzy?from=42#x';
  await create('sms', { settings: { ...httpGiven, url }, secret });
  await update('sms', { secret: 'another one', isDisabled: true });
  await administration.testGateway(bench.admin, 'sms', '+491701234567');
  await administration.deleteGateway(bench.admin, 'sms');
  const events = (await bench.auditBodies())
    .slice(before)
    .map((body) => JSON.parse(body) as { action: string; subject: string; details: object });
  expect(events.map(({ action, subject }) => `${action} ${subject}`)).toEqual([
    'gateway.create sms',
    'gateway.update sms',
    'gateway.test sms',
    'gateway.delete sms',
  ]);
  expect(JSON.stringify(events)).not.toMatch(/hooks|xyzzy|from=/);
  const where = { kind: 'http', url: 'https://sms.example.com:8443', hasSecret: true };
  expect(events[0]!.details).toMatchObject({ ...where, channel: 'sms', position: 1 });
  expect(events[1]!.details).toMatchObject({ ...where, isNewSecret: true, isDisabled: true });
  expect(events[2]!.details).toMatchObject({ kind: 'http', url: where.url, result: 'sent' });
});

describe('who may', () => {
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => (error as { code: string }).code,
    );

  const readings: ((caller: Caller) => Promise<unknown>)[] = [
    (caller) => administration.gateways(caller),
    (caller) => administration.gateway(caller, 'sms'),
  ];
  const writings: ((caller: Caller) => Promise<unknown>)[] = [
    (caller) => administration.testGateway(caller, 'sms', '+491701234567'),
    (caller) => administration.updateGateway(caller, 'sms', { position: 3 }, anyVersion),
    (caller) =>
      administration.createGateway(caller, {
        name: 'new',
        channel: 'sms',
        position: null,
        settings: fileGiven,
        secret: null,
        isDisabled: false,
      }),
    (caller) => administration.deleteGateway(caller, 'sms'),
  ];

  test.each([
    ['admin', 'done', 'done'],
    ['auditor', 'done', 'forbidden'],
    ['helpdesk', 'forbidden', 'forbidden'],
    ['client', 'forbidden', 'forbidden'],
  ] as const)('%s: reading %s, writing %s', async (role, reading, writing) => {
    await create('sms');
    const caller = await bench.caller({}, role);
    for (const work of readings) expect(await codeOf(work(caller))).toBe(reading);
    for (const work of writings) expect(await codeOf(work(caller))).toBe(writing);
  });

  test('a key that is bound to a domain neither reads nor writes', async () => {
    await create('sms');
    const { key } = await administration.createApiKey(bench.admin, {
      name: `bound-${String(bench.clock.nowMs())}`,
      role: 'admin',
      componentType: 'administration',
      domainName: 'master',
      expiresAtMs: null,
    });
    const caller = (await bench.service.identify(key, '127.0.0.1', 'r'))!;
    for (const work of [...readings, ...writings]) {
      expect(await codeOf(work(caller))).toBe('forbidden');
    }
    expect(await administration.gateways(bench.admin)).toHaveLength(1);
  });
});
