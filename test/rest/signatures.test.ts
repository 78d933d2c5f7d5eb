import { afterEach, describe, expect, it } from 'vitest';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const accepted = {
  outcome: 'signature-accepted',
  userName: 'Jane',
  domainName: 'master',
  organisationalUnit: 'Sales',
  serial: 'VT00000001',
  applicationName: 'SIGN',
};
const body = { user: 'jane', signature: '12345678', fields: ['4711', 'abc'] };

describe('POST /v1/signatures', () => {
  it('verifies a signature over data fields', async () => {
    world = await startRest({ verifySignature: accepted });
    const headers = { 'Idempotency-Key': 'k1' };
    const more = { domain: 'master', serial: 'VT00000001', application: 'SIGN' };
    const answer = await world.send('POST', '/v1/signatures', {
      headers,
      body: { ...body, ...more },
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({
      outcome: 'signature-accepted',
      user: 'Jane',
      domain: 'master',
      organisationalUnit: 'Sales',
      serial: 'VT00000001',
      application: 'SIGN',
    });
    expect(world.reached[0]?.args[1]).toEqual({
      userName: 'jane',
      domainName: 'master',
      signature: '12345678',
      fields: ['4711', 'abc'],
      serial: 'VT00000001',
      applicationName: 'SIGN',
      requestKey: 'k1',
    });
  });

  it('asks for a host code by one of three words, and answers it', async () => {
    world = await startRest({ verifySignature: { ...accepted, hostCode: '654321' } });
    const asked = { body: { ...body, hostCode: 'required' } };
    const answer = await world.send('POST', '/v1/signatures', asked);
    expect(JSON.parse(answer.body)).toMatchObject({ hostCode: '654321' });
    expect(world.reached[0]?.args[1]).toMatchObject({ hostCode: 'required' });
    const wrong = { body: { ...body, hostCode: 'yes' } };
    expect((await world.send('POST', '/v1/signatures', wrong)).status).toBe(422);
    expect(world.reached).toHaveLength(1);
  });

  it('is 403 where it is refused', async () => {
    world = await startRest({ verifySignature: { outcome: 'refused', code: 'response-replayed' } });
    const answer = await world.send('POST', '/v1/signatures', { body });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'response-replayed' });
  });

  it.each<[string, object]>([
    ['fields', { user: 'jane', signature: '1' }],
    ['fields', { ...body, fields: [] }],
    ['fields', { ...body, fields: Array<string>(9).fill('1') }],
    ['fields', { ...body, fields: '4711' }],
    ['signature', { user: 'jane', fields: ['1'] }],
    ['challenge', { ...body, challenge: '1' }],
  ])('asks nobody where %s is wrong: %j', async (member, wrong) => {
    world = await startRest({});
    const answer = await world.send('POST', '/v1/signatures', { body: wrong });
    expect(answer.status).toBe(422);
    expect(JSON.parse(answer.body)).toMatchObject({ problems: [{ member }] });
    expect(world.reached).toEqual([]);
  });
});

describe('hostCode in POST /v1/authenticate', () => {
  const credential = { user: 'jane', password: '123456' };
  const answer = {
    outcome: 'accepted',
    userName: 'Jane',
    domainName: 'master',
    organisationalUnit: null,
    by: 'response',
    serial: 'VT00000001',
    applicationName: 'OTP',
    pinChanged: false,
    passwordExpiresAtMs: null,
  };

  it('is asked for, and answered where there is one', async () => {
    world = await startRest({ authenticate: { ...answer, hostCode: '654321' } });
    const asked = { body: { ...credential, hostCode: 'required' } };
    const { status, body: text } = await world.send('POST', '/v1/authenticate', asked);
    expect({ status, ...(JSON.parse(text) as object) }).toMatchObject({
      status: 200,
      hostCode: '654321',
    });
    expect(world.reached[0]?.args[1]).toMatchObject({ hostCode: 'required' });
  });

  it('is one of three words', async () => {
    world = await startRest({ authenticate: answer });
    const wrong = { body: { ...credential, hostCode: 'yes' } };
    expect((await world.send('POST', '/v1/authenticate', wrong)).status).toBe(422);
    expect(world.reached).toEqual([]);
  });
});
