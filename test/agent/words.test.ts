import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { run } from '../../src/agent/run.ts';
import { enrol, equippedOffice, jane, logon, openOffice, type Office } from './support/world.ts';

const tooMany = { status: 'not-permitted', reason: 'too-many-packages' };

function update(office: Office, more: readonly string[] = []): ReturnType<typeof office.agent> {
  return office.agent(['update', 'jane', '--stdin', ...more], [`${jane.pin}${office.shown()}`]);
}

it('tells whoever typed all of it right that the data is not renewed, and scripts why', async () => {
  const office = await equippedOffice();
  office.server.offer = tooMany;
  const told = await update(office);
  expect(told).toMatchObject({ status: exitCodes.refused, out: '' });
  expect(told.err).toBe('The offline data is not renewed: it is not permitted.\n');
  const json = await update(office, ['--json']);
  expect(JSON.parse(json.out)).toMatchObject({
    note: 'not-permitted',
    reason: 'too-many-packages',
  });
  const signedOn = await logon(office, `${jane.pin}${office.shown()}`);
  expect(signedOn.out).toContain('The offline data is not renewed');
  await office.server.stop();
  const alone = await logon(office, `${jane.pin}${office.shown(1)}`, ['--json']);
  expect(JSON.parse(alone.out)).toMatchObject({ note: null, reason: null });
});

it('says that there is none where there is none', async () => {
  const office = await openOffice();
  await enrol(office);
  office.server.offer = { status: 'not-permitted', reason: 'response-too-short' };
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran.out).toBe('Signed in.\nNo offline data is permitted.\n');
});

it('sends nobody to the server for what the server cannot mend', async () => {
  const office = await equippedOffice();
  writeFileSync(join(office.state, 'state'), 'garbage', { mode: 0o600 });
  for (const argv of [['logon', 'jane', '--stdin'], ['status']]) {
    const ran = await office.agent(argv, [`${jane.pin}${office.shown()}`]);
    expect(ran).toMatchObject({ status: exitCodes.damaged, out: '' });
    expect(ran.err).toContain('Call the help desk');
    expect(ran.err).not.toContain('Connect');
  }
});

it('is reset, and names itself, whatever its configuration is like', async () => {
  const office = await equippedOffice();
  const [agentId = ''] = [...office.server.agents.keys()];
  const ran = await office.agent(['reset', '--yes']);
  expect(ran.out).toBe(`Everything is destroyed. Revoke this agent at the server: ${agentId}\n`);
  await enrol(office);
  writeFileSync(join(office.state, 'config.json'), '{', { mode: 0o600 });
  const refused = await office.agent(['status']);
  expect(refused).toMatchObject({ status: exitCodes.damaged });
  expect(refused.err).toContain('tallystick-agent reset');
  const mended = await office.agent(['reset', '--yes']);
  expect(mended).toMatchObject({ status: 0 });
  expect(mended.out).toContain('a PKCS#11 module');
  expect(await office.computer.files.list(office.state)).toEqual([]);
  await enrol(office);
});

it('compares only what can be a fingerprint, and names whom to revoke when it is another', async () => {
  const office = await openOffice();
  const refuse = enrol(office, ['--mode', 'sw', '--server-key', 'abc']);
  await expect(refuse).rejects.toThrow(/64 hexadecimal digits/);
  expect(office.server.agents.size).toBe(0);
  const other = enrol(office, ['--mode', 'sw', '--server-key', '00'.repeat(32)]);
  await expect(other).rejects.toThrow(/signs by/);
  const [agentId = ''] = [...office.server.agents.keys()];
  await expect(other).rejects.toThrow(`revoke-agent ${agentId}`);
});

it.each(['http://127.0.0.1:1/otp', 'http://127.0.0.1:1/?a', 'https://jane:secret@otp.example.org'])(
  'takes no address of which it would use a part: %s',
  async (server) => {
    const office = await openOffice();
    const argv = ['--key-file', office.keyFile, '--name', 'desk', '--mode', 'sw'];
    const ran = await office.agent(['enrol', '--server', server, ...argv]);
    expect(ran).toMatchObject({ status: exitCodes.usage, out: '' });
    expect(ran.err).toContain('nothing behind');
    expect(ran.err).not.toContain('secret');
  },
);

it('keeps the words of the server and the challenge apart', async () => {
  const office = await openOffice();
  await enrol(office);
  const body = { challengeKey: 'k', message: 'Enter Response', challenge: '34222663' };
  office.server.faults.set('/v1/offline/logon', { status: 202, body });
  expect((await logon(office, 'c')).err).toContain('Enter Response\nChallenge: 34222663\n');
  const sent = { challengeKey: 'k', message: 'Look at your telephone', challenge: null };
  office.server.faults.set('/v1/offline/logon', { status: 202, body: sent });
  expect((await logon(office, 'c')).err).toMatch(/^Look at your telephone\n(?!Challenge)/);
});

it('counts one line as one', async () => {
  const office = await equippedOffice();
  await office.agent(['remove', 'jane']);
  await office.agent(['report']);
  await logon(office, `${jane.pin}${office.shown()}`);
  expect((await office.agent(['report'])).out).toBe('Reported: 1 line.\n');
});

it('says once that it waits for the share of the server', async () => {
  const office = await openOffice();
  await enrol(office, ['--mode', 'ram']);
  await office.server.stop();
  const said: string[] = [];
  const sleeps: number[] = [];
  const controller = new AbortController();
  const ran = run({
    env: {
      ...office.computer.env,
      sleepMs: (durationMs) => {
        sleeps.push(durationMs);
        if (sleeps.length === 12) controller.abort();
        return Promise.resolve();
      },
    },
    folder: office.state,
    patience: { connectMs: 2000, totalMs: 10_000 },
    log: () => undefined,
    say: (text) => said.push(text),
    signal: controller.signal,
  });
  await expect(ran).rejects.toMatchObject({ code: 'unreachable' });
  expect(said).toEqual([
    'The server cannot be reached. Nobody signs on here before the server was reached.',
  ]);
  // People wait for it: nobody is to sit there for a quarter of an hour when the network is back.
  expect(Math.max(...sleeps)).toBeLessThanOrEqual(60_000);
  const typed = `${jane.pin}${office.shown()}`;
  const ended = await logon(office, typed);
  expect(ended).toMatchObject({ status: exitCodes['not-running'], out: '' });
  expect(ended.err).toContain('has not reached the server since');
});
