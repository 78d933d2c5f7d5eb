import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hotp6, type TestDevice } from '../../support/builders.ts';
import type { TestAgent } from '../../support/offline-agent.ts';
import { openOfflineBench, type OfflineBench } from './support.ts';

let offline: OfflineBench;
beforeAll(async () => {
  offline = await openOfflineBench({ offlineEvents: 10, offlineWarnEvents: 2 });
});
afterAll(() => offline.bench.close());

interface Held {
  readonly agent: TestAgent;
  readonly userName: string;
  readonly device: TestDevice;
  readonly packageId: string;
}

async function held(): Promise<Held> {
  const { userName, device } = await offline.owner(hotp6);
  const agent = await offline.agent();
  const opened = await offline.install(agent, userName, device.response({ counter: 0 }));
  const { packageId } = opened.header;
  expect((await offline.report(agent)).packageIds).toEqual([packageId]);
  return { agent, userName, device, packageId };
}

/** What an administrator, or the user, may do that ends a package. */
const causes: readonly (readonly [string, (held: Held) => Promise<unknown>])[] = [
  [
    'the user is disabled',
    ({ userName }) =>
      administration().updateUser(admin(), null, userName, { isDisabled: true }, anyVersion),
  ],
  ['the user is locked', ({ userName }) => administration().lockUser(admin(), null, userName)],
  [
    'the user has expired',
    ({ userName }) =>
      administration().updateUser(admin(), null, userName, { expiresAtMs: 1 }, anyVersion),
  ],
  [
    'the user is gone',
    async ({ userName, device }) => {
      await administration().unassignAuthenticator(admin(), device.serial);
      await administration().deleteUser(admin(), null, userName);
    },
  ],
  [
    'the device is disabled',
    ({ device }) =>
      administration().updateAuthenticator(
        admin(),
        device.serial,
        { isDisabled: true },
        anyVersion,
      ),
  ],
  [
    'the device is taken away',
    ({ device }) => administration().unassignAuthenticator(admin(), device.serial),
  ],
  [
    'the device is given again',
    async ({ device, userName }) => {
      await administration().unassignAuthenticator(admin(), device.serial);
      await administration().assignAuthenticator(admin(), device.serial, null, userName);
    },
  ],
  ['it is reset', ({ device }) => administration().resetApplication(admin(), device.serial, null)],
  [
    'its PIN is another',
    async ({ device }) => {
      const { serial } = device;
      await administration().editPin(admin(), serial, null, {
        action: 'enable',
        minimumLength: null,
      });
    },
  ],
  [
    'it is revoked',
    async ({ userName, agent, device }) => {
      const only = { agentId: agent.id, serial: device.serial };
      expect(await administration().revokeOfflineOfUser(admin(), null, userName, only)).toBe(1);
    },
  ],
];

const anyVersion = { expectedVersion: null };

function administration(): OfflineBench['bench']['service']['administration'] {
  return offline.bench.service.administration;
}

function admin(): OfflineBench['caller'] {
  return offline.bench.admin;
}

describe('a package stands no more when', () => {
  it.each(causes)('%s', async (_cause, end) => {
    const one = await held();
    await end(one);
    expect((await offline.report(one.agent)).packageIds).toEqual([]);
    const stored = await offline.bench.store.offlinePackageById(one.packageId);
    // The row of one whose user is gone went with him.
    expect(stored?.state ?? 'revoked').toBe('revoked');
  });

  it('the settings that shaped it are others', async () => {
    const one = await held();
    const { componentType } = offline.caller;
    const { settings } = await administration().policy(admin(), componentType);
    const save = (offlineFailuresMax: number): Promise<unknown> =>
      administration().savePolicy(
        admin(),
        componentType,
        {
          parentName: 'Local Authentication',
          settings: { ...settings, offlineFailuresMax },
        },
        anyVersion,
      );
    await save(4);
    expect((await offline.report(one.agent)).packageIds).toEqual([]);
    await save(5);
  });

  it('its time is over', async () => {
    const one = await held();
    offline.bench.clock.advance(8 * 86_400);
    expect((await offline.report(one.agent)).packageIds).toEqual([]);
    expect(await offline.bench.store.offlinePackageById(one.packageId)).toMatchObject({
      state: 'expired',
    });
  });

  it('the workstation is revoked, once and for all', async () => {
    const one = await held();
    await administration().revokeOfflineAgent(admin(), one.agent.id, 'stolen');
    await administration().revokeOfflineAgent(admin(), one.agent.id, 'found again');
    expect(await administration().offlineAgent(admin(), one.agent.id)).toMatchObject({
      agent: { state: 'revoked', revokedFor: 'stolen' },
      packages: [{ packageId: one.packageId, state: 'revoked', serial: one.device.serial }],
    });
    await expect(offline.report(one.agent)).rejects.toMatchObject({
      code: 'forbidden',
      fields: { reason: 'agent-revoked' },
    });
  });
});

describe('administration', () => {
  it('shows what is out, what ends soon, and by which key it is signed', async () => {
    const one = await held();
    const ofUser = await administration().offlineOfUser(admin(), null, one.userName, null);
    expect(ofUser).toMatchObject([
      { packageId: one.packageId, agentId: one.agent.id, state: 'installed', first: 1n },
    ]);
    const ids = async (days: number): Promise<readonly string[]> =>
      (await administration().offlinePackagesEnding(admin(), days)).map((each) => each.packageId);
    expect(await ids(6)).not.toContain(one.packageId);
    expect(await ids(8)).toContain(one.packageId);
    const { signingKey } = await administration().offlineSigningKey(admin());
    expect(Buffer.from(signingKey)).toEqual(one.agent.serverKey);
    const agents = await administration().offlineAgents(admin(), { after: '', limit: 100 });
    expect(agents.map(({ agentId }) => agentId)).toContain(one.agent.id);
  });

  it('is of no workstation that there is not, rather than of none', async () => {
    const { userName, agent } = await held();
    for (const agentId of ['typo', `${agent.id.slice(0, -1)}${agent.id.endsWith('0') ? 1 : 0}`]) {
      const revoking = administration().revokeOfflineOfUser(admin(), null, userName, { agentId });
      await expect(revoking).rejects.toMatchObject({
        code: 'not-found',
        message: expect.stringContaining('tallystick offline agents') as string,
      });
    }
    const other = { agentId: (await offline.agent()).id };
    expect(await administration().revokeOfflineOfUser(admin(), null, userName, other)).toBe(0);
  });

  it.each(['agentId', 'agentName', 'componentType', 'serial', 'applicationName'] as const)(
    'means a package by its %s, and none by another',
    async (member) => {
      const { userName } = await held();
      const [view] = await administration().offlineOfUser(admin(), null, userName, null);
      const means = async (value: string): Promise<number> => {
        const only = { [member]: value };
        return (await administration().offlineOfUser(admin(), null, userName, only)).length;
      };
      expect([await means(view![member]), await means('another')]).toEqual([1, 0]);
      const other = member === 'agentId' ? (await offline.agent()).id : 'another';
      const only = { [member]: other };
      expect(await administration().revokeOfflineOfUser(admin(), null, userName, only)).toBe(0);
    },
  );

  it('is not for clients, and workstations are not for administrators', async () => {
    await expect(
      administration().offlineAgents(offline.caller, { after: '', limit: 1 }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    await expect(offline.bench.service.offline.nonce(admin())).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('takes a workstation in where the policy allows, and each key once', async () => {
    const strict = await openOfflineBench({ offlineKeyMode: 'hw' }, offline.bench);
    const refused = { code: 'policy-refused', fields: { reason: 'offline-not-permitted' } };
    await expect(strict.agent('ram')).rejects.toMatchObject(refused);
    const none = await openOfflineBench({ offlineEnabled: false }, offline.bench);
    await expect(none.agent()).rejects.toMatchObject(refused);
    const agent = await strict.agent();
    agent.id = '';
    const again = { name: 'again', publicKey: agent.spki, keyMode: 'hw', countsFailures: true };
    await expect(
      offline.bench.service.offline.enrol(
        strict.caller,
        agent.prove(await strict.nonce(), '/v1/offline/agents'),
        again as Parameters<OfflineBench['bench']['service']['offline']['enrol']>[2],
      ),
    ).rejects.toMatchObject({ code: 'conflict' });
  });
});
