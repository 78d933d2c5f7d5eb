import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { atTerminal } from '../support/terminal.ts';
import { openDesk, type Ran } from './support.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const desk = openDesk();

function run(args: readonly string[], input = ''): Promise<Ran> {
  return desk.run(args, { input });
}

function edited(state: string): object {
  const pin = { state, minimumLength: 4 };
  return { editPin: { serial: 'VT1', applications: [{ name: 'TIME', pin }], version: 1 } };
}

const accepted = {
  outcome: 'accepted',
  userName: 'jane',
  domainName: 'master',
  serial: 'VT1',
  applicationName: 'TIME',
  pinChanged: false,
  by: 'response',
  passwordExpiresAtMs: null,
};

const newPin = { pin: '9038', confirmation: '9038' };

describe('token pin', () => {
  it.each<[string, string, string | null, object]>([
    ['enable VT1', '', null, { action: 'enable', minimumLength: null }],
    ['enable VT1 --minimum-length 6', '', null, { action: 'enable', minimumLength: 6 }],
    ['minimum VT1 --length 6', '', null, { action: 'minimum', minimumLength: 6 }],
    ['disable VT1', '', null, { action: 'disable' }],
    ['reset VT1 --application TIME', '', 'TIME', { action: 'reset' }],
    ['force VT1', '', null, { action: 'force' }],
    [
      'set VT1',
      '9038\n9038\n',
      null,
      { action: 'set', newPin, mustChange: false, policyName: null },
    ],
    [
      'set VT1 --must-change --policy Office --application TIME',
      '9038\r\n9038',
      'TIME',
      { action: 'set', newPin, mustChange: true, policyName: 'Office' },
    ],
    [
      'clear VT1',
      '',
      null,
      {
        action: 'set',
        newPin: { pin: '', confirmation: '' },
        mustChange: false,
        policyName: null,
      },
    ],
  ])('%s reaches the server', async (line, input, application, change) => {
    const world = await desk.serve(edited('to-be-set'));
    const ran = await run(['token', 'pin', ...line.split(' ')], input);
    expect(ran).toEqual({
      code: 0,
      printed: 'APPLICATION  PIN\nTIME         to be set (4+)',
      said: '',
    });
    expect(world.reached.map(({ args }) => args.slice(1))).toEqual([['VT1', application, change]]);
  });

  it.each<[string, string, RegExp]>([
    ['set VT1', '9038\n', /must hold 2 line\(s\): PIN, PIN again/],
    ['set VT1', '', /must hold 2 line\(s\)/],
    ['enable VT1 --minimum-length four', '', /a number of characters such as 4/],
  ])('%s with %j is refused before anything is sent', async (line, input, said) => {
    const world = await desk.serve(edited('set'));
    const ran = await run(['token', 'pin', ...line.split(' ')], input);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });

  it.each([
    ['off', 'off'],
    ['to-be-set', 'to be set (4+)'],
    ['set', 'set (4+)'],
    ['change-required', 'set, change required (4+)'],
    ['none-needed', 'none needed (4+)'],
  ])('token show says of %s that it is "%s"', async (state, said) => {
    const one = { name: 'TIME', mode: 'response-only', algorithm: 'TOTP-SHA1-6-30S' };
    const applications = [{ ...one, pin: { state, minimumLength: 4 } }];
    await desk.serve({ authenticator: { serial: 'VT1', applications } });
    const { printed } = await run(['token', 'show', 'VT1']);
    const [heading, row] = printed.split('\n').slice(-2);
    const at = heading!.indexOf('  PIN ') + 2;
    expect(row!.slice(at).startsWith(said)).toBe(true);
  });
});

describe('authenticate and sync', () => {
  it.each<[string, string, object]>([
    ['--pin', '4721\n123456\n', { pin: '4721', response: '123456', newPin: null }],
    ['--pin --response 123456', '4721\n', { pin: '4721', response: '123456', newPin: null }],
    ['--new-pin', '123456\n9038\n9038\n', { pin: null, response: '123456', newPin }],
    ['--pin --new-pin', '4721\n123456\n9038\n9038\n', { pin: '4721', response: '123456', newPin }],
  ])('authenticate %s takes lines in their order', async (options, input, credential) => {
    const world = await desk.serve({ authenticate: { ...accepted, pinChanged: true } });
    const ran = await run(['authenticate', 'jane', ...options.split(' ')], input);
    expect(ran.printed).toBe('Accepted: jane by VT1/TIME. The new PIN is set.');
    expect(world.reached[0]!.args[1]).toMatchObject({
      credential: { format: 'separate', ...credential },
    });
  });

  it.each([
    [['--pin'], '4721\n111111\n222222\n'],
    [['--pin', '--first', '111111', '--second', '222222'], '4721\n'],
  ])('sync %j takes the PIN first', async (options, input) => {
    const world = await desk.serve({
      synchronise: { ...accepted, outcome: 'synchronised', learned: null },
    });
    expect((await run(['sync', 'jane', ...options], input)).code).toBe(0);
    expect(world.reached[0]!.args[1]).toMatchObject({
      pin: '4721',
      first: { response: '111111' },
      second: { response: '222222' },
    });
  });

  it('want as many lines as were asked for', async () => {
    const world = await desk.serve({ authenticate: accepted });
    const ran = await run(['authenticate', 'jane', '--pin'], '123456\n');
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(/must hold 2 line\(s\): PIN, Response/);
    expect(world.reached).toEqual([]);
  });
});

describe('at a terminal', () => {
  const typing = (
    line: string,
    answers: readonly (readonly [string, string])[],
  ): ReturnType<typeof atTerminal> => atTerminal(program, line, desk.environment(), answers);

  it('PINs are asked for and never shown, responses are', { timeout: 60_000 }, async () => {
    const world = await desk.serve({ authenticate: accepted });
    const { status, shown } = await typing('authenticate jane --pin --new-pin', [
      ['PIN: ', '472\x7f21\r'],
      ['Response: ', '12345\x7f56\r'],
      ['New PIN: ', '9038\r'],
      ['New PIN again: ', '9038\r'],
    ]);
    expect(shown).toContain('Accepted: jane');
    expect(status).toBe(0);
    expect(shown).not.toMatch(/472|9038/);
    expect(shown).toContain('Response: 12345');
    expect(world.reached[0]!.args[1]).toMatchObject({
      credential: { pin: '4721', response: '123456', newPin },
    });
  });

  it('lines typed ahead answer the next questions', { timeout: 60_000 }, async () => {
    const world = await desk.serve(edited('set'));
    const { status } = await typing('token pin set VT1', [['PIN: ', '9038\r9038\r']]);
    expect(status).toBe(0);
    expect(world.reached[0]!.args[3]).toMatchObject({ newPin });
  });

  it('an Enter too many does not take the PIN away', { timeout: 60_000 }, async () => {
    const world = await desk.serve(edited('set'));
    const { status, shown } = await typing('token pin set VT1', [['PIN: ', '\r\r']]);
    expect(status).toBe(exitCodes.usage);
    expect(shown).toContain('token pin clear');
    expect(world.reached).toEqual([]);
  });

  it('Ctrl-C gives up', { timeout: 60_000 }, async () => {
    const world = await desk.serve(edited('set'));
    const { status, shown } = await typing('token pin set VT1', [['PIN: ', '90\x03']]);
    expect(status).toBe(exitCodes.interrupted);
    expect(shown).toContain('given up');
    expect(world.reached).toEqual([]);
  });
});
