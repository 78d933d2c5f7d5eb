import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../../emulator/index.ts';
import { exchangeWith, type Got } from '../../../emulator/fleet/exchange.ts';
import { type CliRun, errorOf, freshFolder, vtoken } from '../support.ts';
import { signedByAuthority } from '../../support/self-signed.ts';
import { agree, driveOf, listening, restOver } from './drive-support.ts';

const owner = { user: 'jane', domain: null };
const submitted = { response: '123456', challenge: null };

describe('a server that is not what it should be', () => {
  it.each([
    ['a page', '<html></html>', /^what answers PUT \/v1\/test-clock at --server is no Tallystick/],
    ['no object', 'null', /no Tallystick server/],
    ['another time', '{"nowMs":1}', /no Tallystick server/],
  ])('is none where it answers with %s', async (_what, answer, message) => {
    const origin = await listening(createServer((_request, response) => response.end(answer)));
    const error = await driveOf(origin);
    expect(error.code).toBe('refused');
    expect(error.message).toMatch(message);
  });

  it.each(['{}', '{"key":7}', '{"key":""}', '{"key":"a\\nb"}', '{"key":"\u{20ac}"}'])(
    'has to make a key that fits into a header, not %s',
    async (answer) => {
      const origin = await listening(
        createServer((request, response) => {
          if (request.url === '/v1/keys') response.end(answer);
          else agree(request, response);
        }),
      );
      const { code, message } = await driveOf(origin);
      expect(code).toBe('refused');
      expect(message).toMatch(/^what answers POST \/v1\/keys at --server is no Tallystick server/);
    },
  );

  it('has what it was sent in confidence hidden where it repeats it', async () => {
    let seen = '';
    const origin = await listening(
      createServer((request, response) => {
        const isSeed = request.url === '/v1/authenticators';
        if (!isSeed) {
          agree(request, response);
          return;
        }
        request.on('data', (piece: Buffer) => (seen += piece.toString()));
        request.on('end', () => {
          response.statusCode = 400;
          const detail = `\u{1b}[31m${String(request.headers.authorization)} sent\n${seen}`;
          response.end(JSON.stringify({ code: 'x', detail }));
        });
      }),
    );
    const { message } = await driveOf(origin);
    const { seed } = (JSON.parse(seen) as { applications: { seed: { value: string } }[] })
      .applications[0]!;
    expect(message).toMatch(/400 \(x, \[31mBearer \*\*\* sent \{/);
    expect(message).not.toContain('tsk_secret');
    expect(seed.value).toMatch(/^[0-9a-f]{40}$/);
    expect(message).not.toContain(seed.value.slice(0, 20));
    expect(message).toContain('"value":"***"');
  });

  it('may call an end what it likes, but that is not printed', async () => {
    const words = ['nothing', 'no word', 'no word', '__proto__'];
    const bodies = [{ outcome: 7 }, { outcome: '\u{1b}[31m' }, { outcome: 'x'.repeat(65) }];
    for (const [index, body] of [...bodies, { outcome: '__proto__' }].entries()) {
      const ask = (): Promise<Got> =>
        Promise.resolve({ status: 200, body: Buffer.from(JSON.stringify(body)) });
      const rest = restOver({ ask, hangUp: () => undefined }, nodeEnv);
      expect(await rest.authenticate(owner, submitted)).toBe(words[index]);
    }
  });

  it('has not for ever to answer, nor room for everything', async () => {
    const dripping: RequestListener = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    };
    const origin = await listening(createServer(dripping));
    const hello = { method: 'GET', path: '/', headers: {} };
    const slow = await errorOf(() => exchangeWith(origin, { answerMaxMs: 100 }).ask(hello));
    expect(slow).toMatchObject({ code: 'storage-failed' });
    expect(slow.message).toMatch(/no whole answer within 0.1 s$/);
    const endless: RequestListener = (_request, response) =>
      response.end(Buffer.alloc(2 ** 20 + 1, 0x20));
    const long = await errorOf(async () =>
      exchangeWith(await listening(createServer(endless))).ask(hello),
    );
    expect(long).toEqual({
      code: 'refused',
      message: "the server's answer is longer than the 1048576 bytes allowed",
    });
  });

  it('is left as it was where tokens are not as they were said to be', async () => {
    const asked: string[] = [];
    const origin = await listening(
      createServer((request, response) => {
        asked.push(`${String(request.method)} ${String(request.url)}`);
        if (request.method === 'GET') response.statusCode = 404;
        agree(request, response);
      }),
    );
    const error = await driveOf(origin, { areEnrolled: true });
    expect(error.message).toMatch(/does not know token VT90000001/);
    expect(asked).toEqual(['PUT /v1/test-clock', 'GET /v1/authenticators/VT90000001']);
  });
});

describe('what the command is told', () => {
  const scenario = (folder: string): string => {
    const path = join(folder, 'fleet.yaml');
    const token = '{ serials: VT90000001, profile: one-button-event }';
    const text = `version: 1\nseed: NOT-FOR-PRODUCTION told\nstart: 2026-01-01T00:00:00Z\nfor: P1D\ntokens: [${token}]\n`;
    writeFileSync(path, text);
    return path;
  };
  /** Nobody presses Ctrl-C. */
  const told = (folder: string, argv: readonly string[]): Promise<CliRun> =>
    vtoken(folder, argv, { stopped: new Promise<void>(() => undefined) });
  /** Nothing listens there: who gets as far as asking ends with 5. */
  const nobody = 'http://127.0.0.1:1';

  it.each([
    ['foo', /^vtoken: --server takes an address/],
    ['ftp://127.0.0.1', /^vtoken: --server takes an address/],
    [`${nobody}/api`, /and nothing behind the port/],
    [`${nobody}?x=1`, /and nothing behind the port/],
    ['http://jane:secret@127.0.0.1:1', /and nothing behind the port/],
    ['http://otp.example.test', /cross the net in clear; use https/],
    ['http://127.example.test:8888', /cross the net in clear; use https/],
  ])('is an address that it can take as it stands and keep the key safe: %s', async (url, why) => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'key'), 'tsk_secret\n');
    const key = ['--key-file', join(folder, 'key')];
    const { status, err } = await told(folder, [
      ...['fleet', 'drive', scenario(folder), '--server', url],
      ...key,
    ]);
    expect(status).toBe(2);
    expect(err).toMatch(why);
    expect(err).not.toContain('secret');
  });

  it.each([
    ['tsk_secret\n', 5],
    ['', 2],
    ['tsk secret', 2],
    ['tsk\u{0}secret', 2],
    ['tsk_\u{20ac}secret', 2],
  ])('is a key that fits into a header: %j', async (content, status) => {
    const folder = freshFolder();
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, content);
    const run = await told(folder, [
      ...['fleet', 'drive', scenario(folder), '--server', nobody],
      ...['--key-file', keyFile],
    ]);
    expect(run.status).toBe(status);
    if (status === 2) expect(run.err).toBe(`vtoken: ${keyFile} holds no API key\n`);
    expect(run.err).not.toContain('secret');
  });

  it.each([
    ['', 'true'],
    ['true', ' '],
  ])('are commands that are some: %j and %j', async (onBackup, onRestore) => {
    const folder = freshFolder();
    const run = await told(folder, [
      ...['fleet', 'drive', scenario(folder), '--server', nobody, '--key-file', 'none'],
      ...['--on-backup', onBackup, '--on-restore', onRestore],
    ]);
    const err = 'vtoken: --on-backup and --on-restore take a command, not an empty text\n';
    expect(run).toMatchObject({ status: 2, err });
  });

  it('are authorities that are some', async () => {
    const folder = freshFolder();
    const { authority } = signedByAuthority();
    const noise = authority.replace(/[a-z]/g, 'A');
    const bytes = Buffer.from(authority.replace(/-----[^-]*-----/g, ''), 'base64');
    writeFileSync(join(folder, 'key'), 'tsk_secret');
    for (const [content, status] of [
      [authority, 5],
      [`in words\n${authority}`, 5],
      ['', 2],
      ['no certificate', 2],
      [noise, 2],
      [bytes, 2],
    ] as const) {
      const ca = join(folder, 'ca');
      writeFileSync(ca, content);
      const run = await told(folder, [
        ...['fleet', 'drive', scenario(folder), '--server', nobody],
        ...['--key-file', join(folder, 'key'), '--ca', ca],
      ]);
      expect([content, run.status]).toEqual([content, status]);
      if (status === 2) expect(run.err).toBe(`vtoken: ${ca} holds no certificate in PEM\n`);
    }
  });
});
