import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Finished,
  freshInstallation,
  type Installation,
  runTallystick,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { attributesOf, type Call, codesOf, type Judge, judges } from './soap/judges.ts';
import { administratorOf, type Answer, clientUnder, must, type Send, vtokenIn } from './support.ts';

/**
 * Emulated devices that sign, paired with a real server and SoftHSM by the command lines of both; what
 * they show is verified by REST, by SOAP and by the command.
 */
const asked = 'ACCOUNT:N10,AMOUNT:N12';
const fields = ['4711', '125000'];
const [, , npmSoap] = judges[0]!;

describeLayer('softhsm', 'a device that signs', () => {
  let installation: Installation;
  let server: ServerProcess;
  let admin: Send;
  let client: Send;
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-sign-'));

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    admin = administratorOf(server, installation);
    const settings = {
      genericAnswers: false,
      oneStepChallengeResponse: 'any-challenge',
      userLockThreshold: 0,
    };
    client = await clientUnder(server, admin, 'bank', settings);
  });

  afterAll(async () => {
    await server.end('SIGTERM');
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const vtoken = vtokenIn(folder);

  function tallystick(argv: readonly string[], input?: string): Promise<Finished> {
    const environment = {
      TALLYSTICK_SERVER: server.url,
      TALLYSTICK_KEY_FILE: installation.adminKeyFile,
    };
    return runTallystick(argv, { environment, ...(input === undefined ? {} : { input }) });
  }

  /** A user with a device whose seed the server made. */
  async function pair(
    user: string,
    serial: string,
    application: string,
    ...more: readonly string[]
  ): Promise<void> {
    const [request, bundle] = [join(folder, `${user}.request`), join(folder, `${user}.bundle`)];
    await must(admin('POST', '/v1/users', { user }));
    const program = ['--profile', 'keypad-multi', '--application', application, ...more];
    await vtoken('pair', '--request', request, '--serial', serial, ...program);
    const issue = ['token', 'issue', '--to-emulator', request, '--out', bundle, '--user', user];
    expect(await tallystick(issue)).toMatchObject({ code: 0 });
    await vtoken('pair', '--accept', bundle);
  }

  function sign(serial: string, of: readonly string[] = fields): Promise<string> {
    return vtoken('sign', serial, ...of.flatMap((field) => ['--field', field]));
  }

  function verify(user: string, signature: string, of = fields): Promise<Answer> {
    return client('POST', '/v1/signatures', { user, signature, fields: of });
  }

  /** By a program that knows nothing of ours but the description; the fields in a list, or as attributes. */
  async function verifyBySoap(
    user: string,
    signature: string,
    times: number,
    shown: Readonly<Record<string, string>> = {},
    {
      form = 'list',
      judge = npmSoap,
    }: { readonly form?: 'list' | 'attributes'; readonly judge?: Judge } = {},
  ): Promise<(string | undefined)[][]> {
    const listed = fields.map((value, index) => ({ key: String(index + 1), value }));
    const numbered = listed.map(({ key, value }) => [`SIGNFLD_DATA_FIELD_${key}`, value] as const);
    const named: Readonly<Record<string, string>> =
      form === 'attributes' ? Object.fromEntries(numbered) : {};
    const attributes = {
      SIGNFLD_COMPONENT_TYPE: 'bank',
      SIGNFLD_USERID: user,
      SIGNFLD_SIGNATURE: signature,
      ...('SIGNFLD_CONFIRM_CODE' in shown ? { SIGNFLD_REQUEST_CONFIRM_CODE: 'Required' } : {}),
      ...named,
    };
    const call: Call = {
      operation: 'authSignature',
      arguments: {
        attributeSet: {
          attributes: Object.entries(attributes).map(([attributeID, value]) => ({
            value,
            attributeID,
          })),
        },
        ...(form === 'list' ? { dataFieldList: { dataField: listed } } : {}),
      },
    };
    const calls = Array.from({ length: times }, () => call);
    const answers = await judge(`${server.url}/wsdl/signature.wsdl`, calls);
    expect(attributesOf(answers[0])).toMatchObject({ SIGNFLD_USERID: user, ...shown });
    return answers.map((answer) => [...codesOf(answer)]);
  }

  const refused = (code: string): object => ({ status: 403, body: { code } });

  it('by the clock is accepted once, over what was signed, by REST, SOAP and the command', async () => {
    const [user, serial] = ['jane', 'SG00000001'];
    await pair(user, serial, `SIGN=sign:OCRA-1:HOTP-SHA1-8:QH40-T30S/${asked}`);
    const signature = await sign(serial);
    expect(signature).toMatch(/^[0-9]{8}$/);
    expect(await verify(user, signature, ['4711', '125001'])).toMatchObject(
      refused('response-incorrect'),
    );
    expect(await verify(user, signature)).toMatchObject({
      status: 200,
      body: { outcome: 'signature-accepted', user, serial, application: 'SIGN' },
    });
    expect(await verify(user, signature)).toMatchObject(refused('response-replayed'));
    expect((await verifyBySoap(user, signature, 1))[0]?.[0]).toBe('RET_FAILURE');
    const over = ['verify-signature', user, '--field', '4711', '--field', '125000'];
    expect(await tallystick(over, `${signature}\n`)).toMatchObject({ code: 1, stdout: '' });
  });

  it('by the counter is answered with the host code that the device shows', async () => {
    const [user, serial] = ['jill', 'SG00000004'];
    const application = `SIGN=sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`;
    await pair(user, serial, application, '--with-host-code', 'SIGN');
    const signWithHostCode = async (): Promise<string[]> => {
      const options = fields.flatMap((field) => ['--field', field]);
      return (await vtoken('sign', serial, ...options, '--host-code')).split('\n');
    };
    const [first = '', shown] = await signWithHostCode();
    expect(shown).toMatch(/^[0-9]{8}$/);
    const body = { user, signature: first, fields, hostCode: 'required' };
    expect(await client('POST', '/v1/signatures', body)).toMatchObject({
      status: 200,
      body: { hostCode: shown },
    });
    const [second = '', next = ''] = await signWithHostCode();
    await verifyBySoap(user, second, 1, { SIGNFLD_CONFIRM_CODE: next });
    const [third = '', last] = await signWithHostCode();
    const over = ['verify-signature', user, '--field', '4711', '--field', '125000'];
    const ended = await tallystick([...over, '--host-code', 'required'], `${third}\n`);
    expect(ended.stdout).toBe(
      `Accepted: signed by ${serial}/SIGN of ${user}. Host code: ${last}.\n`,
    );
  });

  it('by the counter as well, each in its order, and lets nobody in', async () => {
    const [user, serial] = ['joan', 'SG00000002'];
    await pair(user, serial, `SIGN=sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
    const [first, second, third] = [await sign(serial), await sign(serial), await sign(serial)];
    const [once, again] = await verifyBySoap(user, second, 2);
    expect(once).toEqual(['RET_SUCCESS', 'STAT_SUCCESS']);
    expect(again).toEqual(['RET_FAILURE', 'STAT_OTP_ALREADY_USED']);
    expect(await verify(user, first)).toMatchObject(refused('response-replayed'));
    const logon = { user, response: third, challenge: '4711' };
    expect(await client('POST', '/v1/authenticate', logon)).toMatchObject(
      refused('authenticator-not-permitted'),
    );
    const over = ['verify-signature', user, '--field', '4711', '--field', '125000'];
    expect(await tallystick(over, `${third}\n`)).toMatchObject({
      code: 0,
      stdout: `Accepted: signed by ${serial}/SIGN of ${user}.\n`,
    });
  });

  for (const [index, [name, layer, judge]] of judges.entries()) {
    describeLayer(layer ?? 'softhsm', `with ${name}`, () => {
      it('is verified over data fields that come as attributes', async () => {
        const [user, serial] = [`jess-${index}`, `SG0000001${index}`];
        await pair(user, serial, `SIGN=sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
        const signature = await sign(serial);
        const answers = await verifyBySoap(user, signature, 2, {}, { form: 'attributes', judge });
        expect(answers).toEqual([
          ['RET_SUCCESS', 'STAT_SUCCESS'],
          ['RET_FAILURE', 'STAT_OTP_ALREADY_USED'],
        ]);
      });
    });
  }

  it('in two modes answers challenges with the same seed, and neither is good for the other', async () => {
    const [user, serial] = ['june', 'SG00000003'];
    await pair(user, serial, `MULTI=multi:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
    const challenge = '12345678';
    const respond = (): Promise<string> => vtoken('respond', serial, '--challenge', challenge);
    const logOn = (response: string): Promise<Answer> =>
      client('POST', '/v1/authenticate', { user, challenge, response });
    expect(await verify(user, await respond())).toMatchObject(refused('response-incorrect'));
    expect(await logOn(await sign(serial))).toMatchObject(refused('response-incorrect'));
    const signature = await sign(serial);
    expect(await verify(user, signature)).toMatchObject({ status: 200 });
    expect(await verify(user, signature)).toMatchObject(refused('response-replayed'));
    const response = await respond();
    expect(await logOn(response)).toMatchObject({ status: 200, body: { application: 'MULTI' } });
    expect(await logOn(response)).toMatchObject(refused('response-replayed'));
  });
});
