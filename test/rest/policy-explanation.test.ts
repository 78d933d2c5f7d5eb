import { afterEach, expect, it } from 'vitest';
import { type RestWorld, startRest } from './support.ts';

let world: RestWorld;
afterEach(() => world.stop());

const component = {
  id: 'c1',
  componentType: 'Intranet',
  location: '10.0.0.0/8',
  access: 'api-key',
  policyName: 'Office',
  version: 3,
};

it('explains which policy rules a request, in the names of the interface', async () => {
  const setting = { value: 5, from: 'Office', unit: 'attempts', default: 3, description: 'D' };
  const settings = { userLockThreshold: { ...setting, overrides: [] } };
  world = await startRest({
    explainPolicy: {
      componentType: 'Intranet',
      address: '10.1.2.3',
      component,
      others: [{ component: { ...component, id: 'c2' }, reason: 'less-specific' }],
      componentTypes: ['Intranet'],
      policyNames: ['Office', 'Base Policy'],
      settings,
    },
  });
  const answer = await world.send('GET', '/v1/policy-explanation?type=Intranet&address=10.1.2.3');
  const shown = { type: 'Intranet', location: '10.0.0.0/8', access: 'api-key', policy: 'Office' };
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({
    type: 'Intranet',
    address: '10.1.2.3',
    component: { ...shown, id: 'c1', version: 3 },
    others: [{ ...shown, id: 'c2', version: 3, reason: 'less-specific' }],
    types: ['Intranet'],
    policies: ['Office', 'Base Policy'],
    settings,
  });
  expect(world.reached[0]!.args.slice(1)).toEqual(['Intranet', '10.1.2.3']);
});

it.each([
  ['', ['type', 'address']],
  ['?type=Intranet', ['address']],
  ['?address=::1', ['type']],
])('wants both members of the query, not %j', async (query, members) => {
  world = await startRest({});
  const answer = await world.send('GET', `/v1/policy-explanation${query}`);
  expect(answer.status).toBe(422);
  const { problems } = JSON.parse(answer.body) as { problems: { member: string }[] };
  expect(problems.map(({ member }) => member)).toEqual(members);
  expect(world.reached).toEqual([]);
});

it('changes policy and access of a component, each by itself or both', async () => {
  world = await startRest({ updateComponent: component });
  const changes = [
    [{ access: 'address' }, { access: 'address' }],
    [{ policy: 'Office' }, { policyName: 'Office' }],
    [
      { policy: 'Office', access: 'api-key' },
      { policyName: 'Office', access: 'api-key' },
    ],
  ] as const;
  for (const [body, set] of changes) {
    const answer = await world.send('PATCH', '/v1/components/c1', { body });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ access: 'api-key', policy: 'Office' });
    expect(world.reached.at(-1)!.args.slice(1)).toEqual(['c1', set, { expectedVersion: null }]);
  }
  const wrong = await world.send('PATCH', '/v1/components/c1', { body: { access: 'none' } });
  expect(wrong.status).toBe(422);
});

it('gives and takes the role of an administrator', async () => {
  const view = { userName: 'jane', domainName: 'master', version: 2, administratorRole: 'auditor' };
  world = await startRest({ updateUser: view });
  for (const administratorRole of ['auditor', null]) {
    const answer = await world.send('PATCH', '/v1/users/jane', { body: { administratorRole } });
    expect(JSON.parse(answer.body)).toMatchObject({ administratorRole: 'auditor' });
    expect(world.reached.at(-1)!.args.slice(3)).toEqual([
      { administratorRole },
      { expectedVersion: null },
    ]);
  }
  const wrong = await world.send('PATCH', '/v1/users/jane', {
    body: { administratorRole: 'client' },
  });
  expect(wrong.status).toBe(422);
});
