import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../../../src/cli/exit-codes.ts';
import { TallystickError } from '../../../src/errors.ts';
import type { Caller, RefusedAnswer, SynchroniseRequest } from '../../../src/service/index.ts';
import { runHere } from '../../cli/support.ts';
import { keyText, type RestWorld, startRest } from '../../rest/support.ts';
import { asking, codeOf, syncing, syncCodeOf } from '../../service/support.ts';
import {
  type Bench,
  hotp6,
  ocraCounter,
  ocraTime,
  openBench,
  type TestDevice,
} from '../../support/builders.ts';

/** Regressions of synchronisation; docs/regressions.md lists them all. */

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

describe('9: each response of a synchronisation is held against its own challenge', () => {
  test.each([
    ['time', ocraTime],
    ['counter', ocraCounter],
  ])('by %s', async (_, algorithm) => {
    const caller = await bench.caller({ userLockThreshold: 0 });
    const userName = await bench.user();
    const device = await bench.device(algorithm, { userName });
    const [one, two] = ['11111111', '22222222'] as const;
    const shown = (turn: number, challenge: string): string =>
      device.response({
        counter: 40 + turn,
        nowMs: bench.clock.nowMs() + turn * 30_000,
        challenge,
      });
    const syncWith = (first: string, second: string): Promise<string> => {
      const pair = [shown(0, first), shown(1, second)] as const;
      return syncCodeOf(bench.service, caller, syncing(userName, pair, [one, two]));
    };
    expect(await syncWith(one, one)).toBe('sync-incorrect');
    expect(await syncWith(two, two)).toBe('sync-incorrect');
    expect(await syncWith(two, one)).toBe('sync-incorrect');
    expect(await syncWith(one, two)).toBe('synchronised');
  });
});

describe('11: a synchronisation that failed looks failed to every client', () => {
  /** What a synchronisation can be refused with; `refused` under generic answers. */
  const codes: readonly RefusedAnswer['code'][] = [
    'refused',
    'component-unknown',
    'nothing-verifies',
    'user-unknown',
    'user-disabled',
    'user-expired',
    'user-inactive',
    'user-locked',
    'authenticator-none',
    'authenticator-not-assigned',
    'authenticator-ambiguous',
    'authenticator-not-permitted',
    'authenticator-disabled',
    'authenticator-expired',
    'application-inactive',
    'application-locked',
    'challenge-required',
    'challenge-not-permitted',
    'challenge-malformed',
    'challenge-unknown',
    'challenge-expired',
    'response-malformed',
    'sync-nothing',
    'sync-kind-unsupported',
    'sync-frozen',
    'sync-incorrect',
    'sync-replayed',
    'sync-ambiguous',
    'sync-backwards',
  ];
  const input = '111111\n222222\n';
  let world: RestWorld;
  let environment: Record<string, string>;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-regressions-'));
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, `${keyText}\n`, { mode: 0o600 });
    world = await startRest({
      synchronise: (_caller: Caller, { userName }: SynchroniseRequest) => {
        if (userName === 'broken') throw new TallystickError('module-unavailable', 'Gone.');
        return { outcome: 'refused', code: userName };
      },
    });
    environment = {
      TALLYSTICK_KEY_FILE: keyFile,
      TALLYSTICK_SERVER: `http://127.0.0.1:${world.port}`,
    };
    return async () => {
      await world.stop();
      rmSync(folder, { recursive: true });
    };
  });

  async function expectFailure(
    user: string,
    code: string,
    status: number,
    exitCode: number,
  ): Promise<void> {
    const [first, second] = [{ response: '111111' }, { response: '222222' }];
    const answer = await world.send('POST', '/v1/sync', { body: { user, first, second } });
    expect([user, answer.status]).toEqual([user, status]);
    expect(JSON.parse(answer.body)).toMatchObject({ code });
    const ran = await runHere(['sync', user], { environment, input });
    expect(ran).toMatchObject({ code: exitCode, printed: '' });
    expect(ran.said).toContain(`[${code}]`);
    const json = await runHere(['sync', user, '--json'], { environment, input });
    expect(json.code).toBe(exitCode);
    expect(JSON.parse(json.printed)).toMatchObject({ code, status });
  }

  test('by status, code and exit code', async () => {
    for (const code of codes) await expectFailure(code, code, 403, exitCodes.refused);
    await expectFailure('broken', 'module-unavailable', 503, exitCodes.serverUnavailable);
  });
});

describe('13: synchronisations that fail lock as logons that fail do', () => {
  const failures = {
    logon: (caller: Caller, userName: string, device: TestDevice) =>
      codeOf(bench.service, caller, asking(userName, { response: device.wrong() })),
    sync: (caller: Caller, userName: string, device: TestDevice) =>
      syncCodeOf(bench.service, caller, syncing(userName, [device.wrong(), device.wrong()])),
  };

  test.each([[['sync', 'sync']], [['logon', 'sync']], [['sync', 'logon']]] as const)(
    '%j',
    async (kinds) => {
      const caller = await bench.caller({ userLockThreshold: 2, autoUnlockMaxTries: 0 });
      const userName = await bench.user();
      const device = await bench.device(hotp6, { userName });
      for (const kind of kinds) {
        expect(await failures[kind](caller, userName, device)).toBe(
          kind === 'sync' ? 'sync-incorrect' : 'response-incorrect',
        );
      }
      const right = asking(userName, { response: device.response({ counter: 0 }) });
      expect(await codeOf(bench.service, caller, right)).toBe('user-locked');
      const pair = [device.response({ counter: 4 }), device.response({ counter: 5 })] as const;
      expect(await syncCodeOf(bench.service, caller, syncing(userName, pair))).toBe('user-locked');
    },
  );
});
