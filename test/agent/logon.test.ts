import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { selfSigned, signedByAuthority } from '../support/self-signed.ts';
import { enrol, equippedOffice, jane, logon, openOffice } from './support/world.ts';

it('signs on at the server, and without it when it is away', async () => {
  const office = await openOffice();
  const enrolled = await enrol(office);
  expect(enrolled.out).toContain(office.server.fingerprint);
  const online = await logon(office, `${jane.pin}${office.shown()}`);
  expect(online).toMatchObject({ status: 0, err: '' });
  expect(online.out).toContain('3 days, 30 sign-ins left');
  office.computer.pass(60_000);
  await office.server.stop();
  const offline = await logon(office, `${jane.pin}${office.shown()}`);
  expect(offline).toMatchObject({ status: 0, err: '' });
  expect(offline.out).toBe('Signed in. Offline.\nOffline: 3 days, 29 sign-ins left.\n');
});

it('takes a response once, and none of before', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  const used = office.shown();
  const before = office.shown(-1);
  expect(await logon(office, `${jane.pin}${used}`)).toMatchObject({ status: 0 });
  expect(await logon(office, `${jane.pin}${used}`)).toMatchObject({ status: exitCodes.refused });
  expect(await logon(office, `${jane.pin}${before}`)).toMatchObject({ status: exitCodes.refused });
});

it.each([
  ['wrong PIN', '4712', 0],
  ['no PIN', '', 0],
  ['response of three steps later', '4711', 3],
])('refuses a %s in the same words as any other', async (_, pin, steps) => {
  const office = await equippedOffice();
  await office.server.stop();
  const ran = await logon(office, `${pin}${office.shown(steps)}`);
  expect(ran).toEqual({ status: 1, out: '', err: 'The code or PIN is not accepted.\n' });
});

it('reports before it forwards a logon, and what is reported is gone here', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  await logon(office, `${jane.pin}${office.shown()}`);
  office.computer.pass(60_000);
  await office.server.start();
  office.server.requests.length = 0;
  await logon(office, `${jane.pin}${office.shown()}`);
  expect(office.server.requests).toEqual([
    '/v1/offline/reports',
    '/v1/offline/logon',
    '/v1/offline/packages',
  ]);
  const kinds = office.server.records.map(({ kind }) => kind);
  expect(kinds).toEqual(['installed', 'attempted', 'accepted']);
  const status = await office.agent(['status', '--json']);
  // Of the second package.
  expect(JSON.parse(status.out)).toMatchObject({ unreportedLines: 1 });
});

it.each([
  ['a refusal', 403, { code: 'refused', detail: 'No.' }, 'refused'],
  ['a server that fails', 503, { code: 'store-unavailable' }, 'server-failed'],
  ['a missing page', 404, { code: 'not-found' }, 'refused'],
  ['a revocation', 403, { code: 'forbidden', reason: 'agent-revoked' }, 'revoked'],
] as const)('never falls back after %s', async (_, status, body, code) => {
  for (const path of ['nonces', 'reports', 'logon']) {
    const office = await equippedOffice();
    office.server.faults.set(`/v1/offline/${path}`, { status, body });
    const ran = await logon(office, `${jane.pin}${office.shown()}`);
    expect(ran, path).toMatchObject({ status: exitCodes[code], out: '' });
    // What was not used up offline is still good there, unless everything was destroyed.
    await office.server.stop();
    const later = await logon(office, `${jane.pin}${office.shown()}`);
    expect(later.status, path).toBe(code === 'revoked' ? exitCodes.revoked : 0);
  }
});

it('never falls back on a certificate that is not trusted, and does on silence', async () => {
  const { certificate, privateKey } = selfSigned();
  const office = await equippedOffice();
  await office.server.stop();
  await office.server.start({ cert: certificate, key: privateKey });
  const configFile = join(office.state, 'config.json');
  const config = readFileSync(configFile, 'utf8').replace('http:', 'https:');
  await office.computer.files.remove(configFile);
  await office.computer.files.writeNew(configFile, Buffer.from(config));
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: exitCodes.untrusted, out: '' });
  await office.server.stop();
  // An open port behind which nobody speaks TLS, or anything.
  const silent = (await import('node:net')).createServer(() => undefined);
  await new Promise<void>((resolve) => {
    silent.listen(Number(new URL(office.server.url).port), '127.0.0.1', resolve);
  });
  const waited = await logon(office, `${jane.pin}${office.shown()}`);
  silent.close();
  expect(waited).toMatchObject({ status: 0, err: '' });
});

it('sends nothing without TLS, but on this computer', async () => {
  const office = await openOffice();
  const about = ['--key-file', office.keyFile, '--name', 'desk', '--mode', 'sw'];
  const ran = await office.agent(['enrol', '--server', 'http://otp.example.org', ...about]);
  expect(ran).toMatchObject({ status: exitCodes.usage, out: '' });
  expect(ran.err).toContain('is neither https nor this computer: use https');
  expect(await office.agent(['enrol', '--server', office.server.url, ...about])).toMatchObject({
    status: 0,
  });
});

it('trusts the authorities of --ca, and in their place no other', async () => {
  const { authority, server } = signedByAuthority();
  const office = await openOffice();
  await office.server.stop();
  await office.server.start({ cert: server.certificate, key: server.privateKey });
  const url = office.server.url.replace('http:', 'https:');
  const enrolBy = (...more: string[]): ReturnType<typeof office.agent> => {
    const about = ['--key-file', office.keyFile, '--name', 'desk', '--mode', 'sw'];
    return office.agent(['enrol', '--server', url, ...about, ...more]);
  };
  const [right, other] = ['right.pem', 'other.pem'].map((name) => join(office.folder, name));
  writeFileSync(right!, authority);
  writeFileSync(other!, signedByAuthority().authority);
  for (const more of [[], ['--ca', other!]]) {
    expect(await enrolBy(...more)).toMatchObject({ status: exitCodes.untrusted, out: '' });
  }
  expect(await enrolBy('--ca', right!)).toMatchObject({ status: 0 });
  // The file is named once, at enrolling.
  const online = await logon(office, `${jane.pin}${office.shown()}`);
  expect(online.out).toContain('is renewed');
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
});

it('asks for another nonce once when the first went stale', async () => {
  const office = await equippedOffice();
  office.server.staleNonces = 1;
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
  office.server.staleNonces = 2;
  expect(await office.agent(['report'])).toMatchObject({ status: exitCodes.refused });
});

it('refuses an answer to a report that another key has signed', async () => {
  const office = await equippedOffice();
  const other = await equippedOffice();
  other.server.nowMs = () => office.computer.trueMs;
  const configFile = join(office.state, 'config.json');
  const config = readFileSync(configFile, 'utf8').replace(office.server.url, other.server.url);
  await office.computer.files.remove(configFile);
  await office.computer.files.writeNew(configFile, Buffer.from(config));
  const agentId = /"agentId": "(.*)"/.exec(config)![1]!;
  other.server.agents.set(agentId, office.server.agents.get(agentId)!);
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: exitCodes.untrusted, out: '' });
});

it('updates only what is there, and says when that is still current', async () => {
  const office = await openOffice();
  await enrol(office);
  const update = (): ReturnType<typeof office.agent> =>
    office.agent(['update', 'jane', '--stdin'], [`${jane.pin}${office.shown()}`]);
  expect(await update()).toMatchObject({ status: exitCodes['no-data'], out: '' });
  expect(office.server.requests).toEqual(['/v1/offline/agents']);
  await logon(office, `${jane.pin}${office.shown()}`);
  office.computer.pass(60_000);
  expect((await update()).out).toContain('The offline data is renewed.');
  office.server.offer = { status: 'current' };
  office.computer.pass(60_000);
  expect(await update()).toMatchObject({ status: 0 });
  expect((await update()).out).toContain('still current');
  await office.server.stop();
  expect(await update()).toMatchObject({ status: exitCodes.unreachable, out: '' });
});

it('tells status in words and in JSON, with warnings near the end', async () => {
  const office = await equippedOffice({ ...jane, header: { eventsMax: 3 } });
  await office.server.stop();
  expect((await logon(office, `${jane.pin}${office.shown()}`)).out).toContain('Connect soon.');
  const { out } = await office.agent(['status', 'jane', '--json']);
  expect(JSON.parse(out)).toMatchObject({
    mode: 'sw',
    unreportedLines: 3,
    packages: [{ user: 'jane', usesLeft: 2, daysLeft: 3, warnings: ['few-uses'], obstacle: null }],
  });
  for (let left = 2; left > 0; left -= 1) {
    office.computer.pass(60_000);
    expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  }
  office.computer.pass(60_000);
  const spent = await logon(office, `${jane.pin}${office.shown()}`);
  expect(spent).toMatchObject({ status: exitCodes['used-up'], out: '' });
  expect(await office.agent(['status', 'jane'])).toMatchObject({ status: exitCodes['used-up'] });
  expect(await office.agent(['status', 'kim'])).toMatchObject({ status: exitCodes['no-data'] });
});

it('destroys what is no longer to be: of a user, of a package that stands no more, of all', async () => {
  const office = await equippedOffice();
  const entries = async (): Promise<number> =>
    (await office.computer.files.list(office.state)).filter((name) => name.endsWith('.entries'))
      .length;
  expect(await entries()).toBe(1);
  office.server.standing.clear();
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
  expect(await entries()).toBe(0);
  await logon(office, `${jane.pin}${office.shown()}`);
  expect(await entries()).toBe(1);
  expect(await office.agent(['remove', 'jane'])).toMatchObject({ status: 0 });
  expect(await entries()).toBe(0);
  expect(await office.computer.files.list(join(office.state, 'keys'))).toHaveLength(2);
  expect(await office.agent(['reset'])).toMatchObject({ status: exitCodes.usage });
  expect(await office.agent(['reset', '--yes'])).toMatchObject({ status: 0 });
  expect(await office.computer.files.list(office.state)).toEqual([]);
  expect(await office.agent(['status'])).toMatchObject({ status: exitCodes['not-enrolled'] });
});

it('says no PIN, response or key anywhere', async () => {
  const office = await equippedOffice();
  const typed = `${jane.pin}${office.shown()}`;
  const online = await logon(office, typed, ['--verbose']);
  await office.server.stop();
  const offline = await logon(office, typed, ['--verbose']);
  const status = await office.agent(['status', '--json', '--verbose']);
  const said = [online, offline, status].map(({ out, err }) => out + err).join('');
  expect(said).not.toContain(typed.slice(-8));
  expect(said).not.toContain('tsk_test');
});

it.each([
  ['beside it', 'jane', ['--domain', 'contractors']],
  ['in it', 'jane@contractors', []],
])('lets nobody in as a namesake of another domain (named %s)', async (_, name, domain) => {
  const office = await openOffice();
  await enrol(office);
  office.server.users.set(name, { ...jane, header: { domainName: 'contractors' } });
  const asked = (more: readonly string[]): ReturnType<typeof office.agent> =>
    office.agent(['logon', ...more, '--stdin'], [`${jane.pin}${office.shown()}`]);
  expect((await asked([name, ...domain])).out).toContain('renewed');
  office.computer.pass(60_000);
  await office.server.stop();
  // At the server, jane alone is somebody else.
  expect(await asked(['jane'])).toMatchObject({ status: exitCodes['no-data'], out: '' });
  expect(await asked([name, ...domain])).toMatchObject({ status: 0, err: '' });
  office.computer.pass(60_000);
  expect(await asked(['jane', '--domain', 'contractors'])).toMatchObject({ status: 0, err: '' });
});

it.each([[{ status: 'current' }], [{ status: 'not-permitted', reason: 'too-many-packages' }]])(
  'takes nothing without the server that the server has taken (%o)',
  async (offer) => {
    const office = await equippedOffice();
    office.server.offer = offer;
    const typed = `${jane.pin}${office.shown()}`;
    expect(await logon(office, typed)).toMatchObject({ status: 0 });
    await office.server.stop();
    expect(await logon(office, typed)).toMatchObject({ status: exitCodes.refused, out: '' });
    expect(await logon(office, `${jane.pin}${office.shown(1)}`)).toMatchObject({ status: 0 });
  },
);

it.each([
  ['the domain in front', 'MASTER\\jane', []],
  ['the domain beside it', 'jane', ['--domain', 'master']],
] as const)(
  'takes nothing without the server that the server has taken under another name (%s)',
  async (_, name, domain) => {
    const office = await equippedOffice();
    office.server.users.set(name, { ...jane, header: { userName: 'jane' } });
    office.server.offer = { status: 'current' };
    const typed = `${jane.pin}${office.shown()}`;
    const online = await office.agent(['logon', name, ...domain, '--stdin'], [typed]);
    // What is there is this person's.
    expect(online).toMatchObject({ status: 0, err: '' });
    expect(online.out).toContain('3 days, 30 sign-ins left');
    await office.server.stop();
    expect(await logon(office, typed)).toMatchObject({ status: exitCodes.refused, out: '' });
    expect(await logon(office, `${jane.pin}${office.shown(1)}`)).toMatchObject({ status: 0 });
  },
);

it('counts one try for all devices of a user, so that a right one is no failure', async () => {
  const office = await equippedOffice();
  office.server.users.set('jane', { ...jane, serial: 'VT00000002' });
  expect((await logon(office, `${jane.pin}${office.shown()}`)).out).toContain('renewed');
  office.computer.pass(60_000);
  await office.server.stop();
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  office.computer.pass(60_000);
  const wrong = await logon(office, `${jane.pin}00000000`);
  expect(wrong).toMatchObject({ status: exitCodes.refused });
  await office.server.start();
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
  const kinds = office.server.records.map(({ kind }) => kind);
  expect(kinds).toEqual([
    ...['installed', 'installed', 'attempted', 'accepted'],
    ...['attempted', 'refused', 'refused'],
  ]);
});

it.each([
  ['the same name', 'jane'],
  ['another name', 'MASTER\\jane'],
])(
  'destroys what was made under an old PIN, though the server is gone before it says so (%s)',
  async (_, name) => {
    const office = await equippedOffice();
    const { server } = office;
    const { nowMs } = server;
    const typed = `${jane.pin}${office.shown()}`;
    const body = { outcome: 'accepted', user: 'jane', domain: 'master', pinChanged: true };
    server.faults.set('/v1/offline/logon', { status: 200, body });
    server.nowMs = () => {
      // The report in front of the logon is the last that is answered.
      server.faults.set('/v1/offline/reports', { status: 503, body: {} });
      return nowMs();
    };
    const ran = await office.agent(['logon', name, '--stdin'], [typed]);
    expect(ran).toMatchObject({ status: 0, err: '' });
    expect(ran.out).toContain('The PIN was changed: sign in once more');
    await server.stop();
    expect(await logon(office, typed)).toMatchObject({ status: exitCodes['no-data'], out: '' });
  },
);
