import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Inbox, otpOf, startInbox } from '../../../emulator/index.ts';
import { createDelivery } from '../../../src/delivery/index.ts';
import type { GatewaySettings } from '../../../src/domain/gateway.ts';
import { type Edges, openEdges } from './edges.ts';
import {
  backupOf,
  giveContact,
  giveGateway,
  givePassword,
  giveVirtual,
  setAuthenticator,
} from '../../support/people.ts';
import { hotp6 } from '../../support/builders.ts';
import { attributeCommand, type SoapAnswer, soapCall } from '../../support/soap-client.ts';

/** One-time passwords that really go: by SMTP and HTTP to a telephone and a mailbox on loopback. */

const password = 'Sommer-2026';
const email = 'jane@example.test';
const mobile = '+4915112345678';

let edges: Edges;
let inbox: Inbox;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-delivery-'));
  inbox = await startInbox();
  edges = await openEdges({ delivery: createDelivery({ folder }) });
  const { smtp, http } = inbox.ports;
  const mail: GatewaySettings = {
    kind: 'smtp',
    host: '127.0.0.1',
    port: smtp,
    security: 'none',
    userName: null,
    from: 'otp@example.test',
    subject: 'Your logon',
  };
  const sms: GatewaySettings = {
    kind: 'http',
    url: `http://127.0.0.1:${http}/messages`,
    content: 'json',
    body: '{"to":"{to}","text":"{text}"}',
    headers: {},
  };
  await giveGateway(edges.bench, 'email', { settings: mail });
  await giveGateway(edges.bench, 'sms', { settings: sms });
  await giveGateway(edges.bench, 'voice', { settings: { kind: 'file', fileName: 'calls.jsonl' } });
});

afterAll(async () => {
  await edges.close();
  await inbox.close();
  rmSync(folder, { recursive: true, force: true });
});

async function virtualUser(): Promise<string> {
  const { bench } = edges;
  const userName = await bench.user();
  await giveVirtual(bench, userName);
  await giveContact(bench, userName, { email, mobile });
  await givePassword(bench, userName, password);
  return userName;
}

function authUser(
  type: string,
  userName: string,
  text: string,
  more: Readonly<Record<string, string>> = {},
): Promise<SoapAnswer> {
  return soapCall(
    edges.url,
    attributeCommand('aut:authUser', {
      CREDFLD_COMPONENT_TYPE: type,
      CREDFLD_USERID: userName,
      CREDFLD_PASSWORD_FORMAT: '0',
      CREDFLD_PASSWORD: text,
      ...more,
    }),
  );
}

describe.each([
  ['email', email],
  ['sms', mobile],
] as const)('by %s', (virtualDelivery, to) => {
  it('arrives, and logs its user on by key or by password in front', async () => {
    const { type } = await edges.component({
      primaryVirtualRequestMethod: 'password',
      virtualDelivery,
    });
    const userName = await virtualUser();
    for (const isByKey of [true, false]) {
      const sinceCount = inbox.count;
      const asked = await authUser(type, userName, password);
      expect([asked.returnCodeEnum, asked.statusCodeEnum]).toEqual(['RET_FAILURE', 'STAT_SUCCESS']);
      const message = await inbox.waitFor({ to, sinceCount });
      expect(message.text).toMatch(/^Your one-time password is [0-9]{6}\.\s*$/);
      const otp = otpOf(message) ?? '';
      const key = asked.attributes['CREDFLD_CHALLENGE_KEY'] ?? '';
      const answer = isByKey
        ? await authUser(type, userName, otp, { CREDFLD_CHALLENGE_KEY: key })
        : await authUser(type, userName, password + otp);
      expect(answer.returnCodeEnum).toBe('RET_SUCCESS');
      expect(answer.attributes['CREDFLD_SERIAL_NO']).toMatch(/^TS/);
    }
  });
});

describe('what does not go', () => {
  it('is -10 and uses nothing up', async () => {
    const { bench } = edges;
    const { type, key } = await edges.component({
      backupVirtualRequestMethod: 'keyword-only',
      backupVirtualRequestKeyword: 'otp',
      virtualDelivery: 'email',
      virtualSendsPerUserPerHour: 1,
    });
    const userName = await bench.user();
    await giveContact(bench, userName, { email });
    const { serial } = await bench.device(hotp6, { userName });
    const backup = { mode: 'permitted', endsAtMs: null, usesLeft: 1 } as const;
    await setAuthenticator(bench, serial, { backup });
    inbox.refuseNext(2);
    const failed = await authUser(type, userName, 'otp');
    expect([failed.returnCodeEnum, failed.statusCodeEnum, failed.statusCode]).toEqual([
      'RET_FAILURE',
      'STAT_COMMS',
      -10,
    ]);
    expect(failed.attributes['CREDFLD_CHALLENGE_KEY']).toBeUndefined();
    const technical = await edges.rest(key, '/v1/authenticate', {
      user: userName,
      password: 'otp',
    });
    expect([technical.status, technical.code]).toEqual([503, 'delivery-failed']);
    expect(await backupOf(bench, serial)).toEqual(backup);
    expect((await bench.service.administration.user(bench.admin, null, userName)).lockCount).toBe(
      0,
    );
    const sinceCount = inbox.count;
    const sent = await authUser(type, userName, 'otp');
    const otp = otpOf(await inbox.waitFor({ to: email, sinceCount })) ?? '';
    const challengeKey = sent.attributes['CREDFLD_CHALLENGE_KEY'] ?? '';
    expect(await backupOf(bench, serial)).toEqual({ ...backup, usesLeft: 0 });
    const more = { CREDFLD_CHALLENGE_KEY: challengeKey };
    expect((await authUser(type, userName, otp, more)).returnCodeEnum).toBe('RET_SUCCESS');
  });
});

describe('by a file', () => {
  it('is a line that nobody else may read', async () => {
    const { type } = await edges.component({
      primaryVirtualRequestMethod: 'password',
      virtualDelivery: 'voice',
    });
    const userName = await virtualUser();
    await authUser(type, userName, password);
    const file = join(folder, 'calls.jsonl');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [line = '{}'] = readFileSync(file, 'utf8').split('\n');
    const message = JSON.parse(line) as { text: string };
    expect(message).toMatchObject({ channel: 'voice', to: mobile });
    const otp = /[0-9]{6}/.exec(message.text)?.[0] ?? '';
    expect((await authUser(type, userName, password + otp)).returnCodeEnum).toBe('RET_SUCCESS');
  });
});
