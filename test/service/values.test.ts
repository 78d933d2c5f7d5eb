import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, openBench } from '../support/builders.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

describe('names that no URL can reach', () => {
  test.each(['.', '..'])('%s is refused for every kind of record', async (name) => {
    const { admin } = bench;
    const { administration } = bench.service;
    const [userName, role] = [name, 'client'] as const;
    const user = { userName, organisationalUnit: null, expiresAtMs: null };
    const key = { name, role, componentType: 'c', domainName: null, expiresAtMs: null };
    const policy = { parentName: null, settings: {} };
    const anyVersion = { expectedVersion: null };
    const attempts = [
      administration.createUser(admin, null, user),
      administration.createDomain(admin, name),
      administration.createOrganisationalUnit(admin, 'master', name, null),
      administration.savePolicy(admin, name, policy, anyVersion),
      administration.createApiKey(admin, key),
    ];
    for (const attempt of attempts) {
      await expect(attempt).rejects.toMatchObject({
        code: 'request-invalid',
        fields: {
          [attempt === attempts[0] ? 'userName' : 'name']: [
            expect.stringMatching(/no URL/) as string,
          ],
        },
      });
    }
  });

  test('others of dots are names as any', async () => {
    const { administration } = bench.service;
    await expect(administration.createDomain(bench.admin, '...')).resolves.toMatchObject({});
  });
});

describe('an instant that no date can say', () => {
  test('is refused, the last one is not', async () => {
    const { administration } = bench.service;
    const user = { userName: 'late', organisationalUnit: null, expiresAtMs: 8.64e15 };
    const late = { ...user, userName: 'too-late', expiresAtMs: 8.64e15 + 1 };
    await expect(administration.createUser(bench.admin, null, late)).rejects.toMatchObject({
      code: 'request-invalid',
      fields: { expiresAtMs: [expect.stringMatching(/8640000000000000/) as string] },
    });
    await expect(administration.createUser(bench.admin, null, user)).resolves.toMatchObject({
      expiresAtMs: 8.64e15,
    });
  });
});
