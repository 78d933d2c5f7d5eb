import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComponentAccess } from '../../src/domain/model.ts';
import type { Administration, ComponentView } from '../../src/service/index.ts';
import { type Bench, openBench, type TestDevice, totp6 } from '../support/builders.ts';
import { asking, codeOf, syncing } from './support.ts';

let bench: Bench;
let administration: Administration;
let device: TestDevice;

const userName = 'jane';

beforeAll(async () => {
  bench = await openBench();
  ({ administration } = bench.service);
  await bench.user(userName);
  device = await bench.device(totp6, { userName });
});

afterAll(async () => {
  await bench.close();
});

let types = 0;

/** A component type of its own, with one component for each network. */
async function components(
  ...given: readonly (readonly [string, ComponentAccess])[]
): Promise<{ readonly type: string; readonly made: readonly ComponentView[] }> {
  types += 1;
  const type = `program-${String(types)}`;
  const made: ComponentView[] = [];
  for (const [location, access] of given) {
    const component = { componentType: type, location, access, policyName: 'Local Authentication' };
    made.push(await administration.createComponent(bench.admin, component));
  }
  return { type, made };
}

/** What a right response of a program without a key comes to. */
async function keyless(type: string, peerAddress: string): Promise<string> {
  bench.clock.advance(30);
  const response = device.response({ nowMs: bench.clock.nowMs() });
  const caller = bench.service.keylessCaller(type, peerAddress, 'request-keyless');
  return codeOf(bench.service, caller, asking(userName, { response }));
}

describe('a program without a key', () => {
  it('is let in by its address where a component says so, and nowhere else', async () => {
    const { type } = await components(['10.1.0.0/16', 'address']);
    expect(await keyless(type, '10.1.2.3')).toBe('accepted');
    expect(await keyless(type.toUpperCase(), '10.1.2.3')).toBe('accepted');
    expect(await keyless(type, '10.2.0.1')).toBe('component-unknown');
    expect(await keyless(`${type}x`, '10.1.2.3')).toBe('component-unknown');
    expect(await keyless('rest-client', '127.0.0.1')).toBe('component-unknown');
  });

  it('is ruled by the most specific network, whatever a wider one lets in', async () => {
    const { type } = await components(
      ['10.0.0.0/8', 'address'],
      ['10.1.0.0/16', 'api-key'],
      ['10.1.1.0/24', 'address'],
    );
    expect(await keyless(type, '10.9.0.1')).toBe('accepted');
    expect(await keyless(type, '10.1.9.1')).toBe('component-unknown');
    expect(await keyless(type, '10.1.1.1')).toBe('accepted');
  });

  it('is refused from the moment on that the component wants a key', async () => {
    const { type, made } = await components(['10.1.0.0/16', 'address']);
    const id = made[0]?.id ?? '';
    const change = (access: ComponentAccess): Promise<ComponentView> =>
      administration.updateComponent(bench.admin, id, { access }, { expectedVersion: null });
    expect(await keyless(type, '10.1.2.3')).toBe('accepted');
    expect(await change('api-key')).toMatchObject({ policyName: 'Local Authentication' });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'component.update',
      details: { access: 'api-key' },
    });
    expect(await keyless(type, '10.1.2.3')).toBe('component-unknown');
    await change('address');
    expect(await keyless(type, '10.1.2.3')).toBe('accepted');
  });

  it('writes nothing, whatever it asks for, where no component lets it in', async () => {
    const { type } = await components(['10.1.0.0/16', 'api-key']);
    const stranger = bench.service.keylessCaller(type, '10.1.2.3', 'request-stranger');
    const count = (await bench.auditBodies()).length;
    const refusal = { outcome: 'refused', code: 'component-unknown' };
    const { service } = bench;
    for (const answer of [
      await service.authenticate(stranger, asking(userName, { response: '123456' })),
      await service.synchronise(stranger, syncing(userName, ['123456', '654321'])),
      await service.logon(stranger, asking(userName, { response: '123456' })),
      ...(await Promise.all(
        [userName, null].map((whose) => {
          const request = { ...asking(''), userName: whose };
          return service.issueChallenge(stranger, request);
        }),
      )),
    ]) {
      expect(answer).toEqual(refusal);
    }
    expect((await bench.auditBodies()).length).toBe(count);
    const { lockCount } = await administration.user(bench.admin, null, userName);
    expect(lockCount).toBe(0);
  });

  it('administers nothing', async () => {
    const { type } = await components(['10.1.0.0/16', 'address']);
    const caller = bench.service.keylessCaller(type, '10.1.2.3', 'request-keyless');
    await expect(administration.users(caller, null, { after: '', limit: 1 })).rejects.toMatchObject(
      { code: 'forbidden' },
    );
  });
});

describe('a component', () => {
  it('keeps its access when only its policy changes', async () => {
    const { made } = await components(['10.1.0.0/16', 'address']);
    const [component] = made;
    const policyName = 'Administration Logon';
    const expected = { expectedVersion: component?.version ?? 0 };
    expect(
      await administration.updateComponent(
        bench.admin,
        component?.id ?? '',
        { policyName },
        expected,
      ),
    ).toMatchObject({ access: 'address', policyName });
    const late = administration.updateComponent(
      bench.admin,
      component?.id ?? '',
      { access: 'api-key' },
      expected,
    );
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
  });
});
