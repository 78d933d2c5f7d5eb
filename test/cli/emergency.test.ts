import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import type { EmergencyCodeView } from '../../src/service/index.ts';
import { openDesk } from './support.ts';

const desk = openDesk();

const view: EmergencyCodeView = {
  id: 'c1',
  kind: 'one-time',
  state: 'live',
  isPinRequired: true,
  isOnlineAllowed: true,
  isRevealable: false,
  notAfterMs: Date.UTC(2026, 10, 30),
  useCount: 1,
  usesLeft: 2,
  missCount: 0,
  createdBy: 'desk (k)',
  createdAtMs: Date.UTC(2026, 10, 23),
  reveal: null,
  revealedAtMs: null,
};
const facts = [
  'id             c1',
  'kind           one-time',
  'state          live',
  'needs the PIN  yes',
  'good online    yes',
  'ends           2026-11-30T00:00:00.000Z',
  'uses left      2',
  'wrong tries    0',
  'read out       -',
].join('\n');

describe('token emergency', () => {
  it('issues, and shows what is to be read out', async () => {
    const codes = ['ABCD-2345', 'EFGH-6789'];
    const world = await desk.serve({ issueEmergencyCode: { view, codes } });
    const typed = 'token emergency issue VT1 one-time --count 2 --days 3';
    const ran = await desk.run(typed.split(' '));
    expect(ran).toMatchObject({ code: 0, printed: `${facts}\n\nABCD-2345\nEFGH-6789` });
    const asked = { kind: 'one-time', count: 2, lifetimeDays: 3, isOnlineAllowed: null };
    expect(world.reached[0]?.args.slice(1)).toEqual(['VT1', asked]);
    await desk.run('token emergency issue VT1 tokencode --online'.split(' '));
    expect(world.reached[1]?.args[2]).toMatchObject({ kind: 'tokencode', isOnlineAllowed: true });
    const wrong = await desk.run('token emergency issue VT1 pin'.split(' '));
    expect(wrong.code).toBe(exitCodes.usage);
    expect(wrong.said).toContain('the kind must be one of tokencode, passcode, fixed, one-time');
  });

  it('lists what there is', async () => {
    const waiting = { by: 'desk (k)', reason: 'lost', atMs: 1, approvedBy: null };
    await desk.serve({
      emergencyCodes: [
        view,
        { ...view, id: 'c2', usesLeft: null, reveal: waiting },
        { ...view, id: 'c3', reveal: { ...waiting, approvedBy: 'boss' } },
        { ...view, id: 'c4', state: 'reset', revealedAtMs: Date.UTC(2026, 10, 24) },
      ],
    });
    const { printed } = await desk.run('token emergency list VT1'.split(' '));
    const rows = printed.split('\n').map((row) => row.split(/ {2,}/));
    expect(rows[0]).toEqual(['ID', 'KIND', 'STATE', 'ENDS', 'USES LEFT', 'ONLINE', 'READ OUT']);
    expect(rows.slice(1).map(([id, , state, , uses, , read]) => [id, state, uses, read])).toEqual([
      ['c1', 'live', '2', '-'],
      ['c2', 'live', 'no limit', 'asked for by desk (k)'],
      ['c3', 'live', '2', 'approved for desk (k)'],
      ['c4', 'reset', '2', '2026-11-24T00:00:00.000Z'],
    ]);
  });

  it('reads a code out, or says that somebody has to approve', async () => {
    const args = ['token', 'emergency', 'reveal', 'VT1', 'c1', '--reason', 'left at home'];
    const world = await desk.serve({
      revealEmergencyCode: { outcome: 'revealed', code: 'ABCD-2345', view },
    });
    expect(await desk.run(args)).toMatchObject({ code: 0, printed: 'ABCD-2345' });
    expect(world.reached[0]?.args.slice(1)).toEqual(['VT1', 'c1', 'left at home']);
    await desk.serve({ revealEmergencyCode: { outcome: 'approval-needed', view } });
    const ran = await desk.run(args);
    expect(ran.code).toBe(exitCodes.unanswered);
    expect(ran.printed).toContain('has to approve');
    expect((await desk.run(args.slice(0, 5))).code).toBe(exitCodes.usage);
  });

  it.each([
    ['reset VT1 c1', 'resetEmergencyCode', []],
    ['approve VT1 c1', 'approveEmergencyReveal', [null]],
    ['approve VT1 c1 --requested-by desk', 'approveEmergencyReveal', ['desk']],
    ['revoke VT1 c1', 'revokeEmergencyCode', []],
    ['allow-online VT1 c1', 'allowEmergencyOnline', [true]],
    ['allow-online VT1 c1 --off', 'allowEmergencyOnline', [false]],
  ] as const)('%s', async (typed, method, more) => {
    const world = await desk.serve({ [method]: view });
    const ran = await desk.run(['token', 'emergency', ...typed.split(' ')]);
    expect(ran).toMatchObject({ code: 0, printed: facts });
    expect(world.reached).toMatchObject([{ method }]);
    expect(world.reached[0]?.args.slice(1)).toEqual(['VT1', 'c1', ...more]);
  });
});
