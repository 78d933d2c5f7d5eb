import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  runTallystick,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { rawExchange, rawRequest } from '../support/raw-http.ts';
import {
  administratorOf,
  type Answer,
  auditOf,
  clientOf,
  createClientKey,
  createHolder,
  type Holder,
  type Send,
} from './support.ts';

describeLayer('softhsm', 'bad input to a real server', () => {
  let installation: Installation;
  let server: ServerProcess;
  let admin: Send;
  let exact: Send;
  let exactKey: string;
  let generic: Send;
  let holder: Holder;
  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile);
    admin = administratorOf(server, installation);
    exactKey = await createClientKey(admin, 'exact', { genericAnswers: false });
    exact = clientOf(server, exactKey);
    generic = clientOf(server, await createClientKey(admin, 'generic', {}));
    holder = await createHolder(admin, 'input1');
  });
  afterAll(async () => {
    await server.end();
    installation.remove();
  });

  const logOn = (send: Send, user: string, response: string, more = {}): Promise<Answer> =>
    send('POST', '/v1/authenticate', { user, response, ...more });

  it.each([
    ['letters', 'abcdef', {}, 'response-malformed'],
    ['nothing', '', {}, 'response-malformed'],
    ['1,000 digits', '1'.repeat(1000), {}, 'response-malformed'],
    ['too few digits', '123', {}, 'response-malformed'],
    ['a control character', '123456\u0000', {}, 'response-malformed'],
    ['another serial', '123456', { serial: 'NONE1' }, 'authenticator-not-assigned'],
  ])(
    '%s as response: its own code, and no count towards the lock',
    async (_name, response, more, code) => {
      const answer = await logOn(exact, holder.user, response, more);
      expect(answer).toMatchObject({ status: 403, body: { code } });
      const { body } = await admin('GET', `/v1/users/${holder.user}`);
      expect(body).toMatchObject({ lockCount: 0 });
    },
  );

  it.each([
    ['nobody', 403, 'user-unknown'],
    ['../..', 403, 'user-unknown'],
    ['%00', 403, 'user-unknown'],
    ['', 422, 'request-invalid'],
    ['a\u0000b', 422, 'request-invalid'],
    ['x'.repeat(300), 422, 'request-invalid'],
  ])('the user %j', async (user, status, code) => {
    const answer = await logOn(exact, user, '123456');
    expect(answer).toMatchObject({ status, body: { code } });
  });

  it('looks the same from outside under generic answers, and is exact in the audit', async () => {
    const unlike = (answer: Answer): object => ({ ...answer.body, requestId: '' });
    const unknown = await logOn(generic, 'nobody', '123456');
    const wrong = await logOn(generic, holder.user, holder.response(500));
    expect(unlike(unknown)).toEqual(unlike(wrong));
    expect(wrong.body).toMatchObject({ code: 'refused' });
    const events = await auditOf(admin, 'main');
    expect(events.slice(-2).map(({ outcome }) => outcome)).toEqual([
      'user-unknown',
      'response-incorrect',
    ]);
  });

  it.each([
    ['malformed JSON', '{"user":', 400, 'request-malformed'],
    ['wrong types', '{"user":1,"response":[]}', 422, 'request-invalid'],
    ['a megabyte', `{"user":"${'x'.repeat(1_048_576)}"}`, 413, 'request-too-large'],
  ])('%s', async (_name, body, status, code) => {
    const headers = {
      Authorization: `Bearer ${exactKey}`,
      'Content-Type': 'application/json',
    };
    const request = rawRequest('POST', '/v1/authenticate', { headers, body });
    const answer = await rawExchange(server.port, request);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ code });
  });

  it('keeps roles apart', async () => {
    const answer = await exact('GET', '/v1/users');
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const elsewhere = await admin('POST', '/v1/keys', {
      name: 'lost',
      role: 'client',
      component: 'no-such-component',
    });
    const lost = clientOf(server, String(elsewhere.body['key']));
    const stranded = await logOn(lost, holder.user, holder.response(0));
    expect(stranded).toMatchObject({ status: 403, body: { code: 'component-unknown' } });
  });

  it('writes no response, key or seed into log, database or audit', async () => {
    const response = holder.response(1);
    expect((await logOn(exact, holder.user, response)).status).toBe(200);
    const { body } = await admin('GET', '/v1/audit?limit=1000');
    const written = server.log() + JSON.stringify(body);
    expect(written).toContain('"route":"/v1/authenticate"');
    for (const secret of [
      response,
      exactKey,
      readFileSync(installation.adminKeyFile, 'utf8').trim(),
    ]) {
      expect(written).not.toContain(secret);
    }
    // Names belong to the audit, which has an access of its own.
    expect(server.log()).not.toContain(holder.user);
  });

  it('leaves a chain that is whole', async () => {
    const chain = await runTallystick(['audit', 'verify', '--config', installation.configFile]);
    expect(chain).toMatchObject({ code: 0, stderr: '' });
  });
});
