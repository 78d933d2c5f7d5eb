import { afterEach, expect, it } from 'vitest';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const application = {
  name: 'TIME',
  nextEventCounter: null,
  last: null,
  expected: { step: 2n ** 60n, beginsAtMs: 5 },
  lowest: { step: 0n, beginsAtMs: 0 },
};
const attempt = { kind: 'attempt', outcome: 'accepted', policyName: 'P', applicationName: 'TIME' };
const reset = { kind: 'administration', action: 'authenticator.reset', subject: 'VT1' };
const explanation = {
  userName: 'jane',
  domainName: 'master',
  policyName: 'Office',
  policyFrom: 'own-key',
  atMs: 7,
  account: null,
  authenticators: [{ serial: 'VT1', applications: [application] }],
  events: [attempt, reset],
};

it('shows an explanation by the names of the wire, steps as text', async () => {
  world = await startRest({ explainUser: explanation });
  const answer = await world.send('GET', '/v1/users/j%2Fa/explanation?domain=d&limit=3&policy=P');
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({
    user: 'jane',
    domain: 'master',
    policy: 'Office',
    policyFrom: 'own-key',
    atMs: 7,
    account: null,
    authenticators: [
      {
        serial: 'VT1',
        applications: [
          {
            ...application,
            expected: { step: '1152921504606846976', beginsAtMs: 5 },
            lowest: { step: '0', beginsAtMs: 0 },
          },
        ],
      },
    ],
    events: [{ kind: 'attempt', outcome: 'accepted', policy: 'P', application: 'TIME' }, reset],
  });
  await world.send('GET', '/v1/users/jane/explanation');
  expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
    ['d', 'j/a', 3, 'P'],
    [null, 'jane', 20, null],
  ]);
});

it.each(['limit=0', 'limit=101', 'limit=x', 'newest=3', 'limit=1&limit=2'])(
  'refuses %s',
  async (query) => {
    world = await startRest({});
    const answer = await world.send('GET', `/v1/users/jane/explanation?${query}`);
    expect(answer.status).toBe(422);
    expect(world.reached).toEqual([]);
  },
);
