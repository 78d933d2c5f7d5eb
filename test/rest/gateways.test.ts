import { afterEach, describe, expect, it } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { fileGiven, httpGiven } from '../support/gateways.ts';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

const gateway = {
  name: 'sms/1',
  channel: 'sms',
  position: 1,
  settings: httpGiven,
  hasSecret: true,
  isDisabled: false,
  version: 3,
};

const path = '/v1/gateways/sms%2F1';

describe('gateways', () => {
  it('are listed, and shown with their version', async () => {
    world = await startRest({ gateways: [gateway], gateway });
    const listed = await world.send('GET', '/v1/gateways');
    expect(json(listed.body)).toEqual({ items: [gateway], next: null });
    const shown = await world.send('GET', path);
    expect(json(shown.body)).toEqual(gateway);
    expect(shown.headers['etag']).toBe('"3"');
    expect(world.reached[1]!.args.slice(1)).toEqual(['sms/1']);
  });

  it('are created, with what is left out', async () => {
    world = await startRest({ createGateway: gateway });
    const least = { name: 'a', channel: 'sms', settings: fileGiven };
    const all = { ...least, position: 2, secret: 's', isDisabled: true };
    const answer = await world.send('POST', '/v1/gateways', { body: all });
    expect(answer.status).toBe(201);
    expect(answer.headers['etag']).toBe('"3"');
    expect(answer.headers['cache-control']).toBe('no-store');
    await world.send('POST', '/v1/gateways', { body: least });
    expect(world.reached.map(({ args }) => args[1])).toEqual([
      all,
      { ...least, position: null, secret: null, isDisabled: false },
    ]);
  });

  it('are changed as they were seen, in what is given', async () => {
    world = await startRest({ updateGateway: gateway });
    const headers = { 'If-Match': '"3"' };
    for (const body of [
      {},
      { secret: null },
      { position: 2, settings: httpGiven, secret: 's', isDisabled: true },
    ]) {
      const answer = await world.send('PATCH', path, { body, headers });
      expect(answer.status).toBe(200);
      expect(answer.headers['etag']).toBe('"3"');
      expect(world.reached.at(-1)!.args.slice(1)).toEqual(['sms/1', body, { expectedVersion: 3 }]);
    }
  });

  it('are deleted only as they were seen', async () => {
    world = await startRest({ gateway, deleteGateway: undefined });
    const remove = (etag: string): ReturnType<RestWorld['send']> =>
      world.send('DELETE', path, { headers: { 'If-Match': etag } });
    expect((await remove('"2"')).status).toBe(412);
    expect(world.reached.map(({ method }) => method)).toEqual(['gateway']);
    expect((await remove('"3"')).status).toBe(204);
    expect((await world.send('DELETE', path)).status).toBe(204);
    expect(world.reached.filter(({ method }) => method === 'deleteGateway')).toHaveLength(2);
  });

  it.each<[string, string, object, string]>([
    ['POST', '/v1/gateways', { name: 'a', channel: 'fax', settings: {} }, 'channel'],
    ['POST', '/v1/gateways', { name: 'a', channel: 'sms' }, 'settings'],
    ['POST', '/v1/gateways', { name: 'a', channel: 'sms', settings: [] }, 'settings'],
    ['POST', '/v1/gateways', { channel: 'sms', settings: {}, name: 7 }, 'name'],
    ['PATCH', path, { channel: 'sms' }, 'channel'],
    ['PATCH', path, { position: 1.5 }, 'position'],
    ['PATCH', path, { secret: 7 }, 'secret'],
    ['POST', `${path}/test`, {}, 'to'],
    ['POST', `${path}/test`, { to: 'a', text: 'b' }, 'text'],
  ])('%s %s refuses %j', async (method, at, body, member) => {
    world = await startRest({});
    const answer = await world.send(method, at, { body });
    expect(answer.status).toBe(422);
    expect(json(answer.body)).toMatchObject({ problems: [{ member }] });
    expect(world.reached).toEqual([]);
  });

  it('say what is wrong with their settings', async () => {
    const fields = { 'settings.host': ['settings.host must be a name.'] };
    world = await startRest({
      createGateway: new TallystickError('request-invalid', 'x', { fields }),
    });
    const body = { name: 'a', channel: 'email', settings: { kind: 'smtp' } };
    const answer = await world.send('POST', '/v1/gateways', { body });
    expect(json(answer.body)).toMatchObject({
      problems: [{ member: 'settings.host', message: 'settings.host must be a name.' }],
    });
  });
});

describe('the test of a gateway', () => {
  it.each([
    { outcome: 'sent' },
    { outcome: 'failed', kind: 'refused', detail: 'the web service answered 500' },
  ])('answers %j', async (tested) => {
    world = await startRest({ testGateway: tested });
    const answer = await world.send('POST', `${path}/test`, { body: { to: '+491701234567' } });
    expect(answer.status).toBe(200);
    expect(json(answer.body)).toEqual(tested);
    expect(world.reached[0]!.args.slice(1)).toEqual(['sms/1', '+491701234567']);
  });

  it('is refused when too many messages were sent', async () => {
    world = await startRest({
      testGateway: new TallystickError('policy-refused', 'Too many.', {
        fields: { reason: 'virtual-send-limit' },
      }),
    });
    const answer = await world.send('POST', `${path}/test`, { body: { to: 'a@example.org' } });
    expect(answer.status).toBe(403);
    expect(json(answer.body)).toMatchObject({ code: 'virtual-send-limit' });
  });
});
