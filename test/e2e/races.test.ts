import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { freshPostgresDatabase, type PostgresDatabase } from '../support/postgres.ts';
import { proofRounds, reportProof } from '../support/proof.ts';
import {
  administratorOf,
  auditOf,
  clientOf,
  createClientKey,
  createHolder,
  type Send,
} from './support.ts';

const parallel = 64;
const threshold = 3;

describeLayer('postgresql', 'two servers over one database and one module', () => {
  let database: PostgresDatabase;
  let installation: Installation;
  let servers: readonly [ServerProcess, ServerProcess];
  let admin: Send;
  let clients: readonly Send[];
  beforeAll(async () => {
    database = await freshPostgresDatabase();
    installation = await freshInstallation(['--database', database.connectionString]);
    const { configFile } = installation;
    servers = [
      await startServer(configFile, ['instance.name=left']),
      await startServer(configFile, ['instance.name=right']),
    ];
    admin = administratorOf(servers[0], installation);
    const settings = { genericAnswers: false, userLockThreshold: threshold };
    const key = await createClientKey(admin, 'races', settings);
    clients = servers.map((server) => clientOf(server, key));
  });
  afterAll(async () => {
    for (const server of servers) await server.end();
    installation.remove();
    await database.drop();
  });

  /** All at once, by turns to both servers. */
  const submit = async (user: string, responses: readonly string[]): Promise<string[]> => {
    const answers = await Promise.all(
      responses.map((response, at) =>
        clients[at % clients.length]!('POST', '/v1/authenticate', { user, response }),
      ),
    );
    return answers.map(({ body }) => String(body['code'] ?? body['outcome']));
  };
  const count = (codes: readonly string[], code: string): number =>
    codes.filter((each) => each === code).length;

  const rounds = proofRounds(100);
  it.each(rounds)('accepts one of 64 submissions of one response, round %i', async (round) => {
    const { user, response } = await createHolder(admin, `once${round}`);
    const codes = await submit(
      user,
      Array.from({ length: parallel }, () => response(0)),
    );
    expect(count(codes, 'accepted')).toBe(1);
    expect(count(codes, 'response-replayed') + count(codes, 'user-locked')).toBe(parallel - 1);
    expect(count(codes, 'response-replayed')).toBeLessThanOrEqual(threshold);
  });

  it.each(rounds)(
    'counts wrong responses in parallel up to the threshold, round %i',
    async (round) => {
      const { user, response } = await createHolder(admin, `wrong${round}`);
      const good = new Set(Array.from({ length: 40 }, (_, counter) => response(counter)));
      const wrong: string[] = [];
      for (let number = 0; wrong.length < parallel; number += 1) {
        const text = String(number * 7919).padStart(6, '0');
        if (!good.has(text)) wrong.push(text);
      }
      const codes = await submit(user, [...wrong.slice(0, 32), response(0), ...wrong.slice(32)]);
      const accepted = count(codes, 'accepted');
      const evaluated = count(codes, 'response-incorrect');
      expect(accepted).toBeLessThanOrEqual(1);
      // An acceptance in between starts the count again; it can come at most at the second failure.
      expect(evaluated).toBeLessThanOrEqual(accepted === 1 ? 2 * threshold - 1 : threshold);
      expect(evaluated + accepted + count(codes, 'user-locked')).toBe(parallel + 1);
      const { body } = await admin('GET', `/v1/users/${user}`);
      expect(body).toMatchObject({ lockedBy: 'threshold', lockCount: threshold });
      reportProof('races', { round, accepted, evaluated });
      // What the clients were told is what was written down.
      const events = [...(await auditOf(admin, 'left')), ...(await auditOf(admin, 'right'))];
      const audited = events
        .filter(({ action, subject }) => action === 'authenticate' && subject === `master/${user}`)
        .map(({ outcome }) => outcome);
      expect(audited.toSorted()).toEqual(codes.toSorted());
    },
  );

  it('gives one answer to 64 repeats of one request under one key, and attempts it once', async () => {
    const { user, response } = await createHolder(admin, 'repeat1');
    const answers = await Promise.all(
      Array.from({ length: parallel }, (_, at) =>
        clients[at % 2]!(
          'POST',
          '/v1/authenticate',
          { user, response: response(0) },
          { 'Idempotency-Key': 'same' },
        ),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: parallel }, () => 200),
    );
    const { body } = await admin('GET', `/v1/users/${user}`);
    expect(body).toMatchObject({ lockCount: 0 });
  });

  it('lets the second server use what the first one made, at once', async () => {
    const { user, response } = await createHolder(admin, 'fresh1');
    const answer = await clients[1]!('POST', '/v1/authenticate', { user, response: response(0) });
    expect(answer).toMatchObject({ status: 200 });
  });

  it('refuses a third server of the same name', async () => {
    const third = startServer(installation.configFile, ['instance.name=left']);
    await expect(third).rejects.toThrow(/^serve ended with 5: /);
  });
});
