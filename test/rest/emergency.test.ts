import { afterEach, describe, expect, it } from 'vitest';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const path = '/v1/authenticators/VT1/emergency';
const view = { id: 'c1', kind: 'fixed', isOnlineAllowed: true, state: 'live' };
const shown = { id: 'c1', kind: 'fixed', onlineAllowed: true, state: 'live' };

describe('emergency codes', () => {
  it('are issued, and shown in that answer', async () => {
    world = await startRest({ issueEmergencyCode: { view, codes: ['ABCD-2345'] } });
    const body = { kind: 'fixed' };
    const answer = await world.send('POST', path, { body });
    expect(answer.status).toBe(201);
    expect(json(answer.body)).toEqual({ ...shown, codes: ['ABCD-2345'] });
    const full = { kind: 'one-time', count: 3, lifetimeDays: 2, onlineAllowed: true };
    await world.send('POST', path, { body: full });
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
      ['VT1', { kind: 'fixed', count: null, lifetimeDays: null, isOnlineAllowed: null }],
      ['VT1', { kind: 'one-time', count: 3, lifetimeDays: 2, isOnlineAllowed: true }],
    ]);
  });

  it('are listed', async () => {
    world = await startRest({ emergencyCodes: [view] });
    const answer = await world.send('GET', path);
    expect(json(answer.body)).toEqual({ items: [shown], next: null });
  });

  it.each([
    ['POST', '/c1/reset', undefined, 'resetEmergencyCode', []],
    ['POST', '/c1/approve', {}, 'approveEmergencyReveal', [null]],
    ['POST', '/c1/approve', undefined, 'approveEmergencyReveal', [null]],
    ['POST', '/c1/approve', { requestedBy: 'desk' }, 'approveEmergencyReveal', ['desk']],
    ['DELETE', '/c1', undefined, 'revokeEmergencyCode', []],
    ['PATCH', '/c1', { onlineAllowed: false }, 'allowEmergencyOnline', [false]],
  ] as const)('%s %s', async (method, rest, body, called, more) => {
    world = await startRest({ [called]: view });
    const answer = await world.send(method, `${path}${rest}`, body === undefined ? {} : { body });
    expect(answer.status).toBe(200);
    expect(json(answer.body)).toEqual(shown);
    expect(world.reached).toMatchObject([{ method: called }]);
    expect(world.reached[0]?.args.slice(1)).toEqual(['VT1', 'c1', ...more]);
  });

  it.each([
    [200, { outcome: 'revealed', code: 'ABCD-2345', view }, { code: 'ABCD-2345' }],
    [202, { outcome: 'approval-needed', view }, {}],
  ] as const)('are read out, or not yet: %i', async (status, answered, more) => {
    world = await startRest({ revealEmergencyCode: answered });
    const answer = await world.send('POST', `${path}/c1/reveal`, { body: { reason: 'lost' } });
    expect(answer.status).toBe(status);
    expect(json(answer.body)).toEqual({ ...shown, outcome: answered.outcome, ...more });
    expect(world.reached[0]?.args.slice(1)).toEqual(['VT1', 'c1', 'lost']);
  });

  it.each([undefined, {}])('hand a reveal without a reason on, to be audited: %j', async (body) => {
    world = await startRest({ revealEmergencyCode: { outcome: 'approval-needed', view } });
    await world.send('POST', `${path}/c1/reveal`, body === undefined ? {} : { body });
    expect(world.reached[0]?.args.slice(1)).toEqual(['VT1', 'c1', '']);
  });

  it.each<[string, string, string, object]>([
    ['kind', 'POST', '', {}],
    ['kind', 'POST', '', { kind: 'other' }],
    ['code', 'POST', '', { kind: 'fixed', code: '1' }],
    ['onlineAllowed', 'PATCH', '/c1', {}],
    ['reason', 'POST', '/c1/reveal', { reason: 5 }],
    ['reason', 'POST', '/c1/reset', { reason: 'x' }],
    ['requestedBy', 'POST', '/c1/approve', { requestedBy: 7 }],
  ])('refuse a wrong %s: %s %s %j', async (member, method, rest, body) => {
    world = await startRest({});
    const answer = await world.send(method, `${path}${rest}`, { body });
    expect(answer.status).toBe(422);
    expect(json(answer.body)).toMatchObject({ problems: [{ member }] });
    expect(world.reached).toEqual([]);
  });
});
