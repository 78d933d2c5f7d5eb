import { afterEach, describe, expect, it } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe('records', () => {
  const user = {
    id: 'u',
    domainName: 'master',
    userName: 'a/b ü',
    organisationalUnit: null,
    isDisabled: false,
    expiresAtMs: null,
    lockCount: 0,
    lockedAtMs: null,
    lockedBy: null,
    lastAttemptAtMs: null,
    lastSuccessAtMs: null,
    serials: [],
    version: 7,
  };

  it('decodes names in paths', async () => {
    world = await startRest({ user });
    const answer = await world.send('GET', '/v1/users/a%2Fb%20%C3%BC?domain=x%2Fy');
    expect(answer.headers['etag']).toBe('"7"');
    expect(json(answer.body)).toMatchObject({ user: 'a/b ü', domain: 'master' });
    expect(world.reached[0]!.args.slice(1)).toEqual(['x/y', 'a/b ü']);
  });

  it('passes If-Match on, and answers 412 when the record has moved on', async () => {
    world = await startRest({
      updateUser: new TallystickError('conflict', 'Changed.', { fields: { reason: 'version' } }),
      user,
    });
    const options = { body: { isDisabled: true }, headers: { 'If-Match': '"6"' } };
    const answer = await world.send('PATCH', '/v1/users/a', options);
    expect(answer.status).toBe(412);
    expect(world.reached[0]!.args.at(-1)).toEqual({ expectedVersion: 6 });
    const removal = await world.send('DELETE', '/v1/users/a', { headers: { 'If-Match': '"6"' } });
    expect(removal.status).toBe(412);
    expect(world.reached.map(({ method }) => method)).not.toContain('deleteUser');
    const fitting = await world.send('DELETE', '/v1/users/a', { headers: { 'If-Match': '"7"' } });
    expect(fitting.status).toBe(204);
    expect(world.reached.at(-1)!.method).toBe('deleteUser');
  });

  it('pages', async () => {
    world = await startRest({ users: [user, { ...user, userName: 'c' }] });
    const full = await world.send('GET', '/v1/users?limit=2&after=a');
    expect(json(full.body)).toMatchObject({ next: 'c' });
    const last = await world.send('GET', '/v1/users?limit=3');
    expect(json(last.body)).toMatchObject({ next: null });
  });

  it('imports seeds from hex and base32, and overwrites the bytes', async () => {
    const seen: Uint8Array[] = [];
    const copies: string[] = [];
    world = await startRest({
      createAuthenticator: (
        _caller: unknown,
        given: { applications: { seed: { bytes: Uint8Array } }[] },
      ) => {
        for (const { seed } of given.applications) {
          seen.push(seed.bytes);
          copies.push(Buffer.from(seed.bytes).toString());
        }
        return { serial: 'S', applications: [], version: 1 };
      },
    });
    const application = (encoding: string, value: string): object => ({
      name: 'A',
      mode: 'response-only',
      algorithm: {},
      seed: { source: 'import', encoding, value },
    });
    const create = (...applications: object[]): ReturnType<RestWorld['send']> =>
      world.send('POST', '/v1/authenticators', {
        body: { serial: 'S', model: 'M', applications },
      });
    const answer = await create(
      application('hex', '3132333435363738393031323334353637383930'),
      application('base32', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'),
      application('base32', 'gezdgnbvgy3tqojqge======'),
    );
    expect(answer.status).toBe(201);
    expect(copies).toEqual(['12345678901234567890', '12345678901234567890', '12345678901']);
    expect(seen.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
    for (const [encoding, value] of [
      ['hex', '313'],
      ['hex', 'xx'],
      ['base32', 'GEZDGNB1'],
      ['base32', 'GEZDG='],
      ['base32', 'GEZDGNBVG'],
      ['base32', 'GEZDGNBVGZ3T'],
      ['base64', 'MTIz'],
    ] as const) {
      const refused = await create(application(encoding, value));
      expect(refused.status).toBe(422);
      expect(refused.body).toContain('applications.0.seed');
      expect(refused.body).not.toContain(value);
    }
  });

  it('speaks of members by the names that the client sent', async () => {
    world = await startRest({
      createUser: new TallystickError('request-invalid', 'x', {
        fields: { userName: ['too long'] },
      }),
    });
    const answer = await world.send('POST', '/v1/users', { body: { user: 'a' } });
    expect(json(answer.body)).toMatchObject({
      problems: [{ member: 'user', message: 'too long' }],
    });
  });

  it('asks for the code that unlocks a device', async () => {
    world = await startRest({ unlockCode: { serial: 'VT1', code: '87654321', codesLeft: 4 } });
    const send = (body: object): ReturnType<RestWorld['send']> =>
      world.send('POST', '/v1/authenticators/VT1/unlock-code', { body });
    const answer = await send({ challenge: '12345678', reason: 'PIN forgotten' });
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(json(answer.body)).toEqual({ serial: 'VT1', code: '87654321', codesLeft: 4 });
    await send({ challenge: '1234' });
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
      ['VT1', '12345678', 'PIN forgotten'],
      ['VT1', '1234', null],
    ]);
    expect((await send({ challenge: 1234 })).status).toBe(422);
  });

  it('tells too many unlock codes from what a policy refuses', async () => {
    world = await startRest({
      unlockCode: new TallystickError('policy-refused', 'Wait.', {
        fields: { reason: 'unlock-code-limit' },
      }),
    });
    const body = { challenge: '1234' };
    const answer = await world.send('POST', '/v1/authenticators/VT1/unlock-code', { body });
    expect(answer.status).toBe(403);
    expect(json(answer.body)).toMatchObject({ code: 'unlock-code-limit', detail: 'Wait.' });
  });
});
