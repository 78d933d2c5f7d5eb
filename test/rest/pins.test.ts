import { afterEach, describe, expect, it } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const path = '/v1/authenticators/VT00000001/pin';

describe('a server PIN', () => {
  it('is edited, and answers the authenticator', async () => {
    const pin = { state: 'set', minimumLength: 4 };
    const applications = [{ name: 'TIME', pin, nextEventCounter: null, lastStep: null }];
    world = await startRest({ editPin: { serial: 'VT00000001', applications, version: 3 } });
    const twice = { pin: '9038', confirmation: '9039' };
    const newPin = twice;
    const cases: readonly [object, string | null, object][] = [
      [{ action: 'enable' }, null, { action: 'enable', minimumLength: null }],
      [{ action: 'enable', minimumLength: 6 }, null, { action: 'enable', minimumLength: 6 }],
      [{ action: 'minimum', minimumLength: 6 }, null, { action: 'minimum', minimumLength: 6 }],
      [{ action: 'disable' }, null, { action: 'disable' }],
      [{ action: 'reset', application: 'TIME' }, 'TIME', { action: 'reset' }],
      [{ action: 'force' }, null, { action: 'force' }],
      [
        { action: 'set', ...twice },
        null,
        { action: 'set', newPin, mustChange: false, policyName: null },
      ],
      [
        { action: 'set', ...twice, mustChange: true, policy: 'Office', application: 'TIME' },
        'TIME',
        { action: 'set', newPin, mustChange: true, policyName: 'Office' },
      ],
    ];
    for (const [body] of cases) {
      const answer = await world.send('POST', path, { body });
      expect(answer).toMatchObject({ status: 200, headers: { etag: '"3"' } });
      expect(json(answer.body)).toMatchObject({ applications: [{ name: 'TIME', pin }] });
    }
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual(
      cases.map(([, application, change]) => ['VT00000001', application, change]),
    );
  });

  it.each<[string, object]>([
    ['action', {}],
    ['action', { action: 'clear' }],
    ['pin', { action: 'set', confirmation: '9038' }],
    ['confirmation', { action: 'set', pin: '9038' }],
    ['confirmation', { action: 'set', pin: '9038', confirmation: 9038 }],
    ['mustChange', { action: 'set', pin: '9038', confirmation: '9038', mustChange: 'yes' }],
    ['pin', { action: 'reset', pin: '9038' }],
    ['minimumLength', { action: 'minimum' }],
    ['minimumLength', { action: 'disable', minimumLength: 4 }],
    ['serial', { action: 'reset', serial: 'X' }],
  ])('is not edited where %s is wrong: %j', async (member, body) => {
    world = await startRest({});
    const answer = await world.send('POST', path, { body });
    expect(answer.status).toBe(422);
    expect(json(answer.body)).toMatchObject({ problems: [{ member }] });
    expect(answer.body).not.toContain('9038');
    expect(world.reached).toEqual([]);
  });

  it('that is not enabled is a conflict', async () => {
    const fields = { reason: 'pin-not-enabled' };
    world = await startRest({ editPin: new TallystickError('conflict', 'Enable it.', { fields }) });
    const answer = await world.send('POST', path, { body: { action: 'reset' } });
    expect(answer.status).toBe(409);
    expect(json(answer.body)).toMatchObject({ code: 'conflict', detail: 'Enable it.' });
  });
});
