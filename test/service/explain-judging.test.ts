import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Administration, Caller } from '../../src/service/index.ts';
import type { UserExplanation } from '../../src/service/explanation.ts';
import { type Bench, openBench } from '../support/builders.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;
let administration: Administration;
let auditor: Caller;

beforeAll(async () => {
  bench = await openBench();
  administration = bench.service.administration;
  auditor = await bench.caller({}, 'auditor');
});

afterAll(async () => {
  await bench.close();
});

function explained(userName: string, limit = 20, policy?: string): Promise<UserExplanation> {
  return administration.explainUser(auditor, null, userName, limit, policy ?? null);
}

const any = { expectedVersion: null };

describe('the policy that judges', () => {
  const wrong = { response: '123456' };

  test('is that of the newest attempt, unless one is named', async () => {
    const [strict, mild] = [
      await bench.caller({ userLockThreshold: 2 }),
      await bench.caller({ userLockThreshold: 9 }),
    ];
    const userName = await bench.user();
    const judged = async (policy?: string) => {
      const { policyName, policyFrom, account } = await explained(userName, 20, policy);
      return [policyName, policyFrom, account?.lockThreshold];
    };
    expect((await judged()).slice(0, 2)).toEqual([auditor.componentType, 'own-key']);
    for (const caller of [strict, mild]) {
      await codeOf(bench.service, caller, asking(userName, wrong));
      bench.clock.advance(1);
    }
    expect(await judged()).toEqual([mild.componentType, 'last-attempt', 9]);
    expect(await judged(strict.componentType)).toEqual([strict.componentType, 'request', 2]);
  });

  test('is an older one where that is gone', async () => {
    const [kept, gone] = [await bench.caller(), await bench.caller()];
    const userName = await bench.user();
    for (const caller of [kept, gone]) {
      await codeOf(bench.service, caller, asking(userName, wrong));
      bench.clock.advance(1);
    }
    const components = await administration.components(bench.admin);
    const { id } = components.find(({ policyName }) => policyName === gone.componentType)!;
    await administration.updateComponent(bench.admin, id, { policyName: 'Base Policy' }, any);
    await administration.deletePolicy(bench.admin, gone.componentType);
    expect(await explained(userName)).toMatchObject({
      policyName: kept.componentType,
      policyFrom: 'last-attempt',
    });
  });
});
