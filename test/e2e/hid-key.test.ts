import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  runProgram,
  runTallystick,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { attributesOf, type Call, codesOf, judges } from './soap/judges.ts';
import {
  administratorOf,
  type Answer,
  clientUnder,
  must,
  type Send,
  vtokenIn,
  vtokenProgram,
} from './support.ts';

/**
 * An emulated key and a real server with SoftHSM: the seed goes into the module by the command line, the
 * challenge comes by REST or SOAP, the key answers it in frames.
 */
const pin = '4711';

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

describeLayer('softhsm', 'a key that answers challenges', () => {
  let installation: Installation;
  let server: ServerProcess;
  let admin: Send;
  let client: Send;
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-hid-'));

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    admin = administratorOf(server, installation);
    const settings = {
      genericAnswers: false,
      oneStepChallengeResponse: 'server-challenge',
      oneStepChallengeFormat: 'hex',
      userLockThreshold: 0,
    };
    client = await clientUnder(server, admin, 'desk', settings);
  });

  afterAll(async () => {
    await server.end('SIGTERM');
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const vtoken = vtokenIn(folder);

  /** A new key; the seeds of its slots, in base32. */
  async function newKey(serial: string): Promise<readonly string[]> {
    const file = join(folder, `${serial}.seeds`);
    await vtoken('new', serial, '--profile', 'otp-hid-key', '--seed-out', file);
    return readFileSync(file, 'utf8').trim().split('\n');
  }

  /** A user with a key, whose seeds are in the module. */
  async function enrol(user: string, serial: string): Promise<void> {
    const applications = (await newKey(serial)).map((value, index) => ({
      name: `SLOT${String(index + 1)}`,
      mode: 'challenge-response',
      algorithm: { kind: 'hmac-challenge', hash: 'SHA1' },
      seed: { source: 'import', encoding: 'base32', value },
    }));
    await must(admin('POST', '/v1/authenticators', { serial, model: 'KEY', applications }));
    await give(user, serial);
  }

  async function give(user: string, serial: string): Promise<void> {
    await must(admin('POST', '/v1/users', { user }));
    await must(admin('POST', `/v1/authenticators/${serial}/assign`, { user }));
  }

  async function challengeFor(user: string): Promise<string> {
    const { challenge } = await must(client('POST', '/v1/challenges', { user }));
    expect(challenge).toMatch(/^[0-9a-f]{64}$/);
    return String(challenge);
  }

  function respond(serial: string, slot: 1 | 2, challenge: string): Promise<string> {
    const touch = slot === 2 ? ['--touch'] : [];
    return vtoken(
      ...['hid', 'respond', '--serial', serial, '--slot', String(slot), ...touch],
      ...['--challenge', challenge],
    );
  }

  function authenticate(body: object): Promise<Answer> {
    return client('POST', '/v1/authenticate', body);
  }

  it('logs its user on once per challenge, from either slot, in either case', async () => {
    const [user, serial] = ['jane', 'HK00000001'];
    await enrol(user, serial);
    for (const slot of [1, 2] as const) {
      const challenge = await challengeFor(user);
      const response = await respond(serial, slot, challenge);
      expect(response).toMatch(/^[0-9a-f]{40}$/);
      const right = { user, challenge, response: slot === 1 ? response : response.toUpperCase() };
      expect(await authenticate(right)).toMatchObject({
        status: 200,
        body: { outcome: 'accepted', serial, application: `SLOT${String(slot)}` },
      });
      expect(await authenticate(right)).toMatchObject({
        status: 403,
        body: { code: 'challenge-unknown' },
      });
    }
  });

  it('is enrolled by the command line as well, one slot of it', async () => {
    const [user, serial] = ['jean', 'HK00000006'];
    const [, seed = ''] = await newKey(serial);
    const file = join(folder, 'slot2.seed');
    writeFileSync(file, `${seed}\n`, { mode: 0o600 });
    const create = ['token', 'create', serial, '--import-base32-file', file];
    const made = await runTallystick([...create, '--application', 'SLOT2=HMAC-SHA1-CR'], {
      environment: {
        TALLYSTICK_SERVER: server.url,
        TALLYSTICK_KEY_FILE: installation.adminKeyFile,
      },
    });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    await give(user, serial);
    const challenge = await challengeFor(user);
    const response = await respond(serial, 2, challenge);
    expect(await authenticate({ user, challenge, response })).toMatchObject({ status: 200 });
  });

  it('is paired in one line, and of another slot no response is taken', async () => {
    const [user, serial] = ['josh', 'HK00000007'];
    await must(admin('POST', '/v1/users', { user }));
    const environment = {
      TALLYSTICK_SERVER: server.url,
      TALLYSTICK_KEY_FILE: installation.adminKeyFile,
      VTOKEN_DIR: folder,
    };
    const [vtokenRun, tallystickRun] = ['vtoken', 'tallystick'].map((name) =>
      fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url)),
    );
    const line =
      `'${vtokenRun}' pair --request - --serial ${serial} --profile otp-hid-key | ` +
      `'${tallystickRun}' token issue --to-emulator - --out - --user ${user} | ` +
      `'${vtokenRun}' pair --accept -`;
    const paired = await runProgram('bash', ['-o', 'pipefail', '-c', line], { environment });
    expect(paired).toMatchObject({ code: 0, stdout: `${serial}\n` });
    expect(await vtoken('list')).toContain(`${serial}          VTHK1    paired      SLOT1=HMAC`);
    const view = await must(admin('GET', `/v1/authenticators/${serial}`));
    expect(view).toMatchObject({ isVirtual: true, model: 'VTHK1' });
    const named = async (answering: 1 | 2, application: string): Promise<Answer> => {
      const challenge = await challengeFor(user);
      const response = await respond(serial, answering, challenge);
      return authenticate({ user, challenge, response, application });
    };
    expect(await named(2, 'SLOT2')).toMatchObject({
      status: 200,
      body: { outcome: 'accepted', serial, application: 'SLOT2' },
    });
    expect(await named(1, 'SLOT2')).toMatchObject({
      status: 403,
      body: { code: 'response-incorrect' },
    });
    // The bundle is used up: nobody makes a second key of it.
    const again = await runProgram(
      'bash',
      ['-c', `'${vtokenRun}' pair --request - --serial ${serial}`],
      {
        environment,
      },
    );
    expect(again).toMatchObject({ code: 1, stdout: '' });
  });

  it('needs no node-hid: a key that is emulated is used without, and what needs it says so', async () => {
    const hook =
      'export async function resolve(name, context, next) { if (name !== "node-hid") return next(name, context); ' +
      'throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" }); }';
    const register = `import { register } from "node:module"; register(${JSON.stringify(dataUrl(hook))});`;
    const run = (...argv: string[]) =>
      runProgram(process.execPath, ['--import', dataUrl(register), vtokenProgram, ...argv], {
        environment: { VTOKEN_DIR: folder },
      });
    const asked = ['--serial', 'HK00000001', '--slot', '1', '--challenge-text', 'sample'];
    for (const argv of [
      ['list'],
      ['hid', 'respond', ...asked],
      ['hid', 'info', ...asked.slice(0, 2)],
    ]) {
      expect(await run(...argv), argv.join(' ')).toMatchObject({ code: 0, stderr: '' });
    }
    const listed = await run('hid', 'list');
    expect(listed).toMatchObject({
      code: 5,
      stdout: expect.stringContaining('HK00000001') as string,
      stderr: expect.stringContaining('npm install --include=optional') as string,
    });
  });

  it('is refused with a wrong response, one to another challenge, and one that is cut', async () => {
    const [user, serial] = ['joan', 'HK00000002'];
    await enrol(user, serial);
    const before = await respond(serial, 1, await challengeFor(user));
    const flipped = (text: string): string =>
      `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
    for (const change of [flipped, () => before]) {
      const challenge = await challengeFor(user);
      const right = await respond(serial, 1, challenge);
      const refused = await authenticate({ user, challenge, response: change(right) });
      expect(refused).toMatchObject({ status: 403, body: { code: 'response-incorrect' } });
      // One try each: a challenge that was answered wrong is used up.
      const late = await authenticate({ user, challenge, response: right });
      expect(late).toMatchObject({ status: 403, body: { code: 'challenge-unknown' } });
    }
    const cutFor = await challengeFor(user);
    const cut = (await respond(serial, 1, cutFor)).slice(0, 10);
    expect(await authenticate({ user, challenge: cutFor, response: cut })).toMatchObject({
      status: 403,
      body: { code: expect.stringMatching(/^response-(malformed|incorrect)$/) as string },
    });
    // A challenge of one's own would do for whoever overheard its response.
    const challenge = 'ab'.repeat(32);
    const response = await respond(serial, 1, challenge);
    const own = await authenticate({ user, challenge, response });
    expect(own).toMatchObject({ status: 403, body: { code: 'challenge-unknown' } });
  });

  it('takes a server PIN in front of the 40 digits', async () => {
    const [user, serial] = ['june', 'HK00000003'];
    await enrol(user, serial);
    const path = `/v1/authenticators/${serial}/pin`;
    await must(admin('POST', path, { action: 'enable' }));
    await must(admin('POST', path, { action: 'set', pin, confirmation: pin, mustChange: false }));
    const logon = async (front: string): Promise<Answer> => {
      const challenge = await challengeFor(user);
      const response = await respond(serial, 1, challenge);
      return authenticate({ user, challenge, password: front + response });
    };
    expect((await logon('')).status).toBe(403);
    expect((await logon('4712')).status).toBe(403);
    expect(await logon(pin)).toMatchObject({ status: 200, body: { application: 'SLOT1' } });
  });

  it('logs on by SOAP as well', async () => {
    const [user, serial] = ['jill', 'HK00000004'];
    await enrol(user, serial);
    const [[, , judge] = []] = judges;
    const call = (operation: string, fields: Readonly<Record<string, string>>): Call => ({
      operation,
      set: 'credentialAttributeSet',
      attributes: { CREDFLD_COMPONENT_TYPE: 'desk', CREDFLD_USERID: user, ...fields },
    });
    const wsdl = `${server.url}/wsdl/authentication.wsdl`;
    const [asked] = await judge!(wsdl, [call('getChallenge', {})]);
    const { CREDFLD_CHALLENGE = '' } = attributesOf(asked);
    expect(CREDFLD_CHALLENGE).toMatch(/^[0-9a-f]{64}$/);
    const fields = {
      CREDFLD_CHALLENGE,
      CREDFLD_PASSWORD_FORMAT: '0',
      CREDFLD_PASSWORD: await respond(serial, 2, CREDFLD_CHALLENGE),
    };
    const [right, again] = await judge!(wsdl, [call('authUser', fields), call('authUser', fields)]);
    expect(codesOf(right)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS']);
    expect(codesOf(again)[0]).toBe('RET_FAILURE');
  });

  it('has its seed beside no other application', async () => {
    const seeds = readFileSync(join(folder, 'HK00000001.seeds'), 'utf8').split('\n');
    const twin = {
      serial: 'HK00000005',
      model: 'TEST',
      applications: [
        {
          name: 'EVENT',
          mode: 'response-only',
          algorithm: { kind: 'event', hash: 'SHA1', digits: 6 },
          seed: { source: 'import', encoding: 'base32', value: seeds[0] },
        },
      ],
    };
    expect(await admin('POST', '/v1/authenticators', twin)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('HK00000001/SLOT1') as string },
    });
  });
});
