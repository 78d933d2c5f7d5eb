import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { driveFleet, type Unexpected } from '../../emulator/fleet/drive.ts';
import { restServer } from '../../emulator/fleet/rest-server.ts';
import { rulesOf } from '../../emulator/fleet/check.ts';
import {
  freshInstallation,
  type Installation,
  runTallystick,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { proofSize, proofTimeoutMs, reportProof } from '../support/proof.ts';
import { fleet } from '../emulator/fleet/support.ts';
import { vtoken } from '../emulator/support.ts';

const serials = (first: number, count: number): string =>
  count === 1 ? `VT${String(first)}` : `VT${String(first)}..VT${String(first + count - 1)}`;

/** Mostly fobs with a clock, and everything else; drift, presses, typing errors, accidents. */
function scenario(policy: string, prefix = 'VT'): string {
  const part = proofSize(1, 25);
  return `version: 1
seed: NOT-FOR-PRODUCTION drive
start: 2026-01-01T00:00:00Z
for: P${String(proofSize(20, 365))}D
tokens:
  - { serials: ${serials(90000000, 2 * part)}, profile: one-button-time, behaviour: office }
  - { serials: ${serials(91000000, part)}, profile: one-button-time, drift: cheap, behaviour: office }
  - { serials: ${serials(92000000, part)}, profile: one-button-event, behaviour: office, presses: child-with-token }
  - { serials: ${serials(93000000, part)}, profile: one-button-time, algorithm: TOTP-SHA256-8-60S, drift: phone, behaviour: office }
  - { serials: ${serials(94000000, part)}, profile: keypad-cr-time, behaviour: office }
  - { serials: ${serials(95000000, part)}, profile: keypad-cr-counter, behaviour: office }
  - { serials: ${serials(96000000, part)}, profile: one-button-time-event, behaviour: office }
  - { serials: VT97000000, profile: one-button-event, behaviour: edge }
behaviours:
  # Its counter goes to the last place of each window, and to the one behind it.
  edge: { logins: { perDay: 0 }, presses: none }
  office: { logins: { perDay: ${String(proofSize(1.2, 0.3))}, days: mon-fri }, typingErrors: 0.04, retries: 2 }
events:
  - { at: P3D, tokens: VT90000000, do: clock-jump, by: PT7M }
  - { at: P4D, tokens: VT92000000, do: unsent, times: 30 }
  - { at: P6D, tokens: VT92000000, do: unlock }
  - { at: P6DT1S, tokens: VT92000000, do: resync }
  - { at: P7D, tokens: VT91000000, do: storage, celsius: 60, for: P9D }
  - { at: P8D, tokens: VT95000000, do: reseed }
  - { at: P9D, tokens: VT90000001, do: battery-swap, gap: PT6M }
  - { at: P12D, tokens: VT90000000, do: unlock }
  - { at: P1D, tokens: VT97000000, do: press, times: 2 }
  - { at: P2D, tokens: VT97000000, do: press, times: 3 }
  - { at: P3D, tokens: VT97000000, do: resync }
  - { at: P4D, tokens: VT97000000, do: press, times: 20 }
  - { at: P5D, tokens: VT97000000, do: resync }
  - { at: P6D, tokens: VT97000000, do: press, times: 21 }
policy: { timeAndEventApplications: allowed, syncTimeWindowSeconds: 1200, ${policy} }
`.replaceAll('VT', prefix);
}

/** One server for all fleets: each has serials of its own. */
let url = '';
let key = '';
let installation: Installation;
let server: ServerProcess;

beforeAll(async () => {
  installation = await freshInstallation(['--test']);
  server = await startServer(installation.configFile, [], { flags: ['--unsafe-test-clock'] });
  url = server.url;
  key = readFileSync(installation.adminKeyFile, 'utf8').trim();
}, 120_000);

afterAll(async () => {
  await server.end();
  installation.remove();
});

describe('a fleet against a server on SoftHSM', () => {
  it.each([
    ['VT', 'usual windows', 'secondOtpSync: true', []],
    [
      'VN',
      'narrow windows',
      'identificationTimeWindowSteps: 2, eventWindowSteps: 2',
      ['user-locked'],
    ],
  ])(
    'gets no answer that was not expected: %s, %s',
    async (prefix, name, policy, more) => {
      const drawn = fleet(scenario(policy, prefix));
      const differences: Unexpected[] = [];
      const startedAt = performance.now();
      const result = await driveFleet(
        restServer(url, key, `fleet-${drawn.digest.slice(0, 8)}`),
        drawn,
        {
          onDifference: (difference) => differences.push(difference),
          onProgress: () => undefined,
        },
      );
      const seconds = (performance.now() - startedAt) / 1000;
      reportProof(`drive ${name}`, { tokens: result.tokens, attempts: result.attempts });
      reportProof(`drive ${name}`, { ...result.answers, seconds: Math.round(seconds) });
      expect(differences.slice(0, 5)).toEqual([]);
      expect(result.attempts).toBeGreaterThan(100);
      expect(Object.keys(result.answers)).toEqual(
        expect.arrayContaining(['accepted', 'response-incorrect', 'synchronised', ...more]),
      );
    },
    proofTimeoutMs,
  );

  it('tells where a server does not keep to the policy, and fails', async () => {
    const drawn = fleet(`version: 1
seed: NOT-FOR-PRODUCTION planted
start: 2027-06-01T00:00:00Z
for: P5D
tokens: [{ serials: VP90000001, profile: one-button-time, drift: { offset: PT1M }, behaviour: prompt }]
behaviours: { prompt: { submitDelay: { from: PT0S, to: PT0S } } }
policy: { identificationTimeWindowSteps: 2 }
`);
    const differences: Unexpected[] = [];
    const rules = rulesOf(drawn.scenario);
    await driveFleet(restServer(url, key, `fleet-${drawn.digest.slice(0, 8)}`), drawn, {
      onDifference: (difference) => differences.push(difference),
      onProgress: () => undefined,
      // One step more on either side than the server is told.
      expectedRules: { ...rules, identificationTimeWindowSteps: 4 },
    });
    expect(differences[0]).toMatchObject({ expected: 'accepted', got: 'response-incorrect' });
  });

  it('is a command, which is refused without a test clock', async () => {
    const path = join(installation.folder, 'scenario.yaml');
    const tiny = scenario('userLockThreshold: 5', 'VC').replace(/for: P\d+D/, 'for: P13D');
    writeFileSync(path, tiny);
    const argv = ['fleet', 'drive', path, '--key-file', installation.adminKeyFile, '--server'];
    const { status, out, err } = await vtoken('/nonexistent', [...argv, url]);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^\d+ tokens, \d+ attempts, 0 differences; accepted \d+/);
    expect(out).not.toContain(key);
    const again = await vtoken('/nonexistent', [...argv, url]);
    expect(again).toMatchObject({ status: 1, out: '' });
    const nobody = await vtoken('/nonexistent', [...argv, 'http://127.0.0.1:1']);
    expect(nobody.err).toMatch(/the server does not answer/);
    writeFileSync(
      path,
      tiny.replace('events:', 'events:\n  - { at: P1D, do: restore-backup, of: P0D }'),
    );
    expect((await vtoken('/nonexistent', [...argv, url])).err).toMatch(/leave restore-backup out/);
  });
});

describe('the test clock', () => {
  it('needs a database for tests, and loopback', async () => {
    const installation = await freshInstallation();
    onTestFinished(() => installation.remove());
    const serve = ['serve', '--config', installation.configFile, '--unsafe-test-clock'];
    const unmarked = await runTallystick(serve);
    expect(unmarked.code).not.toBe(0);
    expect(unmarked.stderr).toMatch(/init --test/);
    const marked = await runTallystick(['init', '--var', installation.folder, '--test']);
    expect(marked.stderr).toMatch(/--test marks a new database/);
    const outside = await runTallystick([
      ...serve,
      ...['--set', 'listen.host=0.0.0.0', '--set', 'listen.forcePlain=true'],
    ]);
    expect(outside.stderr).toMatch(/loopback/);
  });

  it('is not there unless it is asked for, and for nobody but administrators', async () => {
    const set = async (bearer: string, nowMs: unknown): Promise<number> => {
      const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ nowMs });
      return (await fetch(`${url}/v1/test-clock`, { method: 'PUT', headers, body })).status;
    };
    expect(await set(key, 1_800_000_000_000)).toBe(200);
    expect(await set(key, -1)).toBe(422);
    expect(await set('tsk_nobody', 1_800_000_000_000)).toBe(401);
    const plain = await freshInstallation(['--test']);
    onTestFinished(() => plain.remove());
    const other = await startServer(plain.configFile);
    onTestFinished(async () => {
      await other.end();
    });
    const adminKey = readFileSync(plain.adminKeyFile, 'utf8').trim();
    const found = await fetch(`${other.url}/v1/test-clock`, {
      headers: { authorization: `Bearer ${adminKey}` },
    });
    expect(found.status).toBe(404);
  });
});
