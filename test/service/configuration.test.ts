import { describe, expect, test } from 'vitest';
import { createAdmission } from '../../src/service/admission.ts';
import { configurationOf, createConfigurationCache } from '../../src/service/configuration.ts';
import {
  apiKeySha256,
  installationRecords,
  newApiKeyText,
  sha256Hex,
  uuidV7,
} from '../../src/service/index.ts';
import type { ConfigurationSnapshot } from '../../src/service/store.ts';

const empty: ConfigurationSnapshot = {
  version: 1,
  domains: [],
  policies: [],
  components: [],
  apiKeys: [],
  gateways: [],
};

/** The snapshot after an installation's records were written. */
function installed(before: ConfigurationSnapshot = empty): ConfigurationSnapshot {
  const { changes } = installationRecords(before, { nowMs: 0, adminKeySha256: sha256Hex('a') });
  const after = {
    version: before.version + 1,
    domains: [...before.domains],
    policies: [...before.policies],
    components: [...before.components],
    apiKeys: [...before.apiKeys],
    gateways: [],
  };
  for (const change of changes) {
    if (change.change !== 'insert') continue;
    if (change.kind === 'domain') after.domains.push(change.record);
    if (change.kind === 'policy') after.policies.push(change.record);
    if (change.kind === 'component') after.components.push(change.record);
    if (change.kind === 'apiKey') after.apiKeys.push(change.record);
  }
  return after;
}

describe('an installation', () => {
  test('has a domain, policies, components on loopback and one key; a second time nothing', () => {
    const snapshot = installed();
    expect(snapshot.domains.map(({ name }) => name)).toEqual(['master']);
    expect(snapshot.policies.map(({ name }) => name)).toEqual([
      'Base Policy',
      'Local Authentication',
      'Administration Logon',
    ]);
    expect(
      snapshot.components.map(({ componentType, location }) => `${componentType} ${location}`),
    ).toEqual([
      'administration 127.0.0.0/8',
      'administration ::1/128',
      'rest-client 127.0.0.0/8',
      'rest-client ::1/128',
      'SOAP Auth Client 127.0.0.0/8',
      'SOAP Auth Client ::1/128',
      'Administration Program 127.0.0.0/8',
      'Administration Program ::1/128',
    ]);
    expect(snapshot.apiKeys).toMatchObject([{ role: 'admin', keySha256: sha256Hex('a') }]);
    const again = installationRecords(snapshot, { nowMs: 0, adminKeySha256: sha256Hex('b') });
    expect(again.changes).toEqual([]);
    // What was taken away comes back, but for what lets programs in without a key.
    const [first] = snapshot.components;
    const without = installationRecords(
      { ...snapshot, components: [first!] },
      { nowMs: 0, adminKeySha256: sha256Hex('b') },
    );
    expect(without.changes.map(({ kind }) => kind)).toEqual([
      'component',
      'component',
      'component',
    ]);
  });

  test.each(['domains', 'policies', 'components', 'apiKeys'] as const)(
    'interrupted without its %s is completed',
    (missing) => {
      const whole = installed();
      const names = (snapshot: ConfigurationSnapshot): unknown =>
        (snapshot[missing] as readonly object[]).length;
      expect(names(installed({ ...whole, [missing]: [] }))).toEqual(names(whole));
    },
  );

  test('verifies on loopback, and nowhere else', () => {
    const configuration = configurationOf(installed());
    const policyFor = (componentType: string, peerAddress: string): string | undefined =>
      configuration.resolve({ keyId: 'key', componentType, peerAddress })?.policyName;
    expect(policyFor('rest-client', '127.0.0.1')).toBe('Local Authentication');
    expect(policyFor('REST-Client', '::1')).toBe('Local Authentication');
    expect(policyFor('administration', '::ffff:127.0.0.1')).toBe('Administration Logon');
    expect(policyFor('rest-client', '10.0.0.1')).toBeUndefined();
    expect(policyFor('other', '127.0.0.1')).toBeUndefined();
    expect(policyFor('rest-client', 'not an address')).toBeUndefined();
  });
});

describe('the component', () => {
  test('of the most specific network rules', () => {
    const snapshot = installed();
    const policyId = (name: string): string =>
      snapshot.policies.find((policy) => policy.name === name)!.id;
    const component = (location: string, policy: string): (typeof snapshot.components)[number] => ({
      id: location,
      componentType: 'x',
      location,
      access: 'api-key',
      policyId: policyId(policy),
      version: 1,
    });
    const configuration = configurationOf({
      ...snapshot,
      components: [
        component('10.0.0.0/8', 'Base Policy'),
        component('10.1.0.0/16', 'Local Authentication'),
        component('10.1.1.1/32', 'Administration Logon'),
        component('nonsense', 'Base Policy'),
      ],
    });
    const locationFor = (peerAddress: string): string | undefined =>
      configuration.resolve({ keyId: 'key', componentType: 'x', peerAddress })?.component.location;
    expect(locationFor('10.2.0.1')).toBe('10.0.0.0/8');
    expect(locationFor('10.1.0.1')).toBe('10.1.0.0/16');
    expect(locationFor('10.1.1.1')).toBe('10.1.1.1/32');
    expect(locationFor('10.1.1.1')).toBe('10.1.1.1/32');
  });

  test('whose policy cannot be resolved is a fault of what is stored', () => {
    const snapshot = installed();
    const policies = snapshot.policies.map((policy) => ({ ...policy, parentId: policy.id }));
    const configuration = configurationOf({ ...snapshot, policies });
    expect(() =>
      configuration.resolve({ keyId: 'key', componentType: 'rest-client', peerAddress: '::1' }),
    ).toThrow(expect.objectContaining({ code: 'store-contract' }) as Error);
  });
});

describe('the cache', () => {
  function counting(): {
    loads: (() => void)[];
    store: { loadConfiguration(): Promise<ConfigurationSnapshot> };
  } {
    const loads: (() => void)[] = [];
    let version = 0;
    return {
      loads,
      store: {
        loadConfiguration: () =>
          new Promise((resolve) => {
            version += 1;
            const snapshot = { ...empty, version };
            loads.push(() => {
              resolve(snapshot);
            });
          }),
      },
    };
  }

  test('loads once for all who ask first', async () => {
    const { loads, store } = counting();
    const cache = createConfigurationCache(store);
    const asked = [cache.current(), cache.current(), cache.current()];
    expect(loads).toHaveLength(1);
    loads[0]?.();
    for (const one of asked) expect((await one).version).toBe(1);
    expect((await cache.current()).version).toBe(1);
    expect(loads).toHaveLength(1);
  });

  test('a reload begins after it was asked for, and is shared', async () => {
    const { loads, store } = counting();
    const cache = createConfigurationCache(store);
    const first = cache.current();
    const reloads = [cache.reload(), cache.reload()];
    expect(loads).toHaveLength(1);
    loads[0]?.();
    await first;
    await expect.poll(() => loads.length).toBe(2);
    loads[1]?.();
    expect((await Promise.all(reloads)).map(({ version }) => version)).toEqual([2, 2]);
    expect(loads).toHaveLength(2);
  });

  test('a failed load does not stay', async () => {
    let fails = true;
    const cache = createConfigurationCache({
      loadConfiguration: () => (fails ? Promise.reject(new Error('gone')) : Promise.resolve(empty)),
    });
    await expect(cache.current()).rejects.toThrow('gone');
    fails = false;
    expect((await cache.current()).version).toBe(1);
  });
});

describe('admission', () => {
  test('refuses more than its limit, and the late ones while it drains', async () => {
    const admission = createAdmission(2);
    const finish: (() => void)[] = [];
    const work = (): Promise<void> => new Promise((resolve) => void finish.push(resolve));
    const running = [admission.admit(work), admission.admit(work)];
    await expect(admission.admit(work)).rejects.toMatchObject({ code: 'overloaded' });
    let isDrained = false;
    const drained = admission.drain().then(() => {
      isDrained = true;
    });
    await expect(admission.admit(work)).rejects.toMatchObject({ code: 'shutting-down' });
    finish[0]?.();
    await running[0];
    expect(isDrained).toBe(false);
    finish[1]?.();
    await drained;
    await admission.drain();
  });

  test('a failure makes room', async () => {
    const admission = createAdmission(1);
    const failing = admission.admit(() => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    expect(await admission.admit(() => Promise.resolve(7))).toBe(7);
  });
});

describe('identifiers', () => {
  test('a UUIDv7 carries its time, version and variant, and sorts by time', () => {
    const random = (length: number): Uint8Array => new Uint8Array(length).fill(0xff);
    // The example of RFC 9562 appendix A.6: 2022-02-22 19:22:22 UTC.
    expect(uuidV7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7fff-bfff-ffffffffffff');
    expect(uuidV7(1, random) < uuidV7(2, random)).toBe(true);
  });

  test('only what looks like a key is looked up', () => {
    const key = newApiKeyText();
    expect(apiKeySha256(key)).toBe(sha256Hex(key));
    expect(newApiKeyText()).not.toBe(key);
    for (const text of ['', 'tsk_', `${key}A`, key.slice(1), key.replace('tsk', 'TSK')]) {
      expect(apiKeySha256(text)).toBeNull();
    }
  });
});
