import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { type CliIo, report } from '../../src/cli/io.ts';
import { TallystickError } from '../../src/errors.ts';
import { keyText } from '../rest/support.ts';
import { openDesk, type Ran } from './support.ts';

const desk = openDesk();

function run(args: readonly string[], input = ''): Promise<Ran> {
  return desk.run(args, { input });
}

const accepted = {
  outcome: 'accepted',
  userName: 'jane',
  domainName: 'master',
  serial: 'VT1',
  applicationName: 'TIME',
};

describe('clients', () => {
  it('reads the response from standard input and says who was accepted', async () => {
    const world = await desk.serve({ authenticate: accepted });
    const ran = await run(['authenticate', 'jane', '--challenge', '1234'], '123456\n');
    expect(ran).toEqual({ code: 0, printed: 'Accepted: jane by VT1/TIME.', said: '' });
    expect(world.reached[0]!.args[1]).toMatchObject({
      credential: { format: 'separate', pin: null, response: '123456', newPin: null },
      challenge: '1234',
    });
  });

  it('prints a refusal for people, and the problem with --json', async () => {
    await desk.serve({ authenticate: { outcome: 'refused', code: 'user-locked' } });
    const ran = await run(['authenticate', 'jane', '--response', '1']);
    expect(ran.code).toBe(exitCodes.refused);
    expect(ran.said).toBe('Refused: The user is locked. [user-locked]');
    const json = await run(['authenticate', 'jane', '--response', '1', '--json']);
    expect(json.code).toBe(exitCodes.refused);
    expect(JSON.parse(json.printed)).toMatchObject({ code: 'user-locked', status: 403 });
  });

  it('tells a server that cannot from a server that does not answer', async () => {
    await desk.serve({ authenticate: new TallystickError('module-unavailable', 'Gone.') });
    const ran = await run(['authenticate', 'jane', '--response', '1']);
    expect(ran.code).toBe(exitCodes.serverUnavailable);
    expect(ran.said).toMatch(/Gone\..*\[module-unavailable\]\n {2}request id /);
    await desk.stop();
    const nobody = await run(['user', 'list']);
    expect(nobody.code).toBe(exitCodes.serverUnavailable);
    expect(nobody.said).toMatch(/^No server at http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)/);
  });

  it('wants both responses of a pair, from options or from standard input', async () => {
    const learned = { driftSeconds: 90, nextEventCounter: null, followers: [] };
    const world = await desk.serve({
      synchronise: { ...accepted, outcome: 'synchronised', learned },
    });
    const ran = await run(['sync', 'jane', '--serial', 'VT1'], '111111\n222222\n');
    expect(ran.printed).toMatch(/learned drift, seconds +90/);
    expect(world.reached[0]!.args[1]).toMatchObject({
      first: { response: '111111', challenge: null },
      second: { response: '222222', challenge: null },
    });
    expect((await run(['sync', 'jane', '--first', '1'])).code).toBe(exitCodes.usage);
    expect((await run(['sync', 'jane'], '1\n')).code).toBe(exitCodes.usage);
    expect(world.reached).toHaveLength(1);
  });

  it('shows nothing of what a client key is not told of a synchronisation', async () => {
    await desk.serve({
      synchronise: { ...accepted, outcome: 'synchronised', learned: null },
    });
    const ran = await run(['sync', 'jane'], '111111\n222222\n');
    expect(ran.printed).toBe('synchronised  VT1/TIME');
  });

  it('prints the code for a device that shows a challenge', async () => {
    const given = { serial: 'VT1', code: '87654321', codesLeft: 4 };
    const world = await desk.serve({ unlockCode: given });
    const ask = ['token', 'unlock-code', 'VT1', '--challenge', '12345678'];
    const said = 'Unlock codes left for this authenticator within the hour: 4.';
    expect(await run(ask)).toEqual({ code: 0, printed: '87654321', said });
    const json = await run([...ask, '--reason', 'PIN forgotten', '--json']);
    expect(json.said).toBe('');
    expect(JSON.parse(json.printed)).toEqual(given);
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
      ['VT1', '12345678', null],
      ['VT1', '12345678', 'PIN forgotten'],
    ]);
  });

  it('asks why somebody could not log on', async () => {
    const nothing = { authenticators: [], events: [], account: null, atMs: 0 };
    const names = { userName: 'jane', domainName: 'd', policyName: 'P', policyFrom: 'request' };
    const world = await desk.serve({ explainUser: { ...names, ...nothing } });
    const options = ['--domain', 'd', '--limit', '5', '--policy', 'P'];
    const ran = await run(['explain', 'jane', ...options]);
    expect(ran.printed).toMatch(
      /^user +jane in domain d\nnow .*\njudged by +the policy P, as you named it\n/,
    );
    const json = await run(['explain', 'jane', '--json']);
    expect(JSON.parse(json.printed)).toMatchObject({ user: 'jane', events: [] });
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([
      ['d', 'jane', 5, 'P'],
      [null, 'jane', 20, null],
    ]);
  });

  it('shows what unlocks a device as it is typed', async () => {
    const one = { name: 'UNLOCK', mode: 'unlock', algorithm: 'OCRA-1:HOTP-SHA1-8:QN08' };
    await desk.serve({ authenticator: { serial: 'VT1', applications: [one] } });
    expect((await run(['token', 'show', 'VT1'])).printed).toContain(`unlock:${one.algorithm}`);
  });

  it('warns of a key for a component type that no component has', async () => {
    const view = { name: 'k', role: 'client', componentType: 'c', domainName: null };
    const components = [{ componentType: 'Intranet' }];
    await desk.serve({ createApiKey: { key: keyText, view }, components });
    const create = ['key', 'create', 'k', '--role', 'client', '--component'];
    const mistyped = await run([...create, 'intanet']);
    expect(mistyped).toMatchObject({ code: 0, printed: keyText });
    expect(mistyped.said).toMatch(/^No component of type intanet exists/);
    expect((await run([...create, 'intranet'])).said).toBe('');
  });

  it('shows who and what has expired', async () => {
    const one = { userName: 'jane', serials: [], lockedBy: null, applications: [] };
    const [past, future] = [
      { ...one, expiresAtMs: 1 },
      { ...one, expiresAtMs: 8.64e15 },
    ];
    await desk.serve({
      users: [past, future],
      authenticators: [past, future],
      apiKeys: [past, future],
    });
    for (const what of ['user', 'token', 'key']) {
      const lines = (await run([what, 'list'])).printed.split('\n');
      expect(lines[1]).toMatch(/ expired /);
      expect(lines[2]).toMatch(/ active /);
    }
  });

  it('says when the audit has more, and shows the newest', async () => {
    const body = '{"action":"a","actor":"k","atMs":1,"outcome":"done","subject":"s"}';
    const events = [5, 6].map((sequence) => ({ sequence, body }));
    const world = await desk.serve({ auditEvents: events });
    const some = await run(['audit', 'list', '--limit', '2']);
    expect(some.said).toMatch(/--after 6/);
    expect((await run(['audit', 'list', '--limit', '3'])).said).toBe('');
    const newest = await run(['audit', 'list', '--newest', '2']);
    expect(newest).toMatchObject({ code: 0, said: '' });
    expect(newest.printed.split('\n')).toHaveLength(3);
    expect(world.reached.map(({ args }) => args.slice(2))).toEqual([
      [0, 2],
      [0, 3],
      [null, 2],
    ]);
    const both = await run(['audit', 'list', '--newest', '2', '--after', '1']);
    expect(both.code).toBe(exitCodes.refused);
    expect(both.said).toMatch(/after/);
  });

  it('follows a list from page to page', async () => {
    const pages = [Array.from({ length: 100 }, (_, at) => `u${at}`), ['last']];
    const world = await desk.serve({
      users: () => (pages.shift() ?? []).map((userName) => ({ userName, serials: [] })),
    });
    const ran = await run(['user', 'list', '--json']);
    expect((JSON.parse(ran.printed) as { items: unknown[] }).items).toHaveLength(101);
    expect(world.reached.map(({ args }) => (args[2] as { after: string }).after)).toEqual([
      '',
      'u99',
    ]);
  });

  it('takes a seed from a private file or standard input, never from an argument', async () => {
    const world = await desk.serve({
      createAuthenticator: (_caller: unknown, given: object) => ({ ...given, applications: [] }),
    });
    const seedFile = desk.path('seed');
    writeFileSync(seedFile, '3132 3334 3536 3738 3930 3132 3334 3536\n', { mode: 0o600 });
    const create = ['token', 'create', 'T1', '--application', 'A=HOTP-SHA1-6'];
    expect((await run([...create, '--import-hex-file', seedFile])).code).toBe(0);
    expect((await run([...create, '--import-base32-file', '-'], 'GEZDGNBVGY3TQOJQ\n')).code).toBe(
      0,
    );
    chmodSync(seedFile, 0o644);
    expect((await run([...create, '--import-hex-file', seedFile])).said).toMatch(/chmod 600/);
    expect((await run(create)).said).toMatch(/choose one/);
    expect((await run([...create, '--generate', '--import-hex-file', '-'])).said).toMatch(/one/);
    expect(world.reached).toHaveLength(2);
  });
});

describe('files that are written once', () => {
  it('keeps a new key off the screen, in a file of its own', async () => {
    const view = { name: 'k', role: 'client', componentType: 'c', domainName: null };
    const world = await desk.serve({ createApiKey: { key: keyText, view } });
    const out = desk.path('new.key');
    const create = ['key', 'create', 'k', '--role', 'client', '--component', 'c', '--out', out];
    const ran = await run(create);
    expect(ran.printed).not.toContain(keyText);
    expect(readFileSync(out, 'utf8')).toBe(`${keyText}\n`);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const again = await run(create);
    expect(again.code).toBe(exitCodes.usage);
    expect(world.reached.filter(({ method }) => method === 'createApiKey')).toHaveLength(1);
  });

  it('checks the user before the seeds leave', async () => {
    const request = desk.path('request.json');
    const out = desk.path('bundle.json');
    writeFileSync(request, '{}');
    const world = await desk.serve({
      user: new TallystickError('not-found', 'The user does not exist.'),
    });
    const issue = ['token', 'issue', '--to-emulator', request, '--out', out, '--user', 'nobody'];
    const ran = await run([...issue, '--domain', 'd']);
    expect(ran.code).toBe(exitCodes.refused);
    expect(ran.said).toMatch(/The user does not exist/);
    expect(world.reached.map(({ method }) => method)).toEqual(['user']);
    expect(world.reached[0]!.args.slice(1)).toEqual(['d', 'nobody']);
    expect(() => statSync(out)).toThrow(/ENOENT/);
  });

  it('says what was done when only the assignment failed, and what is left to do', async () => {
    const request = desk.path('request.json');
    const out = desk.path('bundle.json');
    writeFileSync(request, '{}');
    await desk.serve({
      user: { userName: 'jane', serials: [] },
      pairAuthenticator: { serial: 'VT1' },
      assignAuthenticator: new TallystickError('store-full', 'It is full.'),
    });
    const issue = ['token', 'issue', '--to-emulator', request, '--out', out, '--user', 'jane'];
    const ran = await run(issue);
    expect(ran.code).toBe(exitCodes.serverUnavailable);
    expect(ran.said).toMatch(/It is full.*[^]*VT1 was created[^]*tallystick token assign VT1 jane/);
    expect(ran.said).toContain(`vtoken pair --accept ${out}`);
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual({ serial: 'VT1' });
  });

  it('takes a request from its input and gives the bundle to its output, for a line of three commands', async () => {
    await desk.serve({ pairAuthenticator: { serial: 'VT1' } });
    const issue = ['token', 'issue', '--to-emulator', '-', '--out', '-'];
    const ran = await run(issue, '{}');
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.printed)).toEqual({ serial: 'VT1' });
    expect(ran.said).toMatch(/VT1 created/);
    const broken = await run(issue, '{');
    expect(broken.said).toMatch(/standard input \(the pair request\) is not JSON/);
    expect(broken.printed).toBe('');
  });

  it('makes room for a bundle before the seeds leave, and none after a refusal', async () => {
    const request = desk.path('request.json');
    const out = desk.path('bundle.json');
    writeFileSync(request, '{}');
    const issue = ['token', 'issue', '--to-emulator', request, '--out', out];
    const world = await desk.serve({
      pairAuthenticator: new TallystickError('policy-refused', 'No.'),
    });
    expect((await run(issue)).said).toMatch(/policy-refused/);
    expect(() => statSync(out)).toThrow(/ENOENT/);
    writeFileSync(out, 'precious');
    expect((await run(issue)).said).toMatch(/exists already/);
    expect(world.reached).toHaveLength(1);
    expect(readFileSync(out, 'utf8')).toBe('precious');
  });
});

describe('no installation', () => {
  it('has an exit code of its own and says how to make one', async () => {
    const ran = await run(['serve', '--config', '/nonexistent.json']);
    expect(ran.said).toMatch(/no configuration at \/nonexistent.json: "tallystick init/);
    expect(ran.code).toBe(exitCodes.notInitialised);
  });
});

describe('wrong usage', () => {
  it.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['user', 'creat', 'x'], /Did you mean create/],
    [['user', 'create'], /missing required argument 'user'/],
    [['user', 'list', '--colour'], /unknown option '--colour'/],
    [['key', 'create', 'k'], /required option '--role/],
    [['user', 'list', '--server', 'ftp://x'], /--server must be an address/],
    [['user', 'list', '--server', 'http://10.0.0.1:1'], /would cross the net in clear/],
    [['user', 'list', '--key-file', '/nonexistent'], /does not exist/],
    [['config', 'check', '--config', '/dev/null', '--set', 'x'], /--set takes NAME=VALUE/],
    [['init', '--residency', 'elsewhere', '--var', '/dev/null/x'], /./],
  ])('%j', async (args, message) => {
    const ran = await run(args);
    expect(ran.said).toMatch(message);
    expect(ran.said).not.toMatch(/ at .*\.[jt]s:\d/);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.printed).toBe('');
  });

  it('refuses a key that others may read', async () => {
    chmodSync(desk.path('key'), 0o640);
    const ran = await run(['user', 'list']);
    expect(ran.said).toMatch(/may be read by others: chmod 600/);
    expect(ran.said).not.toContain(keyText);
    expect(ran.code).toBe(exitCodes.usage);
  });

  it('shows help with success', async () => {
    const ran = await run(['--help']);
    expect(ran.code).toBe(0);
    expect(ran.printed).toMatch(/Exit codes:/);
    expect((await run(['user', 'list', '--help'])).printed).toMatch(/--force-plain/);
    expect((await run(['--version'])).printed).toBe('0.0.0');
  });

  it('says everything that is wrong with a configuration', async () => {
    const file = desk.path('tallystick.json');
    writeFileSync(file, '{"listen": {"port": "x"}, "log": {"level": "loud"}}');
    const ran = await run(['config', 'check', '--config', file]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(/listen\.port[^]*log\.level/);
  });
});

describe('errors', () => {
  const reported = (error: unknown): { said: string; code: number } => {
    const said: string[] = [];
    let code = -1;
    const io = {
      environment: {},
      say: (text: string) => said.push(text),
      setExitCode: (given: number) => {
        code = given;
      },
    };
    report(io as unknown as CliIo, error, false);
    return { said: said.join('\n'), code };
  };

  it('shows no stack, whatever was thrown', () => {
    expect(reported(new TypeError('x is not a function'))).toEqual({
      said: 'tallystick: a mistake in this program: x is not a function',
      code: exitCodes.internal,
    });
    expect(reported(new TallystickError('instance-in-use', 'Taken.')).code).toBe(
      exitCodes.instanceInUse,
    );
  });

  it('documents every exit code', () => {
    const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    for (const code of Object.values(exitCodes)) {
      expect(page).toMatch(new RegExp(`^\\| ${code} +\\|`, 'm'));
    }
  });
});
