import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { administratorOf, clientOf, must, type Send } from './support.ts';

/** Gateways that take connections and never answer, and a server that has little time for them. */

describeLayer('softhsm', 'gateways that never answer', () => {
  let installation: Installation;
  let server: ServerProcess;
  let client: Send;
  let silent: Server;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    installation = await freshInstallation();
    const deadlines = ['delivery.deadlineMs=400', 'delivery.totalDeadlineMs=600'];
    server = await startServer(installation.configFile, deadlines);
    const admin = administratorOf(server, installation);
    const settings = {
      primaryVirtualRequestMethod: 'keyword-only',
      primaryVirtualRequestKeyword: 'otp',
      virtualDelivery: 'sms',
    };
    const policy = 'Slow';
    await must(
      admin('PUT', `/v1/policies/${policy}`, { parent: 'Local Authentication', settings }),
    );
    await must(admin('POST', '/v1/components', { type: 'slow', location: '127.0.0.1', policy }));
    const named = { name: 'slow', role: 'client', component: 'slow' };
    client = clientOf(server, String((await must(admin('POST', '/v1/keys', named)))['key']));
    await must(admin('POST', '/v1/users', { user: 'jane', mobile: '+4915112345678' }));
    const serial = 'VM00000001';
    await must(admin('POST', '/v1/authenticators', { kind: 'virtual-mobile', serial }));
    await must(admin('POST', `/v1/authenticators/${serial}/assign`, { user: 'jane' }));
    for (const name of ['first', 'second', 'third']) {
      const post = {
        kind: 'http',
        url: `http://127.0.0.1:${port}/`,
        content: 'text',
        body: '{to} {text}',
      };
      await must(admin('POST', '/v1/gateways', { name, channel: 'sms', settings: post }));
    }
  });

  afterAll(async () => {
    await server.end('SIGTERM');
    for (const socket of sockets) socket.destroy();
    silent.close();
    installation.remove();
  });

  it('are tried while there is time, and the log says which were not', async () => {
    const startedMs = performance.now();
    const answer = await client('POST', '/v1/authenticate', { user: 'jane', password: 'otp' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'delivery-failed' } });
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(sockets).toHaveLength(2);
    const lines = (): readonly string[] =>
      server
        .log()
        .split('\n')
        .filter((line) => line.includes('"failures"'));
    await expect.poll(lines).toHaveLength(1);
    const [line = ''] = lines();
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      errorCode: 'delivery-failed',
      failures: [
        { gateway: 'first', kind: 'timeout', cause: 'no answer within 400 ms' },
        { gateway: 'second', kind: 'timeout' },
        { gateway: 'third', kind: 'time' },
      ],
    });
    expect(line).not.toMatch(/stack|\+49151|jane/);
  });
});
