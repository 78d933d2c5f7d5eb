import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { nodeEnv } from '../../../emulator/index.ts';
import { driveFleet, type DriveOptions } from '../../../emulator/fleet/drive.ts';
import { type Exchange, exchangeWith } from '../../../emulator/fleet/exchange.ts';
import type { Fleet } from '../../../emulator/fleet/fleet-folder.ts';
import { RestServer } from '../../../emulator/fleet/rest-server.ts';
import { errorOf } from '../support.ts';
import { fleet } from './support.ts';

const threeTokens: Fleet = fleet(`version: 1
seed: NOT-FOR-PRODUCTION drive
start: 2026-01-01T00:00:00Z
for: P30D
tokens: [{ serials: VT90000001..VT90000003, profile: one-button-event }]
`);

/** A drive whose server has the key `tsk_secret`. */
export function restOver(
  exchange: Exchange,
  env: ConstructorParameters<typeof RestServer>[0]['env'],
): RestServer {
  return new RestServer({
    exchange,
    adminKey: 'tsk_secret',
    name: 'drive',
    isOpenToPrograms: true,
    env,
  });
}

/** How the drive of three tokens, for a month, ends. */
export function driveOf(
  origin: string,
  more: Partial<DriveOptions> = {},
): Promise<{ code: string; message: string }> {
  return errorOf(() =>
    driveFleet(restOver(exchangeWith(origin), nodeEnv), threeTokens, {
      onDifference: () => undefined,
      onProgress: () => undefined,
      ...more,
    }),
  );
}

/** Answers as a server that takes everything. */
export const agree: RequestListener = (request, response) => {
  let body = '';
  request.on('data', (piece: Buffer) => (body += piece.toString()));
  request.on('end', () => {
    const isClock = request.url === '/v1/test-clock' && body !== '';
    response.end(isClock ? body : '{"outcome":"accepted","key":"tsk_client"}');
  });
};

/** @returns its origin, until the test is over */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
