import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { exchangeWith } from '../../src/agent/http.ts';
import { nodeFiles } from '../../src/agent/files.ts';
import { dyingFiles } from './support/dying-files.ts';
import { jane, logon, type Office, openOffice, type Ran } from './support/world.ts';

function enrol(office: Office, more: readonly string[] = []): Promise<Ran> {
  const { server, keyFile } = office;
  const argv = ['--server', server.url, '--key-file', keyFile, '--name', 'desk', '--mode', 'sw'];
  return office.agent(['enrol', ...argv, ...more]);
}

function left({ state }: Office): readonly string[] {
  return existsSync(state) ? readdirSync(state, { recursive: true }).map(String).toSorted() : [];
}

/** Enrolled, as the one agent that the server has, and able to work. */
async function requireWorking(office: Office, where = ''): Promise<void> {
  const status = await office.agent(['status', '--json']);
  const { agentId } = JSON.parse(status.out) as { agentId: string };
  expect([...office.server.agents.keys()], where).toEqual([agentId]);
  expect(left(office), where).toEqual([
    'config.json',
    ...['keys', 'keys/agent.key', 'keys/state.key'],
    'state',
  ]);
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran.out, where).toContain('renewed');
}

const agents = '/v1/offline/agents';

it('is the same agent when the answer was lost, as often as it takes', async () => {
  const office = await openOffice();
  office.server.lost.add(agents);
  for (let round = 0; round < 3; round += 1) {
    expect(await enrol(office)).toMatchObject({ status: exitCodes['server-failed'], out: '' });
  }
  expect(office.server.agents.size).toBe(1);
  office.server.lost.clear();
  expect(await enrol(office)).toMatchObject({ status: 0 });
  await requireWorking(office);
  expect(await enrol(office)).toMatchObject({ status: exitCodes.usage });
});

it('is the same agent wherever the computer stopped', async () => {
  let points = 0;
  for (let after = 0; ; after += 1) {
    const office = await openOffice();
    const dying = dyingFiles(after);
    office.computer.files = dying.files;
    await enrol(office);
    office.computer.files = nodeFiles;
    // The process that held it is dead; here it is this one.
    for (const name of left(office).filter((each) => each.startsWith('lock'))) {
      rmSync(join(office.state, name), { force: true });
    }
    const isOver = dying.changes() <= after;
    const again = await enrol(office);
    const wasEnrolled = again.status === exitCodes.usage;
    expect(wasEnrolled || again.status === 0, `after ${after} changes: ${again.err}`).toBe(true);
    // One that the computer did not live to remove says nothing any more.
    rmSync(join(office.state, 'enrolling.json'), { force: true });
    await requireWorking(office, `after ${after} changes`);
    if (isOver) break;
    points += 1;
  }
  expect(points).toBeGreaterThan(20);
}, 120_000);

it('is the same agent after the fingerprint was mistyped', async () => {
  const office = await openOffice();
  const wrong = await enrol(office, ['--server-key', '00'.repeat(32)]);
  expect(wrong).toMatchObject({ status: exitCodes.untrusted, out: '' });
  expect(await enrol(office, ['--server-key', office.server.fingerprint])).toMatchObject({
    status: 0,
  });
  await requireWorking(office);
});

it('keeps no key that the server has refused', async () => {
  const office = await openOffice();
  office.server.faults.set(agents, {
    status: 403,
    body: { code: 'policy-refused', detail: 'No.' },
  });
  expect(await enrol(office)).toEqual({
    status: exitCodes.refused,
    out: '',
    err: 'tallystick-agent: No.\n',
  });
  expect(left(office)).toEqual(['keys']);
});

it('keeps the key that the server may have when it refuses another name, and says why', async () => {
  const office = await openOffice();
  office.server.lost.add(agents);
  await enrol(office);
  office.server.lost.clear();
  const detail = 'The workstation with this key is enrolled already, as desk.';
  office.server.faults.set(agents, { status: 409, body: { code: 'conflict', detail } });
  const other = await enrol(office, ['--name', 'other']);
  expect(other).toEqual({
    status: exitCodes.refused,
    out: '',
    err: `tallystick-agent: ${detail}\n`,
  });
  office.server.faults.clear();
  expect(await enrol(office)).toMatchObject({ status: 0 });
  await requireWorking(office);
});

it('ends as it was begun, or after a reset, which leaves nothing', async () => {
  const office = await openOffice();
  expect(await office.agent(['reset', '--yes'])).toMatchObject({
    status: exitCodes['not-enrolled'],
  });
  office.server.lost.add(agents);
  await enrol(office);
  office.server.lost.clear();
  const other = await enrol(office, ['--mode', 'ram']);
  expect(other).toMatchObject({ status: exitCodes.usage, out: '' });
  expect(other.err).toContain('an enrolment with --mode sw has not ended');
  expect(office.server.agents.size).toBe(1);
  expect(await office.agent(['reset', '--yes'])).toMatchObject({ status: 0 });
  expect(left(office)).toEqual([]);
  expect(await enrol(office, ['--mode', 'ram'])).toMatchObject({ status: 0 });
  expect(office.server.agents.size).toBe(2);
});

it('says what to do about a key that was revoked meanwhile', async () => {
  const office = await openOffice();
  office.server.lost.add(agents);
  await enrol(office);
  office.server.lost.clear();
  for (const agent of office.server.agents.values()) agent.isRevoked = true;
  const ran = await enrol(office);
  expect(ran).toMatchObject({ status: exitCodes.revoked, out: '' });
  expect(ran.err).toContain('tallystick-agent reset');
  await office.agent(['reset', '--yes']);
  expect(await enrol(office)).toMatchObject({ status: 0 });
});

it('is one agent when two commands enrol at once', async () => {
  const office = await openOffice();
  const ran = await Promise.all([enrol(office), enrol(office)]);
  expect(ran.map(({ status }) => status).toSorted()).toEqual([0, exitCodes.usage]);
  await requireWorking(office);
});

const nonces = '/v1/offline/nonces';

it.each<[string, string, number, object, readonly RegExp[]]>([
  [
    'an unknown key',
    nonces,
    401,
    { code: 'unauthenticated', detail: 'A key is needed.' },
    [/does not know the API key in .*api\.key/, /"tallystick key create" makes one of role client/],
  ],
  [
    'a key of another role',
    nonces,
    403,
    { code: 'forbidden', detail: 'The role admin may not do this.' },
    [/The role admin may not do this\./, /keys of role client, and the one in .*api\.key is none/],
  ],
  [
    'an address that no component covers',
    nonces,
    403,
    { code: 'component-unknown', detail: 'No component covers this address for this key.' },
    [/No component covers this address/, /"tallystick component" .*api\.key covers/],
  ],
  [
    'a proof that got lost on the way',
    agents,
    401,
    { code: 'agent-proof', detail: 'Headers are needed.' },
    [/Headers are needed\. Whatever stands between this computer and http/],
  ],
  [
    'a name that cannot be',
    agents,
    422,
    {
      code: 'request-invalid',
      detail: 'The request is invalid: name.',
      problems: [{ member: 'name', message: 'must have at most 255 characters' }],
    },
    [/The request is invalid: name\. name must have at most 255 characters\./],
  ],
  ['another server', nonces, 404, {}, [/http:.* does not answer as Tallystick does/, /--server/]],
  [
    'a server that cannot work',
    agents,
    503,
    { code: 'module-unavailable', detail: 'The module is locked.' },
    [/503 module-unavailable.*The module is locked/, /repeat the same command/],
  ],
])('says what was wrong and what helps: %s', async (_case, path, status, body, texts) => {
  const office = await openOffice();
  office.server.faults.set(path, { status, body });
  const ran = await enrol(office);
  const failed = status >= 500 ? exitCodes['server-failed'] : exitCodes.refused;
  expect(ran).toMatchObject({ status: failed, out: '' });
  for (const text of texts) expect(ran.err).toMatch(text);
  expect(ran.err).not.toContain('tsk_test');
});

it('prints what a server says in one line, and never the key that it was shown', async () => {
  const office = await openOffice();
  const detail = `\u{1b}[31m\nBearer tsk_test\u{202e} ${'x'.repeat(9999)}`;
  for (const status of [400, 503]) {
    office.server.faults.set(nonces, { status, body: { code: 'odd', detail } });
    const { err } = await enrol(office, ['--verbose']);
    expect(err).toContain(' [31m Bearer *** xxx');
    expect(err).not.toMatch(/tsk_test|(?!\n)\p{C}/u);
    expect(err.length).toBeLessThan(2000);
  }
});

it('fails once where a request cannot even be made', async () => {
  const exchange = exchangeWith('http://127.0.0.1:1', null, { connectMs: 5, totalMs: 10 });
  const headers = { Authorization: 'tsk_\u{1}' };
  await expect(
    exchange({ method: 'POST', path: '/', headers, body: Buffer.of() }),
  ).rejects.toMatchObject({ code: 'server-failed' });
  // Whatever still waited would be uncaught by now.
  await delay(30);
});

it('says that a key cannot be sent', async () => {
  const office = await openOffice();
  const odd = join(office.folder, 'odd.key');
  for (const text of ['tsk_\u{1}test', 'tsk test', 'tsk_\u{20ac}']) {
    writeFileSync(odd, `${text}\n`, { mode: 0o600 });
    const { err, status } = await enrol(office, ['--key-file', odd]);
    expect(status).toBe(exitCodes.storage);
    expect(err).toMatch(/odd\.key must hold the API key in one line, and nothing else\n$/);
  }
});

it('says who answers or that nobody does, and what is wrong with the file of the key', async () => {
  const office = await openOffice();
  const untrusted = await enrol(office, ['--server', office.server.url.replace('http:', 'https:')]);
  expect(untrusted.status).toBe(exitCodes.untrusted);
  expect(untrusted.err).toMatch(/did not prove by TLS that it is the right one \(https:.*--ca/);
  await office.server.stop();
  const nobody = await enrol(office);
  expect(nobody.status).toBe(exitCodes.unreachable);
  expect(nobody.err).toMatch(/nothing answers \(http:.*ECONNREFUSED.*check --server/);
  const none = await enrol(office, ['--key-file', join(office.folder, 'none.key')]);
  expect(none.status).toBe(exitCodes.storage);
  expect(none.err).toMatch(/there is no .*none\.key\n$/);
  writeFileSync(office.keyFile, 'tsk_test\nmore\n', { mode: 0o600 });
  const two = await enrol(office);
  expect(two.err).toMatch(/api\.key must hold the API key in one line, and nothing else\n$/);
});

it('says what to check where the module of this computer cannot be used', async () => {
  const office = await openOffice();
  const uri = 'pkcs11:token=desk?module-path=/nowhere/module.so&pin-source=/nowhere/pin';
  const ran = await enrol(office, ['--mode', 'hw', '--module-uri', uri]);
  expect(ran).toMatchObject({ status: exitCodes.device, out: '' });
  expect(ran.err).toMatch(/the PKCS#11 module cannot be used \(.*check module-path/);
});
