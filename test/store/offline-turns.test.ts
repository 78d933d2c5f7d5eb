import { expect, test } from 'vitest';
import type { AdministerResult, Raise } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { anAgent, insertAgent } from './support/offline.ts';
import { anEntry, atMs, freshId, insertAll, install } from './support/records.ts';

const committed = { status: 'committed' };

eachDatabase((opened) => {
  const administer = (turn: Raise): Promise<AdministerResult> =>
    opened.store.administer([turn], anEntry);

  test('a turn is taken of a record as it was seen, whose version stays', async () => {
    const { authenticator } = await install(opened.store);
    const agent = anAgent();
    await insertAll(opened.store, [insertAgent(agent)]);
    for (const [of, id] of [
      ['authenticator', authenticator.id],
      ['offlineAgent', agent.id],
    ] as const) {
      const turn = { change: 'take-turn', of, id, expectedVersion: 1, turn: 0 } as const;
      const conflict = { status: 'conflict', index: 0 };
      expect(await administer({ ...turn, expectedVersion: 2 })).toEqual(conflict);
      expect(await administer({ ...turn, turn: 1 })).toEqual(conflict);
      expect(await administer({ ...turn, id: freshId() })).toEqual(conflict);
      expect(await administer(turn)).toEqual(committed);
      expect(await administer(turn)).toEqual(conflict);
      expect(await administer({ ...turn, turn: 1 })).toEqual(committed);
      expect(await opened.store.offlineTurn(of, id)).toBe(2);
      expect(await opened.store.offlineTurn(of, freshId())).toBe(0);
    }
    await opened.store.touchOfflineAgent(agent.id, atMs + 5);
    await opened.store.touchOfflineAgent(agent.id, atMs + 3);
    expect(await opened.store.offlineAgentById(agent.id)).toEqual({
      ...agent,
      lastSeenAtMs: atMs + 5,
    });
  });
});
