import { describe, expect, it } from 'vitest';
import {
  changeClock,
  idealClock,
  press,
  pressTimes,
  respond,
  responses,
  tokenFromJson,
  tokenToJson,
} from '../../../emulator/index.ts';
import { parseTimeStep } from '../../../src/oath/index.ts';
import {
  done,
  freshFolder,
  profileOf,
  readVectors,
  refusalOf,
  rfcSeed,
  tokenWith,
  vtoken,
} from '../support.ts';

interface Row {
  readonly suite: string;
  readonly keyHex: string;
  readonly question: string;
  readonly counter: number;
  readonly timestampHex: string;
  readonly otp: string;
}

const rows = (readVectors('derived-ocra') as { vectors: Row[] }).vectors.filter(
  ({ suite }) => suite === 'OCRA-1:HOTP-SHA1-6:C-QN08-T30S',
);
const fob = tokenWith(profileOf('one-button-time-event'));

describe('a fob with clock and counter', () => {
  it.each(rows)('shows the vector of counter $counter at step $timestampHex', (row) => {
    const text = `${row.suite}/${row.question}`;
    const profile = profileOf('one-button-time-event', { BOTH: text });
    const made = tokenWith(profile, Buffer.from(row.keyHex, 'hex'));
    const token = { ...made, state: { ...made.state, eventCounters: [BigInt(row.counter)] } };
    const atMs = Number.parseInt(row.timestampHex, 16) * 30_000;
    expect(done(press(token, atMs)).response).toBe(row.otp);
    expect(rows.length).toBe(9);
  });

  it('moves its counter with every press, within one step as well', () => {
    expect(fob.model).toBe('VTGO3');
    const first = done(press(fob, 0));
    const second = done(press(first.token, 0));
    const algorithm = fob.applications[0]!.algorithm;
    expect([first.response, second.response]).toEqual([
      ...responses(algorithm, rfcSeed, 0n, 2, { timeStep: parseTimeStep(0n) }),
    ]);
    expect(first.response).toMatch(/^\d{8}$/);
    expect(second.token.state.eventCounters).toEqual([2n]);
  });

  it('depends on its clock too', () => {
    const ahead = { ...fob, clock: changeClock(idealClock(0), 0, { offsetMs: 30_000 }) };
    const [now, later] = [done(press(fob, 0)), done(press(fob, 30_000))];
    expect(now.response).not.toBe(later.response);
    expect(done(press(ahead, 0)).response).toBe(later.response);
  });

  it('counts presses in a pocket, and keeps the count in its file', () => {
    const { token } = done(pressTimes(fob, 0, 7));
    expect(token.state.eventCounters).toEqual([7n]);
    const read = tokenFromJson(tokenToJson({ token, revision: 1 })).token;
    expect(read.state).toEqual(token.state);
    expect(done(press(read, 0)).response).toBe(done(press(token, 0)).response);
  });

  it('takes no challenge', () => {
    expect(refusalOf(respond(fob, 0, '00000000'))).toBe('challenge-superfluous');
  });
});

it('vtoken makes one, shows it and presses it', async () => {
  const folder = freshFolder();
  const run = (...argv: string[]) => vtoken(folder, argv, { nowMs: 60_000 });
  await run('new', 'BOTH01', '--profile', 'one-button-time-event');
  const pressed = await run('press', 'BOTH01', '--json');
  expect(JSON.parse(pressed.out)).toMatchObject({ eventCounter: '0', timeStep: '2' });
  expect((await run('show', 'BOTH01')).out).toContain(
    'TIME-EVENT: OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000, next event counter 1',
  );
});
