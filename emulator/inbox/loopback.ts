import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';

/** A server that only this machine reaches. */
export interface LoopbackServer {
  readonly port: number;
  close(): Promise<void>;
}

export const loopbackHost = '127.0.0.1';

/**
 * Makes a server listen on loopback.
 *
 * @param port 0: the system chooses
 * @returns the port it listens on
 * @throws EmulatorError state-busy if the port is taken, storage-failed if it is not allowed
 */
export async function listenOnLoopback(server: Server, port: number): Promise<number> {
  try {
    const listening = once(server, 'listening');
    server.listen(port, loopbackHost);
    await listening;
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EADDRINUSE') {
      throw new EmulatorError('state-busy', `port ${port} is in use: name another, or 0 for any`);
    }
    if (code === undefined) throw error;
    const reason = code === 'EACCES' ? 'permission denied: name one above 1023' : code;
    throw new EmulatorError('storage-failed', `port ${port}: ${reason}`, error);
  }
}
