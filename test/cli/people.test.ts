import { chmodSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { TallystickError } from '../../src/errors.ts';
import { atTerminal } from '../support/terminal.ts';
import { openDesk, type Ran } from './support.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const desk = openDesk();

function run(line: string | readonly string[], input = ''): Promise<Ran> {
  return desk.run(typeof line === 'string' ? line.split(' ') : line, { input });
}

const user = {
  userName: 'jane',
  domainName: 'master',
  serials: [],
  email: 'jane@example.org',
  mobile: null,
  phone: null,
  deliveryMethod: 'email-sms',
  localAuthentication: null,
  hasPassword: true,
  passwordSetAtMs: 0,
};

describe('user', () => {
  it('create and set take a contact and what verifies', async () => {
    const world = await desk.serve({ createUser: user, updateUser: user });
    const options = ['--email', 'jane@example.org', '--mobile', '+49 170', '--phone', '+49 30'];
    const more = ['--delivery', 'email-sms', '--local-authentication', 'none'];
    expect((await run(['user', 'create', 'jane', ...options, ...more])).code).toBe(0);
    expect((await run('user set jane --email none --mobile none --phone none')).code).toBe(0);
    await run('user set jane --delivery policy --local-authentication policy');
    expect(world.reached[0]!.args[2]).toMatchObject({
      email: 'jane@example.org',
      mobile: '+49 170',
      phone: '+49 30',
      deliveryMethod: 'email-sms',
      localAuthentication: 'none',
    });
    expect(world.reached.slice(1).map(({ args }) => args[3])).toEqual([
      { email: null, mobile: null, phone: null },
      { deliveryMethod: null, localAuthentication: null },
    ]);
  });

  it.each([
    ['user set jane', /say what to set/],
    ['user set jane --delivery pigeon', /email-sms/],
    ['user set jane --local-authentication any', /password-in-grace/],
  ])('%s is wrong usage', async (line, said) => {
    const world = await desk.serve({ updateUser: user });
    const ran = await run(line);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });

  it('show says how he is reached and whether he has a password', async () => {
    await desk.serve({ user });
    const { printed } = await run('user show jane');
    expect(printed).toMatch(/^e-mail +jane@example\.org$/m);
    expect(printed).toMatch(/^mobile +-$/m);
    expect(printed).toMatch(/^delivery +email-sms$/m);
    expect(printed).toMatch(/^authentication +as the policy says$/m);
    expect(printed).toMatch(/^password +set 1970-01-01T00:00:00\.000Z$/m);
    await desk.serve({ user: { ...user, hasPassword: false } });
    expect((await run('user show jane')).printed).toMatch(/^password +none$/m);
  });
});

describe('user password', () => {
  const set = 'user password set jane';
  const setTo = (password: string, confirmation = password, policyName: string | null = null) => ({
    password,
    confirmation,
    policyName,
  });

  it.each<[string, string, object]>([
    [set, 'correct horse\ncorrect horse\n', setTo('correct horse')],
    [set, 'one\r\nother', setTo('one', 'other')],
    [`${set} --domain d --policy Office`, 'a\na\n', setTo('a', 'a', 'Office')],
    [`${set} --password-file -`, ' with blanks \n', setTo(' with blanks ')],
  ])('%s reads %j', async (line, input, setting) => {
    const world = await desk.serve({ setPassword: user });
    expect(await run(line, input)).toEqual({
      code: 0,
      printed: 'The password of jane is set.',
      said: '',
    });
    const domain = line.includes('--domain') ? 'd' : null;
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([[domain, 'jane', setting]]);
  });

  it('takes a private file', async () => {
    const world = await desk.serve({ setPassword: user });
    const file = desk.path('password');
    writeFileSync(file, 'correct horse\r\n', { mode: 0o600 });
    const line = [...set.split(' '), '--password-file', file];
    expect((await run(line)).code).toBe(0);
    expect(world.reached[0]!.args[3]).toEqual(setTo('correct horse'));
    chmodSync(file, 0o640);
    const refused = await run(line);
    expect(refused.code).toBe(exitCodes.usage);
    expect(refused.said).toMatch(/chmod 600/);
    expect(world.reached).toHaveLength(1);
  });

  it.each([
    [set, 'only once\n', /must hold 2 line\(s\): Password, Password again/],
    [`${set} --password-file -`, '\n', /exactly one line/],
    [`${set} --password-file -`, 'one\ntwo\n', /exactly one line/],
    [`${set} horse`, '', /too many arguments/],
  ])('%s with %j is wrong usage', async (line, input, said) => {
    const world = await desk.serve({ setPassword: user });
    const ran = await run(line, input);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });

  it('says why the policy does not take it, and clears it', async () => {
    const setPassword = new TallystickError('policy-refused', 'It is too short.', {
      fields: { reason: 'password-too-short' },
    });
    const world = await desk.serve({ setPassword });
    const refused = await run(set, 'a\na\n');
    expect(refused.code).toBe(exitCodes.refused);
    expect(refused.said).toBe('Refused: It is too short. [password-too-short]');
    const cleared = await run('user password clear jane --domain d');
    expect(cleared).toEqual({ code: 0, printed: 'The password of jane is cleared.', said: '' });
    expect(world.reached[1]).toMatchObject({ method: 'clearPassword' });
    expect(world.reached[1]!.args.slice(1)).toEqual(['d', 'jane']);
  });

  it('is asked for twice at a terminal and never shown', { timeout: 60_000 }, async () => {
    const world = await desk.serve({ setPassword: user });
    const { status, shown } = await atTerminal(program, set, desk.environment(), [
      ['Password: ', 'correct horse\r'],
      ['Password again: ', 'correct horse\r'],
    ]);
    expect(shown).toContain('The password of jane is set.');
    expect(status).toBe(0);
    expect(shown).not.toContain('horse');
    expect(world.reached[0]!.args[3]).toEqual(setTo('correct horse'));
  });
});

const unset = { mode: null, endsAtMs: null, usesLeft: null };
const device = {
  serial: 'S',
  kind: 'device',
  applications: [],
  graceEndsAtMs: null,
  backup: unset,
};
const virtualMobile = { ...device, kind: 'virtual-mobile', model: 'VIR10' };

describe('token create', () => {
  it('makes a virtual mobile authenticator without applications', async () => {
    const world = await desk.serve({ createVirtualMobile: virtualMobile });
    const ran = await run('token create S --virtual-mobile');
    expect(ran.code).toBe(0);
    expect(ran.printed).toMatch(/^kind +virtual mobile$/m);
    expect(ran.printed).not.toContain('APPLICATION');
    await run('token create S --virtual-mobile --model M --expires 1970-01-02');
    expect(world.reached.map(({ args }) => args[1])).toEqual([
      { serial: 'S', model: null, expiresAtMs: null },
      { serial: 'S', model: 'M', expiresAtMs: 86_400_000 },
    ]);
  });

  it.each([
    ['token create S --virtual-mobile --generate', /no applications and no seeds/],
    ['token create S --virtual-mobile --application A=HOTP-SHA1-6', /no applications/],
    ['token create S --virtual-mobile --event-counter 1', /no applications/],
    ['token create S --generate', /give --application, or --virtual-mobile/],
  ])('%s is wrong usage', async (line, said) => {
    const world = await desk.serve({ createVirtualMobile: virtualMobile });
    const ran = await run(line);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });

  it('stays as it was for devices', async () => {
    const world = await desk.serve({ createAuthenticator: device });
    await run('token create S --application A=HOTP-SHA1-6 --generate');
    expect(world.reached[0]!.args[1]).toMatchObject({
      model: 'GENERIC',
      applications: [{ name: 'A', seed: { source: 'generate' }, eventCounter: 0n }],
    });
  });
});

describe('token set and assign', () => {
  it.each<[string, object]>([
    ['--backup required', { backup: { mode: 'required' } }],
    ['--backup policy --backup-uses policy', { backup: { mode: null, usesLeft: null } }],
    [
      '--backup-uses 3 --backup-until 1970-01-02',
      { backup: { usesLeft: 3, endsAtMs: 86_400_000 } },
    ],
    ['--backup-until never', { backup: { endsAtMs: null } }],
    ['--grace-until 1970-01-02', { graceEndsAtMs: 86_400_000 }],
    ['--grace-until policy --expires never', { graceEndsAtMs: null, expiresAtMs: null }],
  ])('%s reaches the server', async (options, changes) => {
    const world = await desk.serve({ updateAuthenticator: device });
    expect((await run(`token set S ${options}`)).code).toBe(0);
    expect(world.reached.map(({ args }) => args.slice(1, 3))).toEqual([['S', changes]]);
  });

  it.each([
    ['token set S', /say what to set/],
    ['token set S --backup sometimes', /time-limited/],
    ['token set S --backup-uses many', /--backup-uses takes a whole number/],
    ...['never', 'yesterday'].map((when): [string, RegExp] => [
      `token set S --grace-until ${when}`,
      /--grace-until takes 2027-12-31, 2027-12-31T12:00:00Z or policy$/m,
    ]),
    ...['policy', 'yesterday'].map((when): [string, RegExp] => [
      `token set S --backup-until ${when}`,
      /--backup-until takes 2027-12-31, 2027-12-31T12:00:00Z or never$/m,
    ]),
    ['token assign S jane --grace-days few', /--grace-days takes a whole number/],
  ])('%s is wrong usage', async (line, said) => {
    const world = await desk.serve({ updateAuthenticator: device });
    const ran = await run(line);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });

  it('assign says for how many days he may do without', async () => {
    const world = await desk.serve({ assignAuthenticator: device });
    await run('token assign S jane --grace-days 7');
    await run('token assign S jane');
    expect(world.reached.map(({ args }) => args[4])).toEqual([7, null]);
  });

  it('show has what is set, where it applies', async () => {
    const backup = { mode: 'time-limited', endsAtMs: 86_400_000, usesLeft: 0 };
    const owned = { ...device, userName: 'jane', domainName: 'd', graceEndsAtMs: 0, backup };
    await desk.serve({ authenticator: owned });
    const { printed } = await run('token show S');
    expect(printed).toMatch(/^grace until +1970-01-01T00:00:00\.000Z$/m);
    expect(printed).toMatch(/^backup +time-limited$/m);
    expect(printed).toMatch(/^backup until +1970-01-02T00:00:00\.000Z$/m);
    expect(printed).toMatch(/^backup uses left +0$/m);
    for (const plain of [device, { ...virtualMobile, backup }]) {
      await desk.serve({ authenticator: plain });
      expect((await run('token show S')).printed).not.toMatch(/grace|backup/);
    }
  });
});
