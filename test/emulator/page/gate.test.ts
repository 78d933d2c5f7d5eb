import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { profileNamed, tokenToJson } from '../../../emulator/index.ts';
import { rawExchange } from '../../support/raw-http.ts';
import { rfcSeed } from '../support.ts';
import { keyOf, openTestDesk } from './page-support.ts';

/** The status that raw bytes are answered with: clients of HTTP set the Host header themselves. */
async function statusOf(port: number, head: readonly string[], body = ''): Promise<number> {
  const lines = [...head, 'Connection: close', '', body].join('\r\n');
  return (await rawExchange(port, lines)).status;
}

describe('who may use the page', () => {
  it('is who has the key of this start: without its cookie nothing is told', async () => {
    const desk = await openTestDesk();
    await desk.put('EVENT01', profileNamed('one-button-event'));
    for (const path of ['/api/desk', '/api/choices', '/api/inbox', '/api/nothing']) {
      const { status, text } = await desk.ask('GET', path);
      expect(status, path).toBe(401);
      expect(text, path).not.toContain('EVENT01');
    }
    const { status } = await desk.ask('POST', '/api/tokens/EVENT01/keys', { kind: 'press' });
    expect(status).toBe(401);
    expect((await desk.folder.read('EVENT01')).token.state.eventCounters).toEqual([0n]);
    const cookie = await desk.cookie();
    expect((await desk.ask('GET', '/api/desk', undefined, { cookie })).status).toBe(200);
  });

  it('is nobody with another key, or with the cookie of another start', async () => {
    const [desk, other] = [await openTestDesk(), await openTestDesk()];
    const key = keyOf(desk.served);
    expect(Buffer.from(key, 'base64url')).toHaveLength(32);
    expect(keyOf(other.served)).not.toBe(key);
    const wrong = key.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (const each of [wrong, '', keyOf(other.served)]) {
      const answer = await desk.ask('POST', '/api/session', { key: each });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
    const name = (await desk.cookie()).split('=')[0] ?? '';
    const foreign = `${name}=${(await other.cookie()).split('=')[1] ?? ''}`;
    expect((await desk.ask('GET', '/api/desk', undefined, { cookie: foreign })).status).toBe(401);
  });

  it('gets a cookie that scripts and other sites have no use for', async () => {
    const { served, ask } = await openTestDesk();
    const { headers } = await ask('POST', '/api/session', { key: keyOf(served) });
    const cookie = headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^vtoken-desk-\d+=[\w-]{43}; Path=\/api; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(keyOf(served));
  });

  it('is no page of another name, whatever that name resolves to', async () => {
    const { served, cookie } = await openTestDesk();
    const { port } = served;
    const given = await cookie();
    const ask = (host: string, path = '/api/desk'): Promise<number> =>
      statusOf(port, [`GET ${path} HTTP/1.1`, `Host: ${host}`, `Cookie: ${given}`]);
    expect(await ask(`127.0.0.1:${port}`)).toBe(200);
    expect(await ask(`localhost:${port}`)).toBe(200);
    for (const host of [
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port}.evil.example`,
      '',
    ]) {
      expect(await ask(host), host).toBe(421);
      expect(await ask(host, '/'), host).toBe(421);
    }
  });

  it('is no page of another origin, and no form that says nothing of its own', async () => {
    const desk = await openTestDesk();
    await desk.put('EVENT01', profileNamed('one-button-event'));
    const cookie = await desk.cookie();
    const path = '/api/tokens/EVENT01/keys';
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:1`]) {
      const { status } = await desk.ask('POST', path, { kind: 'press' }, { cookie, origin });
      expect(status, origin).toBe(403);
    }
    const body = '{"kind":"press"}';
    const bare = [
      `POST ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${desk.served.port}`,
      `Cookie: ${cookie}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ];
    expect(await statusOf(desk.served.port, bare, body)).toBe(403);
    const sideways = { cookie, 'sec-fetch-site': 'same-site' };
    expect((await desk.ask('GET', '/api/desk', undefined, sideways)).status).toBe(403);
    expect((await desk.folder.read('EVENT01')).token.state.eventCounters).toEqual([0n]);
  });

  it('is nobody who comes from outside: it listens on loopback alone', async () => {
    const { served } = await openTestDesk();
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.internal === false && address.family === 'IPv4');
    if (outside === undefined) return;
    const socket = connect(served.port, outside.address);
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});

describe('what the page gives out', () => {
  it('forbids everything that is not its own', async () => {
    const { ask, cookie } = await openTestDesk();
    const answers = [
      await ask('GET', '/'),
      await ask('GET', '/main.js'),
      await ask('GET', '/nothing'),
      await ask('GET', '/api/desk'),
      await ask('GET', '/api/desk', undefined, { cookie: await cookie() }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 401, 200]);
    for (const { headers } of answers) {
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(policy).toContain("frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it('is never a seed, nor what tells a PIN', async () => {
    const desk = await openTestDesk();
    await desk.put('PIN01', profileNamed('keypad-pin'));
    const cookie = await desk.cookie();
    const texts: string[] = [];
    const send = async (path: string, body?: unknown): Promise<void> => {
      const { text } = await desk.ask(body === undefined ? 'GET' : 'POST', path, body, { cookie });
      texts.push(text);
    };
    const keys = '/api/tokens/PIN01/keys';
    await send(keys, { kind: 'press' });
    await send(keys, { kind: 'pin', pin: '00000' });
    await send(keys, { kind: 'pin', pin: '281946' });
    await send(keys, { kind: 'pin', pin: '281946' });
    await send(keys, { kind: 'select', applicationName: 'TIME' });
    await send('/api/desk');
    await send('/api/inbox');
    await send('/api/choices');
    await send('/api/tokens', {
      serial: 'NEW01',
      profile: 'one-button-event',
      preset: 'ideal',
      battery: 'none',
    });
    const secrets = await secretsIn(desk, ['PIN01', 'NEW01']);
    expect(secrets.length).toBeGreaterThan(6);
    expect(texts.join()).toContain('"main":');
    for (const secret of [...secrets, '281946', ...writtenAs(rfcSeed)]) {
      expect(texts.join().toLowerCase()).not.toContain(secret.toLowerCase());
    }
  });
});

/** Seeds, salts and hashes of the files, as they are written there and in other ways. */
async function secretsIn(
  { folder }: Awaited<ReturnType<typeof openTestDesk>>,
  serials: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const serial of serials) {
    const file = tokenToJson(await folder.read(serial));
    for (const [, secret = ''] of file.matchAll(/"(?:seed|salt|hash)": "([^"]{16,})"/g)) {
      found.push(secret, ...writtenAs(Buffer.from(secret, 'base64')));
    }
  }
  return found;
}

function writtenAs(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  return [buffer.toString('base64'), buffer.toString('hex'), buffer.toString('latin1')];
}

describe('what the page takes', () => {
  it('is bounded, and named when it is wrong', async () => {
    const desk = await openTestDesk();
    await desk.put('EVENT01', profileNamed('one-button-event'));
    const cookie = await desk.cookie();
    const post = async (path: string, body: unknown): Promise<[number, string]> => {
      const { status, text } = await desk.ask('POST', path, body, { cookie });
      return [status, text];
    };
    const keys = '/api/tokens/EVENT01/keys';
    expect((await post(keys, { kind: 'type', text: '1'.repeat(5000) }))[0]).toBe(413);
    expect((await post(keys, '{"kind":'))[0]).toBe(400);
    expect((await post(keys, { kind: 'explode' }))[0]).toBe(400);
    expect((await post(keys, { kind: 'press', seed: 'x' }))[0]).toBe(400);
    expect((await post('/api/tokens/EVENT01/pocket', { times: 1001 }))[1]).toMatch(/1 to 1000/);
    expect((await post('/api/tokens/EVENT01/clock', {}))[1]).toMatch(/offsetMs, jumpMs or ratePpm/);
    expect((await post('/api/time', { travelMs: 3e12 * 100 }))[0]).toBe(400);
    expect((await post('/api/tokens/NOBODY/keys', { kind: 'press' }))[0]).toBe(404);
    expect((await post('/api/tokens/..%2F..%2Fetc/keys', { kind: 'press' }))[0]).toBe(400);
    expect(desk.errors).toEqual([]);
  });

  it('tells of a damaged file and shows the others', async () => {
    const desk = await openTestDesk();
    await desk.put('EVENT01', profileNamed('one-button-event'));
    writeFileSync(`${desk.path}/BROKEN1.json`, '{"seed":"secret"}');
    const cookie = await desk.cookie();
    const { status, text } = await desk.ask('GET', '/api/desk', undefined, { cookie });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      tokens: [{ serial: 'EVENT01' }],
      damaged: [{ serial: 'BROKEN1' }],
    });
    expect(text).not.toContain('secret');
  });
});
