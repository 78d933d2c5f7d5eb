import { afterEach, describe, expect, it } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const path = '/v1/authenticators/VT00000001/drift';

describe("an authenticator's drift", () => {
  it('is shown under the policy that is named', async () => {
    world = await startRest({
      showDrift: { serial: 'VT00000001', policyName: 'Office', nowMs: 7, applications: [] },
    });
    const answer = await world.send('GET', `${path}?policy=Office`);
    expect(json(answer.body)).toEqual({
      serial: 'VT00000001',
      policy: 'Office',
      nowMs: 7,
      applications: [],
    });
    await world.send('GET', path);
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
      ['VT00000001', 'Office'],
      ['VT00000001', null],
    ]);
    expect((await world.send('GET', `${path}?within=3`)).status).toBe(422);
  });

  it('is changed, and answers the authenticator', async () => {
    world = await startRest({ setDrift: { serial: 'VT00000001', applications: [], version: 3 } });
    const bodies = [
      { action: 'set', driftSeconds: -90, application: 'TIME' },
      { action: 'zero' },
      { action: 'freeze' },
      { action: 'thaw', application: 'TIME' },
    ];
    for (const body of bodies) {
      const answer = await world.send('POST', path, { body });
      expect(answer).toMatchObject({ status: 200, headers: { etag: '"3"' } });
    }
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
      ['VT00000001', 'TIME', { action: 'set', driftSeconds: -90 }],
      ['VT00000001', null, { action: 'zero' }],
      ['VT00000001', null, { action: 'freeze' }],
      ['VT00000001', 'TIME', { action: 'thaw' }],
    ]);
  });

  it.each<[string, object]>([
    ['driftSeconds', { action: 'set' }],
    ['driftSeconds', { action: 'set', driftSeconds: '90' }],
    ['driftSeconds', { action: 'zero', driftSeconds: 0 }],
    ['action', { action: 'melt' }],
    ['action', { driftSeconds: 0 }],
    ['serial', { action: 'zero', serial: 'X' }],
  ])('is not changed where %s is wrong: %j', async (member, body) => {
    world = await startRest({});
    const answer = await world.send('POST', path, { body });
    expect(answer.status).toBe(422);
    expect(json(answer.body)).toMatchObject({ problems: [{ member }] });
    expect(world.reached).toEqual([]);
  });

  it('names the application as the client did', async () => {
    const fields = { applicationName: ['must have a clock'] };
    world = await startRest({ setDrift: new TallystickError('request-invalid', 'x', { fields }) });
    const answer = await world.send('POST', path, { body: { action: 'zero' } });
    expect(json(answer.body)).toMatchObject({
      problems: [{ member: 'application', message: 'must have a clock' }],
    });
  });
});

describe('the report', () => {
  const leaving = {
    serial: 'VT00000001',
    userName: 'jane',
    domainName: 'master',
    applicationName: 'TIME',
    driftSeconds: 9,
    driftAtMs: 5,
    isDriftFrozen: false,
    rate: null,
    leaving: { expectedAtMs: null, earliestAtMs: 8 },
  };

  it('is asked for days, a policy and a page, and answers by names', async () => {
    const totals = { examined: 2 };
    const found = {
      policyName: 'Office',
      nowMs: 7,
      totals,
      leaving: [leaving],
      next: 'VT00000002',
    };
    world = await startRest({ driftReport: found });
    const query = 'policy=Office&within=90&after=VT&limit=2';
    const { userName, domainName, applicationName, ...rest } = leaving;
    expect(json((await world.send('GET', `/v1/drift-report?${query}`)).body)).toEqual({
      policy: 'Office',
      nowMs: 7,
      totals,
      items: [{ ...rest, user: userName, domain: domainName, application: applicationName }],
      next: 'VT00000002',
    });
    await world.send('GET', '/v1/drift-report');
    expect(world.reached.map(({ args }) => args[1])).toEqual([
      { policyName: 'Office', withinDays: 90, after: 'VT', limit: 2 },
      { policyName: null, withinDays: 60, after: '', limit: 100 },
    ]);
  });

  it.each([
    ['within', 'within=0'],
    ['within', 'within=60d'],
    ['within', 'within=3651'],
    ['limit', 'limit=1001'],
    ['days', 'days=3'],
  ])('refuses a wrong %s: %s', async (member, query) => {
    world = await startRest({});
    const answer = await world.send('GET', `/v1/drift-report?${query}`);
    expect(answer.status).toBe(422);
    expect(json(answer.body)).toMatchObject({ problems: [{ member }] });
  });
});
