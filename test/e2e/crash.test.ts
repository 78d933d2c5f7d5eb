import { expect, it } from 'vitest';
import { freshInstallation, runTallystick, startServer } from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { freshPostgresDatabase } from '../support/postgres.ts';
import { proofRounds, reportProof } from '../support/proof.ts';
import {
  administratorOf,
  type Answer,
  clientOf,
  createClientKey,
  createHolder,
  type Holder,
  type Send,
} from './support.ts';

const holders = 40;
const acceptedBeforeKill = 150;
const inFlightAtKill = 20;

interface Submitted {
  readonly holder: Holder;
  readonly response: string;
}

interface Storm {
  readonly accepted: Submitted[];
  /** Sent, never answered: the crash decides whether they were used up. */
  readonly unanswered: Submitted[];
}

/** Every holder logs on again and again; `onAccepted` may end it all. */
async function storm(
  send: Send,
  all: readonly Holder[],
  onAccepted: (acceptedCount: number, inFlight: number) => void,
): Promise<Storm> {
  const result: Storm = { accepted: [], unanswered: [] };
  let inFlight = 0;
  const logOn = async (holder: Holder): Promise<void> => {
    for (let counter = 0; ; counter += 1) {
      const submitted = { holder, response: holder.response(counter) };
      let answer: Answer;
      inFlight += 1;
      try {
        const body = { user: holder.user, response: submitted.response };
        answer = await send('POST', '/v1/authenticate', body);
      } catch {
        result.unanswered.push(submitted);
        return;
      } finally {
        inFlight -= 1;
      }
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      onAccepted(result.accepted.push(submitted), inFlight);
    }
  };
  await Promise.all(all.map(logOn));
  return result;
}

describeLayer('postgresql', 'kill -9 under load', () => {
  const worlds = ['resident seeds on SQLite', 'wrapped seeds on PostgreSQL'];
  it.each(proofRounds(20).flatMap((round) => worlds.map((world) => [world, round] as const)))(
    'accepts nothing a second time after a restart: %s, round %i',
    async (name, round) => {
      const isWrapped = name.startsWith('wrapped');
      const database = isWrapped ? await freshPostgresDatabase() : null;
      const installation = await freshInstallation(
        database === null
          ? []
          : ['--residency', 'wrapped', '--database', database.connectionString],
      );
      const first = await startServer(installation.configFile);
      const admin = administratorOf(first, installation);
      // No lock: each replay must be refused for what it is.
      const settings = { genericAnswers: false, userLockThreshold: 0 };
      const key = await createClientKey(admin, 'crash', settings);
      const all: Holder[] = [];
      for (let number = 0; number < holders; number += 1) {
        all.push(await createHolder(admin, `crash${String(number)}`));
      }
      let atKill = 0;
      const { accepted, unanswered } = await storm(clientOf(first, key), all, (count, inFlight) => {
        if (atKill > 0 || count < acceptedBeforeKill || inFlight < inFlightAtKill) return;
        atKill = inFlight;
        first.child.kill('SIGKILL');
      });
      await first.end();
      expect(atKill).toBeGreaterThanOrEqual(inFlightAtKill);
      expect(unanswered).toHaveLength(holders);

      const second = await startServer(installation.configFile);
      const again = clientOf(second, key);
      const replay = ({ holder: { user }, response }: Submitted): Promise<Answer> =>
        again('POST', '/v1/authenticate', { user, response });
      const replayed = await Promise.all(accepted.map(replay));
      expect(replayed.length).toBeGreaterThanOrEqual(100);
      expect(replayed.filter(({ status }) => status !== 403)).toEqual([]);
      // What was in flight is used up now, if it was not before; a third time it is refused as well.
      await Promise.all(unanswered.map(replay));
      const third = await Promise.all(unanswered.map(replay));
      expect(third.map(({ body }) => body['code'])).toEqual(
        unanswered.map(() => 'response-replayed'),
      );
      const chain = await runTallystick(['audit', 'verify', '--config', installation.configFile]);
      expect(chain).toMatchObject({ code: 0, stderr: '' });
      reportProof('crash', {
        world: name,
        round,
        inFlight: atKill,
        accepted: accepted.length,
        replayedAfterwards: 0,
      });
      await second.end();
      installation.remove();
      await database?.drop();
    },
  );
});
