import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeEnv, openTokenFolder, profileNamed } from '../../../emulator/index.ts';
import { type PageLimits, usualLimits } from '../../../emulator/page/limits.ts';
import { rawExchange, rawRequest } from '../../support/raw-http.ts';
import { freshFolder } from '../support.ts';
import { openTestDesk, type TestDesk } from './page-support.ts';

const soonMs = 600;

function deskWith(limits: Partial<PageLimits>): Promise<TestDesk> {
  return openTestDesk({ limits: { ...usualLimits, ...limits } });
}

/** An open connection of somebody who speaks HTTP by hand. */
async function dial({ served }: TestDesk, text = ''): Promise<Socket> {
  const socket = connect(served.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return socket;
}

/** All that the server says until it hangs up, and how long that took. */
async function heardOn(socket: Socket): Promise<{ text: string; afterMs: number }> {
  const startedAtMs = performance.now();
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  await once(socket, 'close');
  const text = Buffer.concat(pieces).toString();
  return { text, afterMs: performance.now() - startedAtMs };
}

const get = (desk: TestDesk, path = '/'): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${desk.served.port}\r\n\r\n`;

/** A request to open a session whose body does not come. */
const hanging = (desk: TestDesk): string =>
  [
    'POST /api/session HTTP/1.1',
    `Host: 127.0.0.1:${desk.served.port}`,
    `Origin: http://127.0.0.1:${desk.served.port}`,
    'Content-Type: application/json',
    'Content-Length: 100',
    '',
    '{',
  ].join('\r\n');

const statusOf = async (desk: TestDesk): Promise<number> => (await desk.ask('GET', '/')).status;

describe('the limits of the page', () => {
  it('say why one connection too many is not served, and serve it once another has gone', async () => {
    const desk = await deskWith({ connectionsMax: 3 });
    const open = [await dial(desk), await dial(desk), await dial(desk)];
    const fourth = await heardOn(await dial(desk, get(desk)));
    expect(fourth.text).toMatch(/^HTTP\/1\.1 503 /);
    expect(fourth.text).toMatch(/connections-too-many.*too many connections at once/);
    open[0]?.destroy();
    await expect.poll(() => statusOf(desk)).toBe(200);
  });

  it('hang up on connections far beyond, and go on', async () => {
    const desk = await deskWith({ connectionsMax: 1 });
    const sockets = await Promise.all(Array.from({ length: 60 }, () => dial(desk)));
    await expect
      .poll(() => sockets.filter(({ readyState }) => readyState === 'open').length)
      .toBe(33);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => statusOf(desk)).toBe(200);
  });

  it('say why one request too many is not done', async () => {
    const desk = await deskWith({ requestsMax: 2 });
    const open = [await dial(desk, hanging(desk)), await dial(desk, hanging(desk))];
    await expect.poll(() => statusOf(desk)).toBe(503);
    const { text, headers } = await desk.ask('GET', '/');
    expect(JSON.parse(text)).toEqual({
      error: { code: 'requests-too-many', message: 'too many requests at once: try again' },
    });
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    for (const socket of open) socket.destroy();
    await expect.poll(() => statusOf(desk)).toBe(200);
  });

  it.each([
    ['says nothing at all', (): string => ''],
    ['never ends the headers', (desk: TestDesk): string => get(desk).slice(0, -2)],
    ['never sends the body', hanging],
  ])('end the wait for who %s', async (_name, text) => {
    const desk = await deskWith({ requestMsMax: soonMs });
    const { text: heard, afterMs } = await heardOn(await dial(desk, text(desk)));
    expect(heard).toMatch(/^HTTP\/1\.1 408 .*a request must be here within 0\.6 s/s);
    expect(afterMs).toBeGreaterThanOrEqual(soonMs / 2);
    expect(afterMs).toBeLessThan(10 * soonMs);
    expect(desk.errors).toEqual([]);
  });

  it('end the wait for who sends a letter at a time, and serve others meanwhile', async () => {
    const desk = await deskWith({ requestMsMax: soonMs });
    const slow = await Promise.all(Array.from({ length: 20 }, () => dial(desk)));
    const ends = slow.map(heardOn);
    const letters = get(desk).repeat(20);
    for (let index = 0; slow.some(({ writable }) => writable); index += 1) {
      expect(index, 'letters until the server had enough').toBeLessThan(100);
      for (const socket of slow) if (socket.writable) socket.write(letters[index] ?? 'x');
      expect(await statusOf(desk)).toBe(200);
      await setTimeout(50);
    }
    for (const { text } of await Promise.all(ends)) expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('end an exchange whose answer does not come, and say so', async () => {
    const folder = openTokenFolder(freshFolder(), nodeEnv);
    const never = new Promise<never>(() => undefined);
    const desk = await openTestDesk({
      folder: { ...folder, serials: () => never },
      limits: { ...usualLimits, exchangeMsMax: soonMs },
    });
    const cookie = await desk.cookie();
    const { status, text } = await desk.ask('GET', '/api/desk', undefined, { cookie });
    expect([status, text]).toEqual([503, expect.stringMatching(/exchange-too-long/)]);
  });

  it('end an exchange whose answer is not read', async () => {
    const desk = await deskWith({ requestsMax: 4, exchangeMsMax: 2 * soonMs });
    const message = { channel: 'http', to: '+491701', text: 'x'.repeat(60_000) };
    const lines = Array.from({ length: 50 }, (_, atMs) => JSON.stringify({ atMs, ...message }));
    appendFileSync(join(desk.path, 'inbox.jsonl'), `${lines.join('\n')}\n`);
    const cookie = await desk.cookie();
    // More than what lies between the two ends of a connection.
    const asked = get(desk, '/api/inbox').replace('\r\n\r\n', `\r\nCookie: ${cookie}\r\n\r\n`);
    const deaf = await dial(desk, asked.repeat(8));
    deaf.pause();
    await expect.poll(() => statusOf(desk)).toBe(503);
    await expect.poll(() => statusOf(desk)).toBe(200);
    expect(desk.errors).toEqual([]);
  });

  it('hang up on an idle connection', async () => {
    const desk = await deskWith({ idleMsMax: soonMs });
    const { text, afterMs } = await heardOn(await dial(desk, get(desk)));
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(afterMs).toBeLessThan(10 * soonMs);
  });

  it('take no larger headers and bodies, and say how large they may be', async () => {
    const desk = await deskWith({});
    const { port } = desk.served;
    const large = { Host: `127.0.0.1:${port}`, 'X-Large': 'x'.repeat(9000) };
    const headers = await rawExchange(port, rawRequest('GET', '/', { headers: large }));
    expect([headers.status, headers.body]).toEqual([431, expect.stringMatching(/8192 bytes/)]);
    await desk.put('EVENT01', profileNamed('one-button-event'));
    const body = JSON.stringify({ kind: 'type', text: '1'.repeat(5000) });
    const cookie = await desk.cookie();
    const told = await desk.ask('POST', '/api/tokens/EVENT01/keys', body, { cookie });
    expect([told.status, told.text]).toEqual([413, expect.stringMatching(/at most 4096 bytes/)]);
    // The same without saying the length before.
    const chunks = `1388\r\n${'1'.repeat(5000)}\r\n0\r\n\r\n`;
    const chunked = hanging(desk).replace('Content-Length: 100', 'Transfer-Encoding: chunked');
    const piece = chunked.slice(0, -1) + chunks;
    expect((await rawExchange(port, piece, /bytes/)).status).toBe(413);
  });

  it('read no body of who has no session', async () => {
    const desk = await deskWith({});
    const { port } = desk.served;
    const started = hanging(desk).replace('/api/session', '/api/time');
    expect((await rawExchange(port, started)).status).toBe(401);
  });

  it('answer what is not HTTP', async () => {
    const desk = await deskWith({});
    const { status, body } = await rawExchange(desk.served.port, 'HELO desk\r\n\r\n');
    expect([status, body]).toEqual([400, expect.stringMatching(/not a request of HTTP/)]);
  });
});
