import {
  chownSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { isLongProof } from '../support/proof.ts';
import {
  enrol,
  equippedOffice,
  jane,
  logon,
  openOffice,
  type Office,
  runAgent,
} from './support/world.ts';

/** Every byte in the long form; in the short one the first of all and then one in so many. */
function* positions(length: number, samples: number): Generator<number> {
  const step = isLongProof ? 1 : Math.max(1, Math.floor(length / samples));
  for (let at = 0; at < length; at += step) yield at;
}

async function fileOf(office: Office, end: string): Promise<string> {
  const names = await office.computer.files.list(office.state);
  return join(
    office.state,
    names.find((name) => name.endsWith(end))!,
  );
}

it.each(['state', '.entries'])('accepts nothing once a byte of %s is another', async (end) => {
  const office = await equippedOffice();
  await office.server.stop();
  const before = join(office.folder, 'before');
  cpSync(office.state, before, { recursive: true });
  const path = await fileOf(office, end);
  const bytes = readFileSync(path);
  const typed = `${jane.pin}${office.shown()}`;
  for (const at of positions(bytes.length, 40)) {
    const changed = Buffer.from(bytes);
    changed[at] = changed[at]! ^ 1;
    writeFileSync(path, changed);
    const ran = await logon(office, typed);
    expect(ran, `byte ${at}`).toMatchObject({ status: exitCodes.damaged, out: '' });
    rmSync(office.state, { recursive: true });
    cpSync(before, office.state, { recursive: true });
  }
  expect(await logon(office, typed)).toMatchObject({ status: 0 });
});

it('gives up entries that were damaged for good, says so, and heals at the server', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  const path = await fileOf(office, '.entries');
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(1));
  await logon(office, `${jane.pin}${office.shown()}`);
  writeFileSync(path, bytes, { mode: 0o600 });
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: exitCodes.damaged });
  await office.server.start();
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  expect(office.server.records.map(({ kind }) => kind)).toContain('damaged');
  await office.server.stop();
  office.computer.pass(60_000);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
});

it('takes no package of which a byte is another', async () => {
  const office = await openOffice();
  await enrol(office);
  const [agent] = [...office.server.agents.values()];
  office.server.sequence = 1;
  const bytes = office.server.packageFor(agent!.agentId, { ...jane, header: { count: 5 } });
  for (const at of positions(bytes.length, 120)) {
    const changed = Buffer.from(bytes);
    changed[at] = changed[at]! ^ 1;
    office.server.packageFor = () => changed;
    const ran = await logon(office, `${jane.pin}${office.shown()}`);
    expect(ran.out, `byte ${at}`).toContain('could not be renewed');
  }
  const names = await office.computer.files.list(office.state);
  expect(names.filter((name) => name.endsWith('.entries'))).toEqual([]);
  office.server.packageFor = () => bytes;
  expect((await logon(office, `${jane.pin}${office.shown()}`)).out).toContain('is renewed');
});

it.each([
  ['older', { sequence: 1 }],
  ['expired', { notAfterMs: Date.UTC(2030, 0, 15), notBeforeMs: Date.UTC(2030, 0, 14) }],
  ['for hardware', { keyMode: 'hw' as const, sequence: 9 }],
])('takes no package that is %s', async (_, header) => {
  const office = await equippedOffice({ ...jane });
  office.server.users.set('jane', { ...jane, header });
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: 0 });
  expect(ran.out).toContain('could not be renewed');
  const update = await office.agent(
    ['update', 'jane', '--stdin'],
    [`${jane.pin}${office.shown()}`],
  );
  expect(update).toMatchObject({ status: exitCodes.damaged });
});

it('takes no package that was made for another agent', async () => {
  const office = await equippedOffice();
  const [first] = [...office.server.agents.keys()];
  const other = { ...office, state: join(office.folder, 'other') };
  const argv = ['--server', office.server.url, '--key-file', office.keyFile, '--mode', 'sw'];
  const enrolled = await runAgent(
    office.computer,
    other.state,
    ['enrol', '--name', 'other', ...argv],
    [],
  );
  expect(enrolled.status).toBe(0);
  const bytes = office.server.packageFor(first!, jane, { sequence: 7 });
  office.server.packageFor = () => bytes;
  const ran = await runAgent(
    office.computer,
    other.state,
    ['logon', 'jane', '--stdin'],
    [`${jane.pin}${office.shown()}`],
  );
  expect(ran.out).toContain('could not be renewed');
});

it('is revoked when an old folder is restored, or two copies are used', async () => {
  const office = await equippedOffice();
  const copy = join(office.folder, 'copy');
  cpSync(office.state, copy, { recursive: true });
  await office.server.stop();
  await logon(office, `${jane.pin}${office.shown()}`);
  await office.server.start();
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
  rmSync(office.state, { recursive: true });
  cpSync(copy, office.state, { recursive: true });
  expect(await office.agent(['report'])).toMatchObject({ status: exitCodes.revoked });
  await office.server.stop();
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: exitCodes.revoked, out: '' });
  const names = await office.computer.files.list(office.state);
  expect(names.filter((name) => name.endsWith('.entries'))).toEqual([]);
});

it('works in no folder, and with no file, that others can reach', async () => {
  const office = await equippedOffice();
  const { chmodSync } = await import('node:fs');
  for (const [path, mode, open] of [
    [office.state, 0o700, 0o750],
    [join(office.state, 'config.json'), 0o600, 0o644],
    [office.keyFile, 0o600, 0o640],
  ] as const) {
    chmodSync(path, open);
    const ran = await office.agent(['report']);
    expect(ran).toMatchObject({ status: exitCodes.storage, out: '' });
    expect(ran.err).toContain(`chmod ${mode.toString(8)} ${path}`);
    chmodSync(path, mode);
  }
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
});

it('works in no folder, and with no file, of another user', async () => {
  const office = await equippedOffice();
  const env = { ...office.computer.env, userId: 65_534 };
  const other = await runAgent({ env }, office.state, ['status'], []);
  expect(other).toMatchObject({ status: exitCodes.storage, out: '' });
  expect(other.err).toContain(`${office.state} belongs to user ${String(process.geteuid?.())}`);
  // Only root gives files away.
  if (process.geteuid?.() !== 0) return;
  for (const path of [office.state, join(office.state, 'config.json'), office.keyFile]) {
    chownSync(path, 65_534, 65_534);
    const ran = await office.agent(['report']);
    expect(ran, path).toMatchObject({ status: exitCodes.storage, out: '' });
    expect(ran.err).toContain(`${path} belongs to user 65534`);
    chownSync(path, 0, 0);
  }
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
});

it.each(['the folder', 'config.json', 'the key file'])(
  'follows no link in place of %s',
  async (what) => {
    const office = await equippedOffice();
    const path = {
      'the folder': office.state,
      'config.json': join(office.state, 'config.json'),
      'the key file': office.keyFile,
    }[what]!;
    renameSync(path, join(office.folder, 'moved'));
    symlinkSync(join(office.folder, 'moved'), path);
    const ran = await office.agent(['report']);
    expect(ran).toMatchObject({ status: exitCodes.storage, out: '' });
    expect(ran.err).toContain(`${path} is a link`);
    // With a slash behind it, a link to a folder is that folder to the system.
    const behind = await runAgent(office.computer, `${office.state}/`, ['report'], []);
    expect(behind).toMatchObject({ status: exitCodes.storage, out: '' });
  },
);

it('pins the key that the server signs by', async () => {
  const office = await openOffice();
  await expect(enrol(office, ['--mode', 'sw', '--server-key', '00'.repeat(32)])).rejects.toThrow(
    /signs by/,
  );
  expect(await office.agent(['status'])).toMatchObject({ status: exitCodes['not-enrolled'] });
  await enrol(office, ['--mode', 'sw', '--server-key', office.server.fingerprint]);
  await expect(enrol(office)).rejects.toThrow(/has an agent already/);
});

it.each(['state', 'config.json'])(
  'calls nothing damaged that cannot be read now: %s',
  async (name) => {
    const office = await equippedOffice();
    await office.server.stop();
    const { files } = office.computer;
    office.computer.files = {
      ...files,
      read: (path, bytesMax) => {
        if (!path.endsWith(`/${name}`)) return files.read(path, bytesMax);
        return Promise.reject(
          Object.assign(new Error('EIO: i/o error'), { code: 'EIO', syscall: 'read' }),
        );
      },
    };
    const typed = `${jane.pin}${office.shown()}`;
    expect(await logon(office, typed)).toMatchObject({ status: exitCodes.storage, out: '' });
    office.computer.files = files;
    expect(await logon(office, typed)).toMatchObject({ status: 0 });
  },
);
