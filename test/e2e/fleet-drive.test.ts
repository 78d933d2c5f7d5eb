import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { nodeEnv, parseApplicationText } from '../../emulator/index.ts';
import { driveFleet, type DriveResult, type Unexpected } from '../../emulator/fleet/drive.ts';
import { exchangeWith } from '../../emulator/fleet/exchange.ts';
import type { Fleet } from '../../emulator/fleet/fleet-folder.ts';
import type { Rules } from '../../emulator/fleet/oracle/index.ts';
import { RestServer } from '../../emulator/fleet/rest-server.ts';
import { withSoap } from '../../emulator/fleet/soap-verifier.ts';
import { rulesOf } from '../../emulator/fleet/check.ts';
import {
  freshInstallation,
  type Installation,
  runProgram,
  runTallystick,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { algorithmToJson } from '../../src/oath/index.ts';
import { proofSize, proofTimeoutMs, reportProof } from '../support/proof.ts';
import { fleet } from '../emulator/fleet/support.ts';
import { vtokenProgram } from './support.ts';
import { type CliRun, vtoken } from '../emulator/support.ts';

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

/** Drives it, through one of the interfaces. */
async function drive(
  drawn: Fleet,
  through: 'rest' | 'soap',
  expectedRules?: Rules,
): Promise<DriveResult & { readonly unexpected: readonly Unexpected[] }> {
  const name = `fleet-${drawn.digest.slice(0, 8)}`;
  const exchange = exchangeWith(url);
  const isOpenToPrograms = through === 'soap';
  const of = { exchange, adminKey: key, name, isOpenToPrograms, env: nodeEnv };
  const rest = new RestServer(of);
  const unexpected: Unexpected[] = [];
  const result = await driveFleet(isOpenToPrograms ? withSoap(rest, exchange, name) : rest, drawn, {
    onDifference: (difference) => unexpected.push(difference),
    onProgress: () => undefined,
    expectedRules,
  });
  return { ...result, unexpected };
}

/** `vtoken fleet drive`, which nobody stops. */
function driveCommand(...argv: string[]): Promise<CliRun> {
  const stopped = new Promise<void>(() => undefined);
  const file = ['--key-file', installation.adminKeyFile];
  return vtoken('/nonexistent', ['fleet', 'drive', ...argv, ...file], { stopped });
}

/** The scenario, cut short, in a file. */
function shortScenario(prefix: string, days = 13): string {
  const path = join(installation.folder, `${prefix}.yaml`);
  const text = scenario('userLockThreshold: 5', prefix);
  writeFileSync(path, text.replace(/for: P\d+D/, `for: P${days}D`));
  return path;
}

const narrow = 'identificationTimeWindowSteps: 2, eventWindowSteps: 2';

describe('a fleet against a server on SoftHSM', () => {
  it.each([
    ['VT', 'usual windows', 'rest', 'secondOtpSync: true', ['synchronised']],
    ['VN', 'narrow windows', 'rest', narrow, ['synchronised', 'user-locked']],
    // An application that is barred: SOAP has one status for it and for much else.
    ['VS', 'narrow windows by SOAP', 'soap', `${narrow}, identificationThreshold: 4`, []],
  ] as const)(
    'gets no answer that was not expected: %s, %s',
    async (prefix, name, through, policy, more) => {
      const drawn = fleet(scenario(policy, prefix));
      const startedAt = performance.now();
      const { unexpected, ...result } = await drive(drawn, through);
      const seconds = (performance.now() - startedAt) / 1000;
      reportProof(`drive ${name}`, { tokens: result.tokens, attempts: result.attempts });
      reportProof(`drive ${name}`, { ...result.answers, seconds: Math.round(seconds) });
      expect(unexpected.slice(0, 5)).toEqual([]);
      expect(result.attempts).toBeGreaterThan(100);
      const usual = {
        rest: ['accepted', 'response-incorrect'],
        soap: ['STAT_SUCCESS', 'STAT_OTP_INCORRECT', 'STAT_LOCKED', 'STAT_DPERROR'],
      }[through];
      expect(Object.keys(result.answers)).toEqual(expect.arrayContaining([...usual, ...more]));
    },
    proofTimeoutMs,
  );

  it.each([
    ['rest', { expected: 'accepted', got: 'response-incorrect' }],
    ['soap', { expected: 'STAT_SUCCESS', got: 'STAT_OTP_INCORRECT' }],
  ] as const)('tells where a server does not keep to the policy: %s', async (through, told) => {
    const drawn = fleet(`version: 1
seed: NOT-FOR-PRODUCTION planted
start: 2027-06-01T00:00:00Z
for: P5D
tokens: [{ serials: ${through === 'rest' ? 'VP' : 'VQ'}90000001, profile: one-button-time, drift: { offset: PT1M }, behaviour: prompt }]
behaviours: { prompt: { submitDelay: { from: PT0S, to: PT0S } } }
policy: { identificationTimeWindowSteps: 2 }
`);
    // One step more on either side than the server is told.
    const expectedRules = { ...rulesOf(drawn.scenario), identificationTimeWindowSteps: 4 };
    const { unexpected } = await drive(drawn, through, expectedRules);
    expect(unexpected[0]).toMatchObject(told);
  });
});

describe('vtoken fleet drive', () => {
  it('prints what came of it, and a second drive says why there is none', async () => {
    const path = shortScenario('VC');
    const { status, out, err } = await driveCommand(path, '--server', url);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^\d+ tokens, \d+ attempts, 0 differences; accepted \d+/);
    expect(out).not.toContain(key);
    const again = await driveCommand(path, '--server', url);
    expect(again).toMatchObject({ status: 1, out: '' });
    expect(again.err).toMatch(/driven against this server before .*fresh database/);
    // Another scenario with tokens of the same names.
    const other = await driveCommand(shortScenario('VC', 12), '--server', url);
    expect(other).toMatchObject({ status: 1, out: '' });
    expect(other.err).toMatch(
      /^vtoken: user VC90000000 is already there: .*fresh database.*--enrolled/,
    );
    const used = await driveCommand(shortScenario('VC', 14), '--server', url, '--enrolled');
    expect(used).toMatchObject({ status: 1, out: '' });
    expect(used.err).toMatch(/^vtoken: token VC90000000 .*never used/);
    for (const { err: message } of [again, other, used]) {
      expect(message).not.toMatch(/\b409\b|POST|PUT/);
    }
  });

  it('goes by SOAP as well', async () => {
    const { status, out, err } = await driveCommand(shortScenario('VD'), '--server', url, '--soap');
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/ 0 differences; STAT_LOCKED \d+, .*STAT_SUCCESS \d+/);
  });

  it('takes tokens that are there, with the users whom they have', async () => {
    const path = shortScenario('VE');
    const unknown = await driveCommand(path, '--server', url, '--enrolled');
    expect(unknown).toMatchObject({ status: 1, out: '' });
    expect(unknown.err).toMatch(/the server does not know token VE90000000: import/);
    await importFleet(path, 'VE');
    // Asked for once more: what was made by the first attempt is another fleet's.
    const { status, out, err } = await driveCommand(
      shortScenario('VE', 12),
      '--server',
      url,
      '--enrolled',
    );
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/ 0 differences; accepted \d+/);
  });

  it('ends at Ctrl-C, with the command that it waits for, and says how far it came', async () => {
    const path = join(installation.folder, 'stopped.yaml');
    const restore = '{ at: P10D, do: restore-backup, of: P3D }';
    writeFileSync(path, scenario('', 'VG').replace('events:', `events:\n  - ${restore}`));
    const stopping = ['--on-backup', 'kill -INT $PPID; exec sleep 60', '--on-restore', 'true'];
    const where = ['--server', url, '--key-file', installation.adminKeyFile];
    const argv = [vtokenProgram, 'fleet', 'drive', path, ...where, ...stopping];
    const { code, stdout, stderr } = await runProgram(process.execPath, argv);
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toMatch(
      /^vtoken: stopped; the drive was at 2026-01-04T00:00:00.000Z, after [1-9]\d* attempts and 0 differences\n$/,
    );
  }, 50_000);

  it('says what is missing for a drive', async () => {
    const path = shortScenario('VF');
    const nobody = await driveCommand(path, '--server', 'http://127.0.0.1:1');
    expect(nobody).toMatchObject({ status: 5, out: '' });
    expect(nobody.err).toMatch(/^vtoken: the server does not answer: [^;]*\n$/);
    const stopped = await vtoken('/nonexistent', [
      ...['fleet', 'drive', path, '--server', url, '--key-file', installation.adminKeyFile],
    ]);
    expect(stopped).toEqual({ status: 130, out: '', err: 'vtoken: stopped\n' });
    const odd = await driveCommand(path, '--server', url, '--soap', 'office.yaml');
    expect(odd.err).toMatch(/--soap takes an address such as/);
    const half = await driveCommand(path, '--server', url, '--on-backup', 'true');
    expect(half).toMatchObject({
      status: 2,
      err: 'vtoken: --on-backup and --on-restore go together\n',
    });
    const restoring = (more: string): void =>
      writeFileSync(
        path,
        scenario('', 'VF').replace('events:', `events:\n  - { at: P1D, ${more} }`),
      );
    restoring('do: restore-backup, of: P0D');
    expect((await driveCommand(path, '--server', url)).err).toMatch(
      /restore-backup needs --on-backup COMMAND and --on-restore COMMAND/,
    );
    restoring('do: restore-backup, of: P0D, tokens: VF97000000');
    const both = ['--on-backup', 'true', '--on-restore', 'true'];
    const some = await driveCommand(path, '--server', url, ...both);
    expect(some).toMatchObject({ status: 2, out: '' });
    expect(some.err).toMatch(/as a whole: leave tokens and group out/);
  });
});

/** The tokens of a scenario as somebody else imports them: users of other names, in a domain. */
async function importFleet(path: string, domain: string): Promise<void> {
  const ask = async (method: string, what: string, body?: object): Promise<void> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/${what}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`);
  };
  await ask('POST', 'domains', { name: domain });
  for (const { serial, application, key: value } of fleet(readFileSync(path, 'utf8')).tokens) {
    const { name, mode, algorithm } = parseApplicationText(application);
    const seed = { source: 'import', encoding: 'hex', value };
    const applications = [{ name, mode, algorithm: algorithmToJson(algorithm), seed }];
    await ask('POST', 'authenticators', { serial, model: 'FOB', applications });
    const user = `user/of ${serial}`;
    await ask('POST', 'users', { user, domain });
    await ask('POST', `authenticators/${serial}/assign`, { user, domain });
  }
}

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
