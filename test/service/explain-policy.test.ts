import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyCatalogue, policySettingNames } from '../../src/domain/policy-catalogue.ts';
import type { Administration, PolicyExplanation } from '../../src/service/index.ts';
import { type Bench, openBench } from '../support/builders.ts';
import { membersRefused } from './support.ts';

let bench: Bench;
let administration: Administration;

beforeAll(async () => {
  bench = await openBench();
  ({ administration } = bench.service);
  await save('Office', 'Local Authentication', { userLockThreshold: 5, eventWindowSteps: 9 });
  await save('Branch', 'Office', { userLockThreshold: 7 });
  await create('10.0.0.0/8', 'Office');
  await create('10.1.0.0/16', 'Branch');
  await create('2001:db8::/32', 'Base Policy');
});

afterAll(async () => {
  await bench.close();
});

async function save(name: string, parentName: string, settings: object): Promise<void> {
  const policy = { parentName, settings };
  await administration.savePolicy(bench.admin, name, policy, { expectedVersion: null });
}

async function create(location: string, policyName: string): Promise<void> {
  const component = { componentType: 'Intranet', access: 'api-key', location, policyName } as const;
  await administration.createComponent(bench.admin, component);
}

function explain(type: string, address: string): Promise<PolicyExplanation> {
  return administration.explainPolicy(bench.admin, type, address);
}

function passedOver({ others }: PolicyExplanation): readonly string[] {
  return others.map(({ component, reason }) => `${component.location} ${reason}`).sort();
}

describe('a request that a component covers', () => {
  it('is ruled by the most specific network and the policies above', async () => {
    const explanation = await explain('intranet', '10.1.2.3');
    expect(explanation).toMatchObject({
      componentType: 'Intranet',
      address: '10.1.2.3',
      component: { location: '10.1.0.0/16', policyName: 'Branch', access: 'api-key' },
      policyNames: ['Branch', 'Office', 'Local Authentication', 'Base Policy'],
    });
    expect(passedOver(explanation)).toEqual([
      '10.0.0.0/8 less-specific',
      '2001:db8::/32 other-family',
    ]);
  });

  it('meets settings that say where they come from and what they override', async () => {
    const { settings } = await explain('Intranet', '10.1.2.3');
    expect(Object.keys(settings)).toEqual(policySettingNames);
    const { unit, description } = policyCatalogue.userLockThreshold;
    expect(settings['userLockThreshold']).toEqual({
      value: 7,
      from: 'Branch',
      unit,
      description,
      default: 3,
      overrides: [
        { from: 'Office', value: 5 },
        { from: 'Local Authentication', value: 3 },
      ],
    });
    expect(settings['eventWindowSteps']).toMatchObject({ value: 9, from: 'Office', overrides: [] });
    expect(settings['syncMaxGapSteps']).toMatchObject({ value: 1, from: '', overrides: [] });
  });

  it('has the values of the effective policy', async () => {
    const { settings } = await explain('Intranet', '10.1.2.3');
    const effective = await administration.effectivePolicy(bench.admin, 'Branch');
    for (const [name, { value, from }] of Object.entries(effective.settings)) {
      expect(settings[name]).toMatchObject({ value, from });
    }
  });

  it.each([
    ['::ffff:10.1.2.3', '10.1.2.3', '10.1.0.0/16'],
    ['2001:DB8:0::7', '2001:db8::7', '2001:db8::/32'],
  ])('may come from %s', async (address, canonical, location) => {
    const explanation = await explain('Intranet', address);
    expect(explanation).toMatchObject({ address: canonical, component: { location } });
  });
});

describe('a request that no component covers', () => {
  it('has a reason for each that is of its type', async () => {
    const explanation = await explain('Intranet', '192.0.2.1');
    expect(explanation).toMatchObject({ component: null, policyNames: [], settings: {} });
    expect(passedOver(explanation)).toEqual([
      '10.0.0.0/8 elsewhere',
      '10.1.0.0/16 elsewhere',
      '2001:db8::/32 other-family',
    ]);
  });

  it('of a type that nobody has is told which there are', async () => {
    const explanation = await explain('intanet', '10.1.2.3');
    expect(explanation).toMatchObject({ componentType: 'intanet', component: null, others: [] });
    expect(explanation.componentTypes).toContain('Intranet');
  });
});

it.each(['', '10.1', '10.1.0.0/16', '256.0.0.1', 'example.com', '1:2:3'])(
  'refuses %j as an address, and says what is one',
  async (address) => {
    const asked = explain('Intranet', address);
    await expect(asked).rejects.toMatchObject({
      fields: { address: [expect.stringContaining('one IPv4 or IPv6 address, such as 10.1.0.7')] },
    });
  },
);

it('refuses what cannot be a component type', async () => {
  expect(await membersRefused(explain('a\nb', '10.1.2.3'))).toEqual(['type']);
});
