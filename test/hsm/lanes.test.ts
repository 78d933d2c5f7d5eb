import { describe, expect, test } from 'vitest';
import { fault, faultOf, ModuleFault } from '../../hsm/errors.ts';
import type { Recovery } from '../../hsm/errors.ts';
import { Lanes } from '../../hsm/lanes.ts';
import type { LanesOptions } from '../../hsm/lanes.ts';
import type { Lane } from '../../hsm/index.ts';
import { rejection } from './support.ts';

/** A clock that only moves when a test, or a piece of work, moves it. */
class TestClock {
  now = 0;
  readonly read = (): number => this.now;
}

function lanesWith(clock: TestClock, options: Partial<LanesOptions> = {}): Lanes {
  return new Lanes({
    sliceMs: 2,
    queueLimit: 100,
    monotonicMs: clock.read,
    recover: () => Promise.resolve(),
    ...options,
  });
}

const on = (lane: Lane, deadlineMs = 1000): { lane: Lane; deadlineMs: number } => ({
  lane,
  deadlineMs,
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const broken = (recovery: Recovery): ModuleFault =>
  new ModuleFault({ kind: 'unavailable', ckr: 1, detail: 'broken' }, recovery);

/** Work of so many steps, each of which takes `stepMs` of the clock. */
function steps(
  clock: TestClock,
  count: number,
  stepMs: number,
  seen: (step: number) => void = () => undefined,
): { advance: (until: number) => boolean; result: () => number } {
  let done = 0;
  return {
    advance: (until) => {
      while (done < count) {
        clock.now += stepMs;
        done += 1;
        seen(done);
        if (clock.now >= until) break;
      }
      return done === count;
    },
    result: () => done,
  };
}

describe('lanes', () => {
  test('when nothing waits, work is done at once', async () => {
    const clock = new TestClock();
    let isDone = false;
    const done = lanesWith(clock).once(on('background'), () => {
      isDone = true;
      return 7;
    });
    expect(isDone).toBe(true);
    expect(await done).toBe(7);
  });

  test('logon goes before sync before background, each in its order', async () => {
    const lanes = lanesWith(new TestClock());
    const order: string[] = [];
    lanes.pause();
    const calls = (['background', 'sync', 'logon'] as const).flatMap((lane) =>
      [1, 2].map((n) => lanes.once(on(lane), () => order.push(`${lane} ${n}`))),
    );
    expect(order).toEqual([]);
    lanes.resume();
    await Promise.all(calls);
    expect(order).toEqual([
      'logon 1',
      'logon 2',
      'sync 1',
      'sync 2',
      'background 1',
      'background 2',
    ]);
  });

  test('long work stops after each slice and lets the event loop turn', async () => {
    const clock = new TestClock();
    const lanes = lanesWith(clock);
    let sinceTurn = 0;
    let most = 0;
    let turns = 0;
    let isRunning = true;
    const watch = async (): Promise<void> => {
      while (isRunning) {
        await turn();
        turns += 1;
        sinceTurn = 0;
      }
    };
    const watching = watch();
    const count = await lanes.run(
      on('sync'),
      steps(clock, 100, 1, () => {
        sinceTurn += 1;
        most = Math.max(most, sinceTurn);
      }),
    );
    isRunning = false;
    await watching;
    expect(count).toBe(100);
    // 2 ms at 1 ms a step.
    expect(most).toBe(2);
    expect(turns).toBeGreaterThanOrEqual(49);
  });

  test('many short calls in one turn share one slice', async () => {
    const clock = new TestClock();
    const lanes = lanesWith(clock);
    let done = 0;
    const calls = Array.from({ length: 10 }, () =>
      lanes.once(on('logon'), () => {
        clock.now += 1;
        done += 1;
      }),
    );
    expect(done).toBe(2);
    await turn();
    expect(done).toBe(4);
    await Promise.all(calls);
    expect(done).toBe(10);
  });

  test('a logon overtakes a long synchronisation between two slices', async () => {
    const clock = new TestClock();
    const lanes = lanesWith(clock);
    let stepsDone = 0;
    const long = lanes.run(
      on('sync'),
      steps(clock, 50, 1, (step) => (stepsDone = step)),
    );
    const at = await lanes.once(on('logon'), () => stepsDone);
    expect(at).toBe(2);
    expect(await long).toBe(50);
  });

  test('a deadline passes in the queue', async () => {
    const clock = new TestClock();
    const lanes = lanesWith(clock);
    const long = lanes.run(on('logon'), steps(clock, 30, 1));
    const late = lanes.once(on('background', 10), () => 'ran');
    const intime = lanes.once(on('background', 500), () => 'ran');
    expect(await rejection(late)).toMatchObject({ failure: { kind: 'unavailable', ckr: 0 } });
    expect(await intime).toBe('ran');
    expect(await long).toBe(30);
  });

  test('a deadline passes in the middle of the work', async () => {
    const clock = new TestClock();
    const lanes = lanesWith(clock);
    let last = 0;
    const work = lanes.run(
      on('sync', 10),
      steps(clock, 1000, 1, (step) => (last = step)),
    );
    expect(await rejection(work)).toMatchObject({ failure: { kind: 'unavailable' } });
    expect(last).toBeLessThanOrEqual(12);
  });

  test('a deadline passes while the module is being repaired', async () => {
    const clock = new TestClock();
    let repaired = (): void => undefined;
    const lanes = lanesWith(clock, {
      recover: () => new Promise((resolve) => (repaired = resolve)),
    });
    let tries = 0;
    const first = lanes.once(on('logon', 1000), () => {
      tries += 1;
      if (tries === 1) throw broken('login');
      return tries;
    });
    const late = lanes.once(on('logon', 10), () => 'ran');
    clock.now = 11;
    expect(await rejection(late)).toMatchObject({ failure: { kind: 'unavailable' } });
    repaired();
    expect(await first).toBe(2);
  });

  test('no more calls wait than the limit says', async () => {
    const lanes = lanesWith(new TestClock(), { queueLimit: 3 });
    lanes.pause();
    const waiting = [1, 2, 3].map((n) => lanes.once(on('logon'), () => n));
    const excess = lanes.once(on('logon'), () => 4);
    expect(await rejection(excess)).toMatchObject({ failure: { kind: 'unavailable' } });
    lanes.resume();
    expect(await Promise.all(waiting)).toEqual([1, 2, 3]);
  });

  test('a failure of one call leaves the next alone', async () => {
    const lanes = lanesWith(new TestClock());
    const bad = lanes.once(on('logon'), () => {
      throw fault('contract', 'no');
    });
    expect(await rejection(bad)).toMatchObject({ failure: { kind: 'contract' } });
    expect(await lanes.once(on('logon'), () => 1)).toBe(1);
  });

  test.each(['retry', 'session'] as const)(
    'after a "%s" failure the call is tried once more',
    async (recovery) => {
      const lanes = lanesWith(new TestClock(), {
        recover: () => Promise.reject(new Error('unasked')),
      });
      let tries = 0;
      const call = lanes.once(on('logon'), () => {
        tries += 1;
        throw broken(recovery);
      });
      expect(await rejection(call)).toMatchObject({ failure: { kind: 'unavailable', ckr: 1 } });
      expect(tries).toBe(2);
    },
  );

  test('repairs grow and end: session, login, restart, and no more', async () => {
    const asked: Recovery[] = [];
    const lanes = lanesWith(new TestClock(), {
      recover: (cause) => {
        asked.push(cause.recovery);
        return Promise.resolve();
      },
    });
    const faults: Recovery[] = ['session', 'login', 'reinitialise', 'reinitialise'];
    let tries = 0;
    const call = lanes.once(on('logon'), () => {
      tries += 1;
      throw broken(faults[tries - 1] ?? 'session');
    });
    expect(await rejection(call)).toMatchObject({ failure: { detail: 'broken' } });
    expect(asked).toEqual(['login', 'reinitialise']);
    expect(tries).toBe(4);
  });

  test('when the repair fails, the call fails with its reason and others go on', async () => {
    const lanes = lanesWith(new TestClock(), {
      recover: () => Promise.reject(fault('denied', 'the PIN was refused')),
    });
    let tries = 0;
    const call = lanes.once(on('logon'), () => {
      tries += 1;
      throw broken('login');
    });
    const next = lanes.once(on('logon'), () => 'ran');
    expect(await rejection(call)).toMatchObject({ failure: { kind: 'denied' } });
    expect(tries).toBe(1);
    expect(await next).toBe('ran');
  });

  test('close refuses what waits and what comes', async () => {
    const lanes = lanesWith(new TestClock());
    lanes.pause();
    const waiting = lanes.once(on('logon'), () => 1);
    lanes.close({ kind: 'unavailable', ckr: 0, detail: 'closed' });
    lanes.resume();
    expect(await rejection(waiting)).toMatchObject({ failure: { detail: 'closed' } });
    expect(await rejection(lanes.once(on('logon'), () => 1))).toMatchObject({
      failure: { detail: 'closed' },
    });
  });

  test('a deadline that is not a number is refused', async () => {
    const lanes = lanesWith(new TestClock());
    const call = lanes.once({ lane: 'logon', deadlineMs: NaN }, () => 1);
    expect(await rejection(call)).toMatchObject({ failure: { kind: 'contract' } });
  });
});

describe('failures by PKCS#11 return value', () => {
  const error = (ckr: number): Error => new Error(`CKR_WHATEVER:${ckr}`);

  test.each([
    [0x02, 'capacity', 'none'],
    [0x05, 'unavailable', 'self-test'],
    [0x06, 'unavailable', 'retry'],
    [0x30, 'unavailable', 'reinitialise'],
    [0x31, 'capacity', 'none'],
    [0x32, 'unavailable', 'reinitialise'],
    [0x40, 'damaged', 'none'],
    [0x60, 'unavailable', 'handle'],
    [0x62, 'contract', 'none'],
    [0x70, 'contract', 'none'],
    [0x82, 'unavailable', 'handle'],
    [0x90, 'unavailable', 'session'],
    [0xa0, 'denied', 'none'],
    [0xa4, 'denied', 'none'],
    [0xb0, 'unavailable', 'session'],
    [0xb1, 'capacity', 'none'],
    [0xb3, 'unavailable', 'session'],
    [0xe0, 'unavailable', 'reinitialise'],
    [0x101, 'unavailable', 'login'],
    [0x110, 'damaged', 'none'],
    [0x190, 'unavailable', 'reinitialise'],
    [0x8000_0001, 'contract', 'none'],
  ] as const)('0x%s is %s, repaired by %s', (ckr, kind, recovery) => {
    const cause = faultOf(error(ckr), 'C_Sign');
    expect(cause.failure).toMatchObject({ kind, ckr });
    expect(cause.failure.detail).toMatch(
      /^C_Sign: (CKR_[A-Z_]+|unknown PKCS#11 return value) \(0x[0-9a-f]+\)$/,
    );
    expect(cause.recovery).toBe(recovery);
  });

  test('what is no PKCS#11 error is a broken contract with its text', () => {
    expect(faultOf(new TypeError('Argument 1'), 'C_Sign').failure).toEqual({
      kind: 'contract',
      ckr: 0,
      detail: 'C_Sign: TypeError: Argument 1',
    });
  });
});
