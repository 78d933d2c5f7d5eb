import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
} from '../../support/cli.ts';
import { describeLayer } from '../../support/layers.ts';
import { administratorOf, createHolder, type Holder, must, type Send } from '../support.ts';
import { attributesOf, type Call, codesOf, type Judge, judges, valueOf } from './judges.ts';

let installation: Installation;
let server: ServerProcess;
let admin: Send;

beforeAll(async () => {
  installation = await freshInstallation();
  server = await startServer(installation.configFile, [`delivery.folder=${installation.folder}`]);
  admin = administratorOf(server, installation);
  await must(
    admin('PUT', '/v1/policies/judges', {
      parent: 'Local Authentication',
      settings: {
        genericAnswers: false,
        backupVirtual: 'permitted',
        backupVirtualRequestMethod: 'keyword-only',
        backupVirtualRequestKeyword: 'otp',
      },
    }),
  );
  await must(
    admin('POST', '/v1/components', {
      type: 'judge',
      location: '127.0.0.1',
      access: 'address',
      policy: 'judges',
    }),
  );
  const settings = { kind: 'file', fileName: 'sent.jsonl' };
  await must(admin('POST', '/v1/gateways', { name: 'desk', channel: 'sms', settings }));
});

afterAll(async () => {
  await server.end('SIGTERM');
  installation.remove();
});

const success = ['RET_SUCCESS', 'STAT_SUCCESS'];

function authUser(user: string, fields: Readonly<Record<string, string>>): Call {
  return {
    operation: 'authUser',
    set: 'credentialAttributeSet',
    attributes: {
      CREDFLD_COMPONENT_TYPE: 'judge',
      CREDFLD_USERID: user,
      CREDFLD_DOMAIN: 'master',
      ...fields,
    },
  };
}

const combined = (text: string) => ({ CREDFLD_PASSWORD_FORMAT: '0', CREDFLD_PASSWORD: text });

async function enablePin({ serial }: Holder): Promise<void> {
  await must(admin('POST', `/v1/authenticators/${serial}/pin`, { action: 'enable' }));
}

/** In the newest message. */
function sentOtp(): string {
  const lines = readFileSync(join(installation.folder, 'sent.jsonl'), 'utf8').trimEnd().split('\n');
  const { text } = JSON.parse(lines.at(-1) ?? '{}') as { text: string };
  return /[0-9]{6}/.exec(text)?.[0] ?? '';
}

async function showsOtp(judge: Judge, userName: string): Promise<void> {
  const wsdl = `${server.url}/wsdl/authentication.wsdl`;
  const { user, serial } = await createHolder(admin, userName);
  await must(admin('PATCH', `/v1/users/${user}`, { mobile: '+4915112345678' }));
  const [asked] = await judge(wsdl, [authUser(user, combined('otp'))]);
  expect(codesOf(asked)).toEqual(['RET_FAILURE', 'STAT_SUCCESS']);
  const { CREDFLD_CHALLENGE_KEY = '', ...shown } = attributesOf(asked);
  expect(CREDFLD_CHALLENGE_KEY).toMatch(/^[0-9]{10}$/);
  expect(shown['CREDFLD_CHALLENGE_MESSAGE']).toBe('Enter One-Time Password');
  expect(shown).toHaveProperty('CREDFLD_STATUS_MESSAGE');
  const answer = { ...combined(sentOtp()), CREDFLD_CHALLENGE_KEY };
  const [right, again] = await judge(wsdl, [authUser(user, answer), authUser(user, answer)]);
  expect(codesOf(right)).toEqual(success);
  expect(attributesOf(right)['CREDFLD_SERIAL_NO']).toBe(serial);
  expect(codesOf(again)).toEqual(['RET_FAILURE', 'STAT_OTP_ALREADY_USED']);
}

async function changesPassword(judge: Judge, userName: string): Promise<void> {
  const { user, serial } = await createHolder(admin, userName);
  const password = 'Sommer-2026';
  await must(admin('PUT', `/v1/users/${user}/password`, { password, policy: 'judges' }));
  const update = (current: string, confirmation: string): Call => ({
    operation: 'updatePassword',
    set: 'credentialAttributeSet',
    attributes: {
      CREDFLD_COMPONENT_TYPE: 'judge',
      CREDFLD_USERID: user,
      CREDFLD_STATIC_PASSWORD: current,
      CREDFLD_NEW_STATIC_PASSWORD: 'Herbst-2026',
      CREDFLD_CONFIRM_STATIC_PASSWORD: confirmation,
    },
  });
  const answers = await judge(`${server.url}/wsdl/authentication.wsdl`, [
    update('wrong', 'Herbst-2026'),
    update(password, 'Winter-2026'),
    update(password, 'Herbst-2026'),
    {
      operation: 'changeBackendPassword',
      arguments: {
        componentType: 'judge',
        user: { userID: user, domain: 'master' },
        credential: { staticPassword: password },
        newStaticPassword: 'Herbst-2026',
      },
    },
    {
      operation: 'cancelAuthUser',
      arguments: { componentType: 'judge', serialNumber: serial, challengeKeyMessage: '00ff' },
    },
  ]);
  expect(answers.map(codesOf)).toEqual([
    ['RET_FAILURE', 'STAT_LOCAL_PASSWORD_MISMATCH'],
    ['RET_FAILURE', 'STAT_PASSWORD_REFUSED'],
    success,
    ['RET_FAILURE', 'STAT_LOCALAUTH'],
    ['RET_FAILURE', 'STAT_NOT_FOUND'],
  ]);
}

for (const [number, [name, layer, judge]] of judges.entries()) {
  const define = (): void => {
    it('logs a user on, and is told why it can’t', async () => {
      const holder = await createHolder(admin, `on${number}jane`);
      const [right, wrong, again] = await judge(`${server.url}/wsdl/authentication.wsdl`, [
        authUser(holder.user, combined(holder.response(0))),
        authUser(holder.user, combined('000000')),
        authUser(holder.user, combined(holder.response(0))),
      ]);
      expect(codesOf(right)).toEqual(success);
      expect(attributesOf(right)).toEqual({
        CREDFLD_USERID: holder.user,
        CREDFLD_DOMAIN: 'master',
        CREDFLD_SERIAL_NO: holder.serial,
      });
      expect(valueOf(right, 'returnCode')).toBe('0');
      expect(codesOf(wrong)).toEqual(['RET_FAILURE', 'STAT_OTP_INCORRECT']);
      expect(valueOf(wrong, 'errorDesc')).toContain('incorrect');
      expect(attributesOf(wrong)).toHaveProperty('CREDFLD_STATUS_MESSAGE');
      expect(codesOf(again)).toEqual(['RET_FAILURE', 'STAT_OTP_ALREADY_USED']);
    });

    it('sets a server PIN, logs on with it and changes it', async () => {
      const holder = await createHolder(admin, `pin${number}jane`);
      await enablePin(holder);
      const change = { CREDFLD_NEW_PIN: '9038', CREDFLD_CONFIRM_NEW_PIN: '9038' };
      const answers = await judge(`${server.url}/wsdl/authentication.wsdl`, [
        authUser(holder.user, combined(`${holder.response(0)}47214721`)),
        authUser(holder.user, combined(`4721${holder.response(1)}`)),
        authUser(holder.user, {
          CREDFLD_PASSWORD_FORMAT: '4',
          CREDFLD_CURRENT_PIN: '4721',
          CREDFLD_DP_RESPONSE: holder.response(2),
          ...change,
        }),
        authUser(holder.user, combined(`4721${holder.response(3)}`)),
        authUser(holder.user, combined(`9038${holder.response(3)}`)),
      ]);
      const incorrect = ['RET_FAILURE', 'STAT_OTP_INCORRECT'];
      expect(answers.map(codesOf)).toEqual([success, success, success, incorrect, success]);
    });

    it('asks for a one-time password and shows it', () => showsOtp(judge, `otp${number}jane`));

    it('changes a password, and asks for what is not there', () =>
      changesPassword(judge, `word${number}jane`));

    it('synchronises an authenticator', async () => {
      const holder = await createHolder(admin, `sync${number}jane`);
      const credential = {
        otp1: { response: holder.response(500) },
        otp2: { response: holder.response(501) },
        serialNumber: holder.serial,
      };
      const user = { userID: holder.user, domain: 'master' };
      const call = (given: object): Call => ({
        operation: 'syncTokenAndHost',
        arguments: { componentType: 'judge', user, credential: given },
      });
      const [right, again] = await judge(`${server.url}/wsdl/authentication.wsdl`, [
        call(credential),
        call(credential),
      ]);
      expect(codesOf(right)).toEqual(success);
      expect(valueOf(right, 'userID')).toBe(holder.user);
      expect(valueOf(right, 'serialNumber')).toBe(holder.serial);
      expect(codesOf(again)).toEqual(['RET_FAILURE', 'STAT_OTP_ALREADY_USED']);
      expect(valueOf(again, 'userID')).toBe(holder.user);
    });

    it('asks for a challenge', async () => {
      const holder = await createHolder(admin, `ask${number}jane`);
      const [answer] = await judge(`${server.url}/wsdl/authentication.wsdl`, [
        {
          operation: 'getChallenge',
          set: 'credentialAttributeSet',
          attributes: { CREDFLD_COMPONENT_TYPE: 'judge', CREDFLD_USERID: holder.user },
        },
      ]);
      expect(codesOf(answer)).toEqual(success);
      expect(attributesOf(answer)['CREDFLD_CHALLENGE']).toMatch(/^[0-9]{8}$/);
      expect(attributesOf(answer)['CREDFLD_CHALLENGE_KEY']).toMatch(/^[0-9]{10}$/);
    });

    it('signs an administrator on and off', async () => {
      const holder = await createHolder(admin, `adm${number}jane`);
      await must(admin('PATCH', `/v1/users/${holder.user}`, { administratorRole: 'helpdesk' }));
      const wsdl = `${server.url}/wsdl/administration.wsdl`;
      const [on] = await judge(wsdl, [
        {
          operation: 'logon',
          set: 'attributeSet',
          attributes: {
            CREDFLD_USERID: holder.user,
            CREDFLD_DOMAIN: 'master',
            ...combined(holder.response(0)),
          },
        },
      ]);
      expect(codesOf(on)).toEqual(success);
      const { CREDFLD_SESSION_ID = '', ...shown } = attributesOf(on);
      expect(CREDFLD_SESSION_ID).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(shown['CREDFLD_LOGICAL_ADMIN_PRIVILEGES']).toMatch(
        /^[A-Z_]+ (true|false)(, [A-Z_]+ (true|false))*$/,
      );
      const attributes = { CREDFLD_SESSION_ID };
      const after = await judge(
        wsdl,
        ['sessionalive', 'logoff', 'sessionalive'].map((operation) => ({
          operation,
          set: 'attributeSet',
          attributes,
        })),
      );
      const stopped = ['RET_FAILURE', 'STAT_ADMIN_SESSION_STOPPED'];
      expect(after.map(codesOf)).toEqual([success, success, stopped]);
    });
  };
  if (layer === null) describeLayer('softhsm', `${name}, from the served WSDL`, define);
  else describeLayer(layer, `${name}, from the served WSDL`, define);
}
