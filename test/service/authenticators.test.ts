import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Administration, NewApplication } from '../../src/service/index.ts';
import { type Bench, hotp6, nextSerial, ocraTime, openBench, totp6 } from '../support/builders.ts';
import { asking, codeOf, membersRefused } from './support.ts';

let bench: Bench;
let administration: Administration;

beforeAll(async () => {
  bench = await openBench();
  administration = bench.service.administration;
});

afterAll(async () => {
  await bench.close();
});

function application(more: Partial<NewApplication> = {}): NewApplication {
  return {
    name: 'APP',
    mode: 'response-only',
    algorithm: hotp6,
    seed: { source: 'generate' },
    eventCounter: 0n,
    ...more,
  };
}

function authenticator(
  applications: readonly NewApplication[],
  serial: string = nextSerial(),
): Parameters<Administration['createAuthenticator']>[1] {
  return { serial, model: 'TEST', expiresAtMs: null, applications };
}

describe('authenticators', () => {
  test('with a generated and an imported seed: the view shows where from, and no seed', async () => {
    const bytes = new Uint8Array(16).fill(0xa5);
    const hex = Buffer.from(bytes).toString('hex');
    const view = await administration.createAuthenticator(
      bench.admin,
      authenticator([
        application({ name: 'GEN' }),
        application({ name: 'IMP', algorithm: totp6, seed: { source: 'import', bytes } }),
        application({ name: 'CR', mode: 'challenge-response', algorithm: ocraTime }),
      ]),
    );
    expect(
      view.applications.map(({ name, seedOrigin, seedBytes, padded }) => [
        name,
        seedOrigin,
        seedBytes,
        padded,
      ]),
    ).toEqual([
      ['CR', 'generated', 20, false],
      ['GEN', 'generated', 20, false],
      ['IMP', 'imported', 16, true],
    ]);
    expect(view).toMatchObject({ isVirtual: false, userName: null });
    expect([...bytes]).toEqual(new Array(16).fill(0));
    const shown = JSON.stringify(view, (_name, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(shown).not.toContain(hex);
    expect((await bench.auditBodies()).join()).not.toContain(hex);
  });

  test('an imported seed is overwritten even when the request is refused', async () => {
    const bytes = new Uint8Array(8).fill(0xa5);
    const refused = administration.createAuthenticator(
      bench.admin,
      authenticator([application({ seed: { source: 'import', bytes } })]),
    );
    await expect(refused).rejects.toMatchObject({ code: 'request-invalid' });
    expect([...bytes]).toEqual(new Array(8).fill(0));
  });

  test('every wrong member is named', async () => {
    const members = await membersRefused(
      administration.createAuthenticator(bench.admin, {
        serial: 'no',
        model: 'much too long',
        expiresAtMs: 0.5,
        applications: [
          application({ name: '!', algorithm: { kind: 'event', hash: 'MD5', digits: 6 } }),
          application({ name: 'A', mode: 'challenge-response' }),
          application({ name: 'A', algorithm: totp6, eventCounter: 3n }),
          application({
            name: 'P',
            mode: 'challenge-response',
            algorithm: { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-6:QN08-PSHA1' },
          }),
        ],
      }),
    );
    expect(members.sort()).toEqual([
      'applications',
      'applications[0].algorithm',
      'applications[0].name',
      'applications[1].mode',
      'applications[2].eventCounter',
      'applications[3].algorithm',
      'expiresAtMs',
      'model',
      'serial',
    ]);
  });

  test('a taken serial leaves no seed behind', async () => {
    const serial = nextSerial();
    await administration.createAuthenticator(bench.admin, authenticator([application()], serial));
    const seeds = bench.module.memory.seeds.size;
    await expect(
      administration.createAuthenticator(bench.admin, authenticator([application()], serial)),
    ).rejects.toMatchObject({ code: 'conflict', fields: { reason: 'exists' } });
    expect(bench.module.memory.seeds.size).toBe(seeds);
  });

  test('a module that fails at the second seed leaves none behind, and no row', async () => {
    const serial = nextSerial();
    const seeds = bench.module.memory.seeds.size;
    const original = bench.module.importSeed.bind(bench.module);
    bench.module.importSeed = (...args) => {
      bench.module.importSeed = original;
      bench.module.failNext('capacity', { method: 'importSeed' });
      return original(...args);
    };
    const second = { source: 'import' as const, bytes: new Uint8Array(20).fill(1) };
    await expect(
      administration.createAuthenticator(
        bench.admin,
        authenticator([application(), application({ name: 'B', seed: second })], serial),
      ),
    ).rejects.toMatchObject({ code: 'module-capacity' });
    expect(bench.module.memory.seeds.size).toBe(seeds);
    await expect(administration.authenticator(bench.admin, serial)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('are assigned to one user at a time', async () => {
    const [one, two] = [await bench.user(), await bench.user()];
    const { serial } = await bench.device(totp6, { userName: one });
    await expect(
      administration.assignAuthenticator(bench.admin, serial, null, two),
    ).rejects.toMatchObject({ code: 'conflict', fields: { reason: 'assigned' } });
    expect(await administration.assignAuthenticator(bench.admin, serial, null, one)).toMatchObject({
      userName: one,
      domainName: 'master',
    });
    await administration.unassignAuthenticator(bench.admin, serial);
    const moved = await administration.assignAuthenticator(bench.admin, serial, null, two);
    expect(moved.userName).toBe(two);
  });

  test('of 8 assignments at once one wins', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, () => bench.user()));
    const { serial } = await bench.device(totp6);
    const results = await Promise.allSettled(
      users.map((userName) =>
        administration.assignAuthenticator(bench.admin, serial, null, userName),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('a deleted one is gone with its seeds', async () => {
    const userName = await bench.user();
    const seeds = bench.module.memory.seeds.size;
    const { serial } = await bench.device(totp6, { userName });
    await administration.deleteAuthenticator(bench.admin, serial);
    expect(bench.module.memory.seeds.size).toBe(seeds);
    await expect(administration.deleteAuthenticator(bench.admin, serial)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('deleted while the module is away: gone, and the audit names the seed that stayed', async () => {
    const { serial } = await bench.device(totp6);
    bench.module.failNext('unavailable', { method: 'destroySeed' });
    await administration.deleteAuthenticator(bench.admin, serial);
    expect(await bench.lastAudit()).toMatchObject({
      outcome: 'seed-left-in-module',
      details: { error: 'module-unavailable' },
    });
  });

  test('a reset forgets what was learned, not what was used, and unlocks nobody', async () => {
    const caller = await bench.caller({ userLockThreshold: 2, autoUnlockMaxTries: 0 });
    const userName = await bench.user();
    const device = await bench.device(totp6, { userName });
    const ahead = bench.clock.nowMs() + 240_000;
    const response = device.response({ nowMs: ahead });
    expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe('accepted');
    const before = (await administration.authenticator(bench.admin, device.serial))
      .applications[0]!;
    expect(before.driftSeconds).not.toBe(0);
    await administration.resetApplication(bench.admin, device.serial, 'app');
    const after = (await administration.authenticator(bench.admin, device.serial)).applications[0]!;
    expect(after).toMatchObject({ driftSeconds: 0, driftAtMs: null, epoch: before.epoch + 1 });
    for (const code of ['response-replayed', 'response-replayed', 'user-locked']) {
      expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe(code);
    }
    await administration.resetApplication(bench.admin, device.serial, null);
    expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe('user-locked');
    await expect(
      administration.resetApplication(bench.admin, device.serial, 'OTHER'),
    ).rejects.toMatchObject({ code: 'not-found' });
  });
});
