import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { fileGiven, httpGiven, smtpGiven } from '../support/gateways.ts';
import { atTerminal } from '../support/terminal.ts';
import { openDesk } from './support.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const desk = openDesk();

const shown = {
  name: 'sms',
  channel: 'sms',
  position: 1,
  settings: httpGiven,
  hasSecret: true,
  isDisabled: false,
  version: 3,
};

const usualHttp = { kind: 'http', content: 'json', body: httpGiven.body };

describe('gateway create', () => {
  it.each<[readonly string[], object]>([
    [
      ['mail', '--channel', 'email', '--smtp', 'mail.example.com', '--from', 'otp@example.com'],
      {
        name: 'mail',
        channel: 'email',
        settings: {
          kind: 'smtp',
          host: 'mail.example.com',
          port: 587,
          security: 'starttls',
          from: 'otp@example.com',
        },
      },
    ],
    [
      [
        ...['mail', '--channel', 'email', '--smtp', '[::1]:2525', '--security', 'none'],
        ...['--from', 'a@b', '--user-name', 'otp', '--subject', 'Code', '--position', '4'],
        '--disabled',
      ],
      {
        position: 4,
        isDisabled: true,
        settings: {
          kind: 'smtp',
          host: '::1',
          port: 2525,
          security: 'none',
          from: 'a@b',
          userName: 'otp',
          subject: 'Code',
        },
      },
    ],
    [
      ['sms', '--channel', 'sms', '--url', 'https://sms.example.com'],
      {
        position: null,
        isDisabled: false,
        secret: null,
        settings: { ...usualHttp, url: 'https://sms.example.com' },
      },
    ],
    [
      [
        ...['sms', '--channel', 'voice', '--url', 'https://x', '--content', 'form'],
        ...['--header', 'X-A: b:c', '--header', 'X-B:'],
      ],
      {
        channel: 'voice',
        settings: {
          kind: 'http',
          url: 'https://x',
          content: 'form',
          body: 'to={to}&text={text}',
          headers: { 'X-A': 'b:c', 'X-B': '' },
        },
      },
    ],
    [
      ['desk', '--channel', 'sms', '--file', 'messages.jsonl'],
      { name: 'desk', settings: fileGiven },
    ],
  ])('%j says what is given', async (args, expected) => {
    const world = await desk.serve({ createGateway: shown });
    expect(await desk.run(['gateway', 'create', ...args])).toMatchObject({ code: 0, said: '' });
    expect(world.reached[0]!.args[1]).toMatchObject(expected);
  });

  it('leaves no member where nobody can guess', async () => {
    const world = await desk.serve({ createGateway: shown });
    await desk.run('gateway create sms --channel sms --url https://x --content text'.split(' '));
    expect(world.reached[0]!.args[1]).toHaveProperty('settings', {
      kind: 'http',
      url: 'https://x',
      content: 'text',
    });
  });

  it.each([
    ['--channel sms', /choose one: --smtp HOST:PORT, --url URL or --file NAME/],
    ['--channel sms --url https://x --file a', /choose one/],
    ['--channel fax --file a', /Allowed choices are email, sms, voice/],
    ['--file a', /required option '--channel/],
    ['--channel sms --file a --from b@c', /--from is for smtp gateways/],
    ['--channel email --smtp a --header X:y', /--header is for http gateways/],
    ['--channel email --smtp ::1:25', /--smtp takes HOST:PORT/],
    ['--channel email --smtp a:b', /--smtp takes HOST:PORT/],
    ['--channel sms --url https://x --header X', /--header takes 'Name: value'/],
    ['--channel sms --url https://x --header X:y --header X:z', /each name once/],
    ['--channel sms --file a --position first', /--position takes a whole number/],
  ])('%s is refused before anything is sent', async (line, said) => {
    const world = await desk.serve({ createGateway: shown });
    const ran = await desk.run(['gateway', 'create', 'a', ...line.split(' ')]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached).toEqual([]);
  });
});

describe('the secret of a gateway', () => {
  const create = 'gateway create desk --channel sms --file a --secret-file'.split(' ');

  it('comes from a private file or standard input', async () => {
    const world = await desk.serve({ createGateway: shown });
    writeFileSync(desk.path('secret'), 'correct horse\n', { mode: 0o600 });
    await desk.run([...create, desk.path('secret')]);
    await desk.run([...create, '-'], { input: 'battery staple\n' });
    const secrets = world.reached.map(({ args }) => (args[1] as { secret: string }).secret);
    expect(secrets).toEqual(['correct horse', 'battery staple']);
  });

  it('is not taken from a file that others may read, nor from nothing', async () => {
    const world = await desk.serve({ createGateway: shown });
    writeFileSync(desk.path('secret'), 'correct horse\n', { mode: 0o644 });
    const open = await desk.run([...create, desk.path('secret')]);
    expect(open.code).toBe(exitCodes.usage);
    expect(open.said).toMatch(/the secret of the gateway\) may be read by others: chmod 600/);
    const nothing = await desk.run([...create, '-'], { input: '' });
    expect(nothing.said).toMatch(/standard input must hold 1 line\(s\): Secret/);
    expect(world.reached).toEqual([]);
  });

  it('is asked for at a terminal, and not shown', { timeout: 60_000 }, async () => {
    const world = await desk.serve({ createGateway: shown });
    const line = [...create, '-'].join(' ');
    const asked = [['Secret: ', 'correct horse\r']] as const;
    const screen = await atTerminal(program, line, desk.environment(), asked);
    expect(screen.status).toBe(0);
    expect(screen.shown).not.toContain('correct horse');
    expect(world.reached[0]!.args[1]).toMatchObject({ secret: 'correct horse' });
  });
});

describe('gateway set', () => {
  const mail = { ...shown, channel: 'email', settings: smtpGiven };

  it.each<[object, readonly string[], object]>([
    [mail, ['--position', '2'], { position: 2 }],
    [mail, ['--subject', 'New'], { settings: { ...smtpGiven, subject: 'New' } }],
    [mail, ['--user-name', ''], { settings: { ...smtpGiven, userName: null } }],
    [mail, ['--smtp', 'a:25'], { settings: { ...smtpGiven, host: 'a', port: 25 } }],
    [mail, ['--secret-file', '-'], { secret: 'new' }],
    [shown, ['--no-headers'], { settings: { ...httpGiven, headers: {} } }],
    [shown, ['--header', 'X-A: b'], { settings: { ...httpGiven, headers: { 'X-A': 'b' } } }],
    [mail, ['--url', 'https://x'], { settings: { ...usualHttp, url: 'https://x' } }],
    [shown, ['--file', 'messages.jsonl'], { settings: fileGiven }],
  ])('of %j with %j changes that alone, as it was seen', async (gateway, args, change) => {
    const world = await desk.serve({ gateway, updateGateway: gateway });
    const ran = await desk.run(['gateway', 'set', 'sms', ...args], { input: 'new\n' });
    expect(ran).toMatchObject({ code: 0, said: '' });
    expect(world.reached.map(({ args: reached }) => reached.slice(1))).toEqual([
      ['sms'],
      ['sms', change, { expectedVersion: 3 }],
    ]);
  });

  it.each([
    [[], /say what to set/],
    [['--from', 'a@b'], /--from is for smtp gateways, and this one is of kind http/],
    [['--position', '-1'], /--position/],
  ])('with %j is refused', async (args, said) => {
    const world = await desk.serve({ gateway: shown });
    const ran = await desk.run(['gateway', 'set', 'sms', ...args]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toMatch(said);
    expect(world.reached.map(({ method }) => method)).not.toContain('updateGateway');
  });

  it.each([
    ['enable', false],
    ['disable', true],
  ])('has a word of its own to %s', async (word, isDisabled) => {
    const world = await desk.serve({ updateGateway: shown });
    await desk.run(['gateway', word, 'sms']);
    expect(world.reached[0]!.args.slice(1, 3)).toEqual(['sms', { isDisabled }]);
  });
});

describe('gateways', () => {
  it('are listed for people', async () => {
    const other = { ...shown, name: 'mail', settings: smtpGiven, hasSecret: false };
    await desk.serve({
      gateways: [shown, { ...other, isDisabled: true }, { ...shown, settings: fileGiven }],
    });
    const { printed } = await desk.run(['gateway', 'list']);
    expect(printed.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'GATEWAY CHANNEL POSITION STATE KIND TO SECRET',
      `sms sms 1 active http ${httpGiven.url} yes`,
      'mail sms 1 disabled smtp mail.example.com:587 no',
      'sms sms 1 active file messages.jsonl yes',
    ]);
  });

  it('are shown with every setting, and as JSON', async () => {
    await desk.serve({ gateway: shown });
    const { printed } = await desk.run(['gateway', 'show', 'sms']);
    expect(printed).toMatch(/^secret +set$/m);
    expect(printed).toMatch(/^body +\{"to":"\{to\}","text":"\{text\}"\}$/m);
    expect(printed).toMatch(/^header +Authorization: Bearer \{secret\}$/m);
    const json = await desk.run(['gateway', 'show', 'sms', '--json']);
    expect(JSON.parse(json.printed)).toEqual(shown);
  });

  it('are deleted', async () => {
    const world = await desk.serve({ deleteGateway: undefined });
    const ran = await desk.run(['gateway', 'delete', 'sms']);
    expect(ran).toEqual({ code: 0, printed: 'Gateway sms deleted.', said: '' });
    expect(world.reached[0]!.args[1]).toBe('sms');
  });
});

describe('gateway test', () => {
  const ask = ['gateway', 'test', 'sms', '--to', '+491701234567'];

  it('says that the gateway took the message', async () => {
    const world = await desk.serve({ testGateway: { outcome: 'sent' } });
    expect(await desk.run(ask)).toEqual({
      code: 0,
      printed: 'Gateway sms took the message.',
      said: '',
    });
    expect(world.reached[0]!.args.slice(1)).toEqual(['sms', '+491701234567']);
  });

  it('ends with 1 and says why it did not', async () => {
    const failed = { outcome: 'failed', kind: 'refused', detail: 'the web service answered 500' };
    await desk.serve({ testGateway: failed });
    expect(await desk.run(ask)).toEqual({
      code: exitCodes.refused,
      printed: '',
      said: 'Not sent by sms (refused: the web service answered 500).',
    });
    const json = await desk.run([...ask, '--json']);
    expect(json.code).toBe(exitCodes.refused);
    expect(JSON.parse(json.printed)).toEqual(failed);
  });
});
