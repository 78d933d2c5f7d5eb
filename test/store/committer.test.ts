import { describe, expect, test } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { Committer, queuedMax } from '../../src/store/committer.ts';
import type { Engine, PreparedDecision } from '../../src/store/engine.ts';
import { aDecision, anEntry } from './support/records.ts';

/** An engine that records its batches and finishes each when told to. */
function fakeEngine(batchMax = 256): Pick<Engine, 'batchMax' | 'claims' | 'commitBatch'> & {
  readonly batches: string[][];
  finish: (outcome?: Error) => Promise<void>;
} {
  const batches: string[][] = [];
  const waiting: ((outcome?: Error) => void)[] = [];
  return {
    batchMax,
    batches,
    claims: ({ audit }) => (audit.subject === '' ? [] : [audit.subject]),
    commitBatch: (batch) => {
      batches.push(batch.map(({ event }) => event.body));
      return new Promise((resolve, reject) => {
        waiting.push((outcome) => {
          if (outcome === undefined) resolve(batch.map(() => ({ status: 'committed' })));
          else reject(outcome);
        });
      });
    },
    finish: async (outcome) => {
      while (waiting.length === 0) await turn();
      waiting.shift()?.(outcome);
      await turn();
    },
  };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function named(body: string, claim = ''): PreparedDecision {
  return {
    decision: aDecision({ audit: { ...anEntry, subject: claim } }),
    event: { atMs: 0, subjectKey: claim, body },
  };
}

describe('the committer', () => {
  test('lets decisions that arrive during a commit share the next one', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const first = committer.commit([named('a')]);
    while (engine.batches.length === 0) await turn();
    const others = ['b', 'c', 'd'].map((body) => committer.commit([named(body)]));
    await engine.finish();
    await first;
    await engine.finish();
    await Promise.all(others);
    expect(engine.batches).toEqual([['a'], ['b', 'c', 'd']]);
  });

  test('waits while a batch grows by the turn', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const all: Promise<unknown>[] = [];
    setImmediate(() => {
      all.push(committer.commit([named('b')]));
      setImmediate(() => all.push(committer.commit([named('c')])));
    });
    all.push(committer.commit([named('a')]));
    await engine.finish();
    await Promise.all(all);
    expect(engine.batches).toEqual([['a', 'b', 'c']]);
  });

  test('keeps batches within their limit', async () => {
    const engine = fakeEngine(2);
    const committer = new Committer(engine);
    const all = committer.commit(['a', 'b', 'c', 'd', 'e'].map((body) => named(body)));
    for (let count = 0; count < 3; count += 1) await engine.finish();
    await all;
    expect(engine.batches).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  test('never has two with one claim in a batch, and keeps their order', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const all = committer.commit([
      named('a1', 'a'),
      named('b1', 'b'),
      named('a2', 'a'),
      named('a3', 'a'),
      named('c1', 'c'),
      named('b2', 'b'),
    ]);
    for (let count = 0; count < 3; count += 1) await engine.finish();
    await all;
    expect(engine.batches).toEqual([['a1', 'b1', 'c1'], ['a2', 'b2'], ['a3']]);
  });

  test('runs other work alone and in its place', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const before = committer.commit([named('before')]);
    const alone = committer.alone(() => {
      engine.batches.push(['alone']);
      return Promise.resolve('done');
    });
    const after = committer.commit([named('after')]);
    await engine.finish();
    await engine.finish();
    await Promise.all([before, after]);
    expect(await alone).toBe('done');
    expect(engine.batches).toEqual([['before'], ['alone'], ['after']]);
    await expect(committer.alone(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
  });

  test('fails a batch together, and goes on', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const failing = Promise.allSettled([
      committer.commit([named('a')]),
      committer.commit([named('b')]),
    ]);
    const fault = new TallystickError('store-full', 'full');
    await engine.finish(fault);
    expect(await failing).toEqual([
      { status: 'rejected', reason: fault },
      { status: 'rejected', reason: fault },
    ]);
    const next = committer.commit([named('c')]);
    await engine.finish();
    expect(await next).toEqual([{ status: 'committed' }]);
  });

  test('refuses as overloaded what its queue has no room for, whole', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const first = committer.commit([named('w')]);
    while (engine.batches.length === 0) await turn();
    const full = committer.commit(Array.from({ length: queuedMax - 1 }, () => named('x')));
    const overloaded = { code: 'overloaded' };
    await expect(committer.commit([named('y'), named('y')])).rejects.toMatchObject(overloaded);
    const last = committer.commit([named('z')]);
    await expect(committer.alone(() => Promise.resolve())).rejects.toMatchObject(overloaded);
    await engine.finish();
    for (let count = 0; count < queuedMax / engine.batchMax; count += 1) await engine.finish();
    await Promise.all([first, full, last]);
    expect(engine.batches.flat()).not.toContain('y');
  });

  test('finishes what was queued before it closes, and takes no more', async () => {
    const engine = fakeEngine();
    const committer = new Committer(engine);
    const queued = committer.commit([named('a')]);
    let isClosed = false;
    const closed = committer.close().then(() => (isClosed = true));
    await expect(committer.commit([named('b')])).rejects.toMatchObject({ code: 'shutting-down' });
    await turn();
    expect(isClosed).toBe(false);
    await engine.finish();
    await closed;
    expect(await queued).toEqual([{ status: 'committed' }]);
    expect(engine.batches).toEqual([['a']]);
  });
});
