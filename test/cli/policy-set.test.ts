import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { TallystickError } from '../../src/errors.ts';
import { openDesk, type Ran } from './support.ts';

const desk = openDesk();

function run(...args: readonly string[]): Promise<Ran> {
  return desk.run(args);
}

type Setting = readonly [value: unknown, from: string];

/** A policy as it is in force. */
function effective(name: string, settings: Readonly<Record<string, Setting>>): object {
  const units: Readonly<Record<string, string>> = { userLockThreshold: 'attempts' };
  const shown = Object.entries(settings).map(([setting, [value, from]]) => {
    return [setting, { value, from, unit: units[setting] ?? '' }] as const;
  });
  return { name, settings: Object.fromEntries(shown), cost: {} };
}

const inherited = { userLockThreshold: [3, ''], genericAnswers: [true, ''] } as const;
const own = { userLockThreshold: [4, 'P'], genericAnswers: [false, 'P'] } as const;
const policy = {
  name: 'P',
  parentName: 'Base Policy',
  settings: { userLockThreshold: 4, genericAnswers: false },
  version: 4,
};

describe('policy set', () => {
  it('changes a policy without losing a change in between', async () => {
    const effectivePolicy = effective('P', own);
    const world = await desk.serve({ policy, effectivePolicy, savePolicy: effectivePolicy });
    const ran = await run('policy', 'set', 'P', 'userLockThreshold=5', 'genericAnswers=');
    expect(ran.code).toBe(0);
    expect(world.reached.at(-1)?.args.slice(1)).toEqual([
      'P',
      { parentName: 'Base Policy', settings: { userLockThreshold: 5 } },
      { expectedVersion: 4 },
    ]);
  });

  it('shows what is different, from what to what and where it comes from', async () => {
    await desk.serve({
      policy,
      effectivePolicy: effective('P', { ...own, secondOtpSync: [true, ''] }),
      savePolicy: effective('P', {
        userLockThreshold: [5, 'P'],
        genericAnswers: [true, 'Base Policy'],
        secondOtpSync: [true, ''],
      }),
    });
    const { printed } = await run('policy', 'set', 'P', 'genericAnswers=', 'userLockThreshold=5');
    expect(printed.split('\n')).toEqual([
      'Policy P changed.',
      '',
      'SETTING            CHANGE                                UNIT      FROM',
      'userLockThreshold  4 -> 5                                attempts  P',
      'genericAnswers     reset to inherited: true (was false)  -         Base Policy',
      '',
      'All settings, and what they cost: tallystick policy effective P',
    ]);
  });

  it('says so where a setting was like that before', async () => {
    const effectivePolicy = effective('P', own);
    await desk.serve({ policy, effectivePolicy, savePolicy: effectivePolicy });
    const { printed } = await run('policy', 'set', 'P', 'userLockThreshold=4');
    expect(printed).toMatch(/^userLockThreshold  4, as before  attempts  P$/m);
    expect(printed).not.toContain('genericAnswers');
    await desk.serve({
      policy,
      effectivePolicy: effective('P', inherited),
      savePolicy: effective('P', inherited),
    });
    const reset = await run('policy', 'set', 'P', 'userLockThreshold=');
    expect(reset.printed).toMatch(/^userLockThreshold  reset to inherited: 3  attempts  default$/m);
  });

  it('shows what another parent brings with it', async () => {
    await desk.serve({
      policy: { ...policy, settings: {} },
      effectivePolicy: effective('P', inherited),
      savePolicy: effective('P', { ...inherited, userLockThreshold: [9, 'Strict'] }),
    });
    const { printed } = await run('policy', 'set', 'P', '--parent', 'Strict');
    expect(printed).toMatch(/^userLockThreshold  3 -> 9  attempts  Strict$/m);
    expect(printed).not.toContain('genericAnswers');
  });

  it('says that a policy is new, and whose child; it is compared with its parent', async () => {
    const gone = new TallystickError('not-found', 'there is no such policy');
    const world = await desk.serve({
      policy: gone,
      effectivePolicy: effective('Base Policy', inherited),
      savePolicy: effective('My Q', { ...inherited, userLockThreshold: [7, 'My Q'] }),
    });
    const ran = await run('policy', 'set', 'My Q', 'userLockThreshold=7');
    expect(ran.printed).toMatch(/^Policy My Q created below Base Policy\.\n/);
    expect(ran.printed).toMatch(/^userLockThreshold  3 -> 7  attempts  My Q$/m);
    expect(ran.printed).toMatch(/tallystick policy effective 'My Q'$/);
    expect(world.reached.map(({ args }) => args[1])).toEqual(['My Q', 'Base Policy', 'My Q']);
    await desk.serve({
      policy: gone,
      effectivePolicy: effective('Base Policy', inherited),
      savePolicy: effective('Q', inherited),
    });
    const same = await run('policy', 'set', 'Q');
    expect(same.printed).toMatch(
      /^Policy Q created below Base Policy; no setting is different\.\n/,
    );
    expect(same.printed).not.toContain('SETTING');
  });

  it('refuses a setting that is named twice, and one that is reset and does not exist', async () => {
    const world = await desk.serve({ policy, effectivePolicy: effective('P', own) });
    const twice = await run('policy', 'set', 'P', 'userLockThreshold=5', 'userLockThreshold=');
    expect(twice).toMatchObject({ code: exitCodes.usage, printed: '' });
    expect(twice.said).toMatch(/userLockThreshold is set twice/);
    expect(world.reached).toEqual([]);
    const unknown = await run('policy', 'set', 'P', 'userLockTreshold=');
    expect(unknown).toMatchObject({ code: exitCodes.usage, printed: '' });
    expect(unknown.said).toMatch(/no setting userLockTreshold/);
    expect(world.reached.length).toBe(2);
  });
});
