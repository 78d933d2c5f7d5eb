import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { openDesk } from './support.ts';

const desk = openDesk();

const issued = {
  outcome: 'challenge-issued',
  kind: 'challenge',
  challenge: '12345678',
  challengeKey: '0123456789',
  message: 'Enter Response',
  expiresAtMs: Date.UTC(2026, 10, 26),
};
const changed = {
  outcome: 'password-changed',
  userName: 'jane',
  domainName: 'master',
  organisationalUnit: null,
};

describe('authenticate that asks for something', () => {
  it.each<[readonly string[], string, string]>([
    [['--keyword', 'otp'], '', 'otp'],
    [['--keyword', ''], '', ''],
    [['--keyword', 'otp', '--password'], 'Sommer\n', 'otpSommer'],
    [['--keyword', 'c', '--pin'], '4721\n', 'c4721'],
    [['--password'], 'Sommer\n', 'Sommer'],
  ])('%j sends one text', async (options, input, sent) => {
    const world = await desk.serve({ authenticate: issued });
    const ran = await desk.run(['authenticate', 'jane', ...options], { input });
    expect(world.reached[0]!.args[1]).toMatchObject({
      credential: { format: 'combined', text: sent },
    });
    expect(ran.code).toBe(exitCodes.unanswered);
    expect(ran.printed).toBe('challenge 12345678\nkey 0123456789');
    expect(ran.said).toContain('Enter Response: valid until 2026-11-26');
  });

  it('shows the key alone of what was sent, and all of it as JSON', async () => {
    await desk.serve({ authenticate: { ...issued, kind: 'virtual-otp', challenge: null } });
    const asked = ['authenticate', 'jane', '--keyword', 'otp'];
    expect((await desk.run(asked)).printed).toBe('key 0123456789');
    const ran = await desk.run([...asked, '--json']);
    expect(ran.code).toBe(exitCodes.unanswered);
    expect(JSON.parse(ran.printed)).toMatchObject({ challenge: null, challengeKey: '0123456789' });
    expect(ran.said).toBe('');
  });

  it('takes no keyword that is longer than one can be, and shows it nowhere', async () => {
    const world = await desk.serve({ authenticate: issued });
    const ran = await desk.run(['authenticate', 'jane', '--keyword', 'k'.repeat(17)]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.said).toContain('--keyword takes a word of at most 16 characters');
    expect(ran.said).not.toContain('kk');
    expect(world.reached).toEqual([]);
    await desk.run(['authenticate', 'jane', '--keyword', 'k'.repeat(16)]);
    expect(world.reached).toHaveLength(1);
  });

  it.each([[['--keyword', 'otp', '--response', '123456']], [['--password', '--new-pin']]])(
    '%j makes no sense',
    async (options) => {
      const world = await desk.serve({ authenticate: issued });
      const ran = await desk.run(['authenticate', 'jane', ...options]);
      expect(ran.code).toBe(exitCodes.usage);
      expect(ran.said).toContain('--password and --keyword');
      expect(world.reached).toEqual([]);
    },
  );

  it.each([
    [{ by: 'password', serial: null, applicationName: null }, 'static password'],
    [
      { by: 'virtual-otp', serial: 'VM1', applicationName: null },
      'a one-time password that was sent (VM1)',
    ],
  ])('says what was enough: %o', async (answer, shown) => {
    const world = await desk.serve({
      authenticate: { outcome: 'accepted', pinChanged: false, userName: 'jane', ...answer },
    });
    const ran = await desk.run(['authenticate', 'jane', '--challenge-key', '0123456789'], {
      input: '123456\n',
    });
    expect(ran).toMatchObject({ code: 0, printed: `Accepted: jane by ${shown}.` });
    expect(world.reached[0]!.args[1]).toMatchObject({ challengeKey: '0123456789' });
  });
});

describe('change-password', () => {
  it.each([
    [[], 'changePassword'],
    [['--back-end'], 'changeBackEndPassword'],
  ])('%j', async (options, method) => {
    const world = await desk.serve({ [method]: changed });
    const ran = await desk.run(['change-password', 'jane', ...options], {
      input: 'old\nnew\nagain\n',
    });
    expect(ran).toMatchObject({ code: 0, printed: 'The password of jane is changed.' });
    expect(world.reached[0]).toMatchObject({
      method,
      args: [
        {},
        {
          userName: 'jane',
          domainName: null,
          password: 'old',
          newPassword: 'new',
          confirmation: 'again',
        },
      ],
    });
  });

  it('refused is told with its code', async () => {
    await desk.serve({ changePassword: { outcome: 'refused', code: 'password-too-short' } });
    const ran = await desk.run(['change-password', 'jane'], { input: 'old\nnew\nnew\n' });
    expect(ran.code).toBe(exitCodes.refused);
    expect(ran.said).toContain('[password-too-short]');
  });
});

it('challenge without a user is for whoever answers it', async () => {
  const world = await desk.serve({ issueChallenge: issued });
  expect((await desk.run(['challenge'])).printed).toBe('12345678');
  expect(world.reached[0]!.args[1]).toMatchObject({ userName: null });
});
