import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { usersInTurn } from './engine.ts';
import { httpLoad, type LoadRequest, postBytes } from './http-load.ts';
import { type BenchUser, nextResponse } from './installation.ts';
import { alternate, type BenchRow } from './measure.ts';

interface RestServer {
  readonly port: number;
  readonly clientKey: string;
  readonly users: readonly { readonly userName: string; readonly seed: string }[];
}

const width = 32;

/**
 * REST authenticate under 32 connections, against a bare Express JSON route under the same load plus
 * the engine's floor.
 */
export async function benchRest(
  engineFloorMicroseconds: number,
  userCount: number,
  count: number,
  rounds: number,
): Promise<BenchRow> {
  const rest = start('rest-server', [String(userCount)]);
  const bare = start('express-floor', []);
  try {
    const server = await message<RestServer>(rest);
    const floor = await message<{ readonly port: number }>(bare);
    const users: BenchUser[] = server.users.map(({ userName, seed }) => ({
      userName,
      seed: Buffer.from(seed, 'hex'),
      nextCounter: 0n,
    }));
    const nextUser = usersInTurn(users);
    const request = (): LoadRequest => {
      const user = nextUser();
      const body = { user: user.userName, response: nextResponse(user) };
      return { bytes: postBytes('/v1/authenticate', body, server.clientKey), expectedStatus: 200 };
    };
    const bareRequest = (): LoadRequest => {
      const body = { user: 'user1', response: '123456' };
      return { bytes: postBytes('/v1/authenticate', body, server.clientKey), expectedStatus: 200 };
    };
    const [ours, express] = await alternate(
      [
        { name: 'rest', run: (n) => httpLoad(server.port, width, n, request) },
        { name: 'express', run: (n) => httpLoad(floor.port, width, n, bareRequest) },
      ],
      count,
      rounds,
    );
    if (!ours || !express) throw new Error('no samples');
    const floorMicroseconds = express.microsecondsEach + engineFloorMicroseconds;
    return {
      row: 'REST',
      operation: 'POST /v1/authenticate, 32 connections',
      microsecondsEach: ours.microsecondsEach,
      floorMicrosecondsEach: floorMicroseconds,
      floor: `bare Express (${express.microsecondsEach.toFixed(0)} us) + engine floor`,
      ratio: ours.microsecondsEach / floorMicroseconds,
      target: '<= 1.25',
    };
  } finally {
    await Promise.all([stopped(rest), stopped(bare)]);
  }
}

function start(script: string, parameters: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(`${script}.js`, import.meta.url)), parameters, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function message<Message>(child: ChildProcess): Promise<Message> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`a server of the bench ended with ${String(code)}`);
  });
  const [received] = (await Promise.race([once(child, 'message'), failed])) as [Message];
  failed.catch(() => undefined);
  return received;
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  if (child.connected) child.disconnect();
  await exited;
}
