import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { openDesk, type Ran } from './support.ts';

const desk = openDesk();

function run(...args: readonly string[]): Promise<Ran> {
  return desk.run(args);
}

const component = {
  id: 'c1',
  componentType: 'Intranet',
  location: '10.1.0.0/16',
  access: 'address',
  policyName: 'Branch',
  version: 3,
};
const wider = { ...component, id: 'c2', location: '10.0.0.0/8', access: 'api-key' };
const explanation = {
  componentType: 'Intranet',
  address: '10.1.2.3',
  component,
  others: [{ component: wider, reason: 'less-specific' }],
  componentTypes: ['Intranet', 'administration'],
  policyNames: ['Branch', 'Office'],
  settings: {
    userLockThreshold: {
      value: 7,
      from: 'Branch',
      unit: 'attempts',
      default: 3,
      description: 'Failed attempts.',
      overrides: [{ from: 'Office', value: 5 }],
    },
    genericAnswers: {
      value: false,
      from: '',
      unit: '',
      default: false,
      description: 'Whether.',
      overrides: [],
    },
  },
};
const asked = ['policy', 'explain', '--type', 'Intranet', '--address', '10.1.2.3'] as const;

describe('policy explain', () => {
  it('shows component, chain, settings and who else was meant', async () => {
    await desk.serve({ explainPolicy: explanation });
    const { code, printed } = await run(...asked);
    expect(code).toBe(0);
    expect(printed.split('\n')).toEqual([
      'request    of type Intranet from 10.1.2.3',
      'component  c1',
      'location   10.1.0.0/16',
      'access     by type and address alone',
      'policy     Branch < Office',
      '',
      'SETTING            VALUE  UNIT      FROM     INSTEAD OF',
      'userLockThreshold  7      attempts  Branch   5 of Office',
      'genericAnswers     false  -         default  -',
      '',
      'OTHER LOCATION  ACCESS   POLICY  WHY NOT',
      '10.0.0.0/8      api-key  Branch  a smaller network has a component of its own',
    ]);
  });

  it('shows one setting with what it does', async () => {
    await desk.serve({ explainPolicy: explanation });
    const { printed } = await run(...asked, '--setting', 'userLockThreshold');
    expect(printed.split('\n')).toEqual([
      'Failed attempts.',
      '',
      'userLockThreshold  7 attempts',
      'from               Branch',
      'instead of         5 of Office',
      'default            3',
      'policy             Branch < Office',
    ]);
    const json = await run(...asked, '--setting', 'userLockThreshold', '--json');
    const { settings } = JSON.parse(json.printed) as typeof explanation;
    expect(Object.keys(settings)).toEqual(['userLockThreshold']);
    for (const name of ['userLockThreshhold', 'constructor']) {
      const mistyped = await run(...asked, '--setting', name);
      expect(mistyped.code).toBe(exitCodes.usage);
      expect(mistyped.said).toContain(`there is no setting ${name}`);
    }
  });

  it('says of a request that is refused why no component fits', async () => {
    const refused = { ...explanation, component: null, policyNames: [], settings: {} };
    const others = [{ component: wider, reason: 'elsewhere' }];
    await desk.serve({ explainPolicy: { ...refused, others } });
    expect((await run(...asked)).printed.split('\n')).toEqual([
      'Requests of type Intranet from 10.1.2.3 are refused as component-unknown: no',
      'component of that type covers the address.',
      '',
      'OTHER LOCATION  ACCESS   POLICY  WHY NOT',
      '10.0.0.0/8      api-key  Branch  the address is not in it',
    ]);
    await desk.serve({ explainPolicy: { ...refused, others: [] } });
    expect((await run(...asked)).printed).toBe(
      'Requests of type Intranet from 10.1.2.3 are refused as component-unknown: no\n' +
        'component has that type. Types: Intranet, administration.',
    );
  });
});

describe('component', () => {
  it('shows access in lists, and takes it with what is created and changed', async () => {
    const world = await desk.serve({
      components: [component],
      createComponent: component,
      updateComponent: wider,
    });
    const listed = (await run('component', 'list')).printed.split('\n');
    expect(listed).toEqual([
      'ID  TYPE      LOCATION     ACCESS   POLICY',
      'c1  Intranet  10.1.0.0/16  address  Branch',
    ]);
    const create = ['component', 'create', '--type', 'Intranet', '--location', '10.1.0.0/16'];
    await run(...create, '--policy', 'Branch', '--access', 'address');
    expect(world.reached.at(-1)!.args[1]).toMatchObject({ access: 'address' });
    await run(...create, '--policy', 'Branch');
    expect(world.reached.at(-1)!.args[1]).toMatchObject({ access: 'api-key' });
    const set = await run('component', 'set', 'c1', '--access', 'api-key');
    expect(set.printed).toMatch(/c2 .* api-key /);
    expect(world.reached.at(-1)!.args.slice(1, 3)).toEqual(['c1', { access: 'api-key' }]);
  });

  it('refuses a change of nothing, and an access that there is not', async () => {
    const world = await desk.serve({});
    const nothing = await run('component', 'set', 'c1');
    expect(nothing).toMatchObject({ code: exitCodes.usage });
    expect(nothing.said).toContain('--policy, --access or both');
    const unknown = await run('component', 'set', 'c1', '--access', 'none');
    expect(unknown.said).toContain('Allowed choices are api-key, address');
    expect(world.reached).toEqual([]);
  });
});

describe('user set', () => {
  it('gives a role, takes it away, and knows no other', async () => {
    const view = { userName: 'jane', domainName: 'd', serials: [], administratorRole: 'auditor' };
    const world = await desk.serve({ updateUser: view });
    const given = await run('user', 'set', 'jane', '--role', 'auditor', '--domain', 'd');
    expect(given.printed).toMatch(/^role +auditor$/m);
    await run('user', 'set', 'jane', '--role', 'none');
    expect(world.reached.map(({ args }) => args.slice(1, 4))).toEqual([
      ['d', 'jane', { administratorRole: 'auditor' }],
      [null, 'jane', { administratorRole: null }],
    ]);
    const unknown = await run('user', 'set', 'jane', '--role', 'client');
    expect(unknown.code).toBe(exitCodes.usage);
    expect(unknown.said).toContain('Allowed choices are admin, helpdesk, auditor, none');
    expect(await run('user', 'set', 'jane')).toMatchObject({
      code: exitCodes.usage,
      said: 'say what to set, e.g. --expires or --email; --help lists all',
    });
  });

  it('changes when a user or an authenticator expires', async () => {
    const view = { userName: 'jane', domainName: 'd', serials: [] };
    const token = { serial: 'VT1', applications: [] };
    const world = await desk.serve({ updateUser: view, updateAuthenticator: token });
    expect((await run('user', 'set', 'jane', '--expires', '2027-01-01')).code).toBe(0);
    expect((await run('user', 'set', 'jane', '--expires', 'never', '--role', 'admin')).code).toBe(
      0,
    );
    expect((await run('token', 'set', 'VT1', '--expires', 'never')).code).toBe(0);
    expect(world.reached.map(({ args }) => args.slice(1, -1))).toEqual([
      [null, 'jane', { expiresAtMs: Date.UTC(2027, 0, 1) }],
      [null, 'jane', { expiresAtMs: null, administratorRole: 'admin' }],
      ['VT1', { expiresAtMs: null }],
    ]);
    const soon = await run('user', 'set', 'jane', '--expires', 'soon');
    expect(soon.said).toBe('--expires takes 2027-12-31, 2027-12-31T12:00:00Z or never');
  });
});
