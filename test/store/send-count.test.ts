import { describe, expect, test } from 'vitest';
import { eachDatabase } from './support/each-database.ts';
import { freshId } from './support/records.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = 500_000 * hourMs;

eachDatabase((opened) => {
  const reserve = (scope: string, windowStartMs = startMs, limit = 3): Promise<boolean> =>
    opened.store.reserveSend(scope, windowStartMs, limit);
  const refund = (scope: string, windowStartMs = startMs): Promise<void> =>
    opened.store.refundSend(scope, windowStartMs);
  const countOf = async (scope: string, windowStartMs = startMs): Promise<unknown> => {
    const [row] = await opened.database.query(
      `select cast(message_count as integer) as count from send_count
        where scope = '${scope}' and window_start_ms = ${String(windowStartMs)}`,
    );
    return row?.['count'];
  };

  describe('messages of a window', () => {
    test('are counted up to the limit, each scope by itself', async () => {
      const [scope, other] = [freshId(), freshId()];
      for (const expected of [true, true, true, false, false]) {
        expect(await reserve(scope)).toBe(expected);
      }
      expect(await countOf(scope)).toBe(3);
      expect(await reserve(other)).toBe(true);
      expect(await countOf(other)).toBe(1);
    });

    test('never exceed it, however many come at once', async () => {
      const scope = freshId();
      const results = await Promise.all(Array.from({ length: 64 }, () => reserve(scope)));
      expect(results.filter((isCounted) => isCounted)).toHaveLength(3);
      expect(await countOf(scope)).toBe(3);
    });

    test('are none where the limit is none', async () => {
      const scope = freshId();
      expect(await reserve(scope, startMs, 0)).toBe(false);
      expect(await countOf(scope)).toBeUndefined();
    });

    test('follow a limit that is changed meanwhile', async () => {
      const scope = freshId();
      for (let count = 0; count < 3; count += 1) await reserve(scope);
      expect(await reserve(scope, startMs, 2)).toBe(false);
      expect(await reserve(scope, startMs, 4)).toBe(true);
      expect(await countOf(scope)).toBe(4);
    });

    test('start at one in the next, and two clocks do not empty the count between them', async () => {
      const scope = freshId();
      const nextMs = startMs + hourMs;
      for (let count = 0; count < 3; count += 1) await reserve(scope);
      expect(await reserve(scope, nextMs)).toBe(true);
      expect(await countOf(scope, nextMs)).toBe(1);
      expect(await reserve(scope, startMs)).toBe(false);
      expect(await reserve(scope, nextMs)).toBe(true);
      expect(await countOf(scope, nextMs)).toBe(2);
    });
  });

  describe('a message that was not sent', () => {
    test('is given back to its window and scope', async () => {
      const [scope, other] = [freshId(), freshId()];
      for (let count = 0; count < 3; count += 1) await reserve(scope);
      await reserve(other);
      await refund(scope);
      expect(await countOf(scope)).toBe(2);
      expect(await countOf(other)).toBe(1);
      expect(await reserve(scope)).toBe(true);
      expect(await reserve(scope)).toBe(false);
    });

    test('is given back to no other window, and never below none', async () => {
      const scope = freshId();
      const nextMs = startMs + hourMs;
      await reserve(scope);
      await reserve(scope, nextMs);
      await refund(scope);
      await refund(scope);
      await refund(freshId());
      expect(await countOf(scope)).toBe(0);
      expect(await countOf(scope, nextMs)).toBe(1);
    });
  });

  test('a purge removes the counts of a day ago, as many as it may, and no others', async () => {
    const scopes = [freshId(), freshId(), freshId()];
    const oldMs = 3 * hourMs;
    for (const scope of scopes) await reserve(scope, oldMs);
    await reserve(scopes[0] ?? '', oldMs + 1);
    const left = async (): Promise<number> => {
      const names = scopes.map((scope) => `'${scope}'`).join();
      const sql = `select scope from send_count where scope in (${names})`;
      return (await opened.database.query(sql)).length;
    };
    expect(await opened.store.purge(oldMs + dayMs - 1, 10)).toBe(0);
    expect(await opened.store.purge(oldMs + dayMs, 2)).toBe(2);
    expect(await left()).toBe(2);
    expect(await opened.store.purge(oldMs + dayMs, 2)).toBe(1);
    expect(await left()).toBe(1);
    expect(await countOf(scopes[0] ?? '', oldMs + 1)).toBe(1);
  });
});
