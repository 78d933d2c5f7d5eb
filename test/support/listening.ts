import type { RequestListener } from 'node:http';
import { listen, type Listener } from '../../src/http/index.ts';

/** An application on a port of loopback that the system chooses, without TLS. */
export function listening(app: RequestListener): Promise<Listener> {
  return listen({
    app,
    host: '127.0.0.1',
    port: 0,
    tls: null,
    headersTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    keepAliveMs: 1000,
    connectionsMax: 100,
  });
}
