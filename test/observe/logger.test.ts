import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import { createLogger, type Logger } from '../../src/observe/index.ts';

const secretMembers = [
  ...['response', 'challenge', 'otp', 'seed', 'secret', 'value', 'password', 'body'],
  ...['pin', 'serverPin', 'userPin', 'soPin', 'key', 'keyText', 'apiKey', 'privateKey'],
  ...['authorization', 'cookie', 'connectionString'],
];

function recorder(level: 'info' | 'silent' = 'info'): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger = createLogger({ level, target: { line: (text) => lines.push(text) } });
  return { logger, lines };
}

describe('the log', () => {
  it('is JSON lines with time, level and message', () => {
    const { logger, lines } = recorder();
    logger.debug({}, 'below the level');
    logger.warn({ route: '/v1/sync', status: 503 }, 'request');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'warn',
      message: 'request',
      route: '/v1/sync',
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    });
    expect(lines[0]).toMatch(/\n$/);
  });

  it('redacts members that may hold a secret, at the top and two levels below', () => {
    const secret = 'hunter2-and-more';
    const member = fc.constantFrom(...secretMembers);
    fc.assert(
      fc.property(member, fc.integer({ min: 0, max: 2 }), (name, depth) => {
        const { logger, lines } = recorder();
        let fields: Record<string, unknown> = { [name]: secret, kept: 'yes' };
        for (let level = 0; level < depth; level += 1) fields = { inner: fields };
        logger.info(fields, 'x');
        expect(lines.join('')).not.toContain(secret);
        expect(lines.join('')).toContain('"kept":"yes"');
      }),
    );
  });

  it('shows an error with its causes, and of foreign errors no member nobody knows', () => {
    const { logger, lines } = recorder();
    const cause = Object.assign(new Error('duplicate key'), {
      code: '23505',
      detail: 'Key (jane)',
    });
    const error = new TallystickError('store-unavailable', 'The database failed.', { cause });
    logger.error({ error }, 'x');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      error: { errorCode: 'store-unavailable', cause: { errorCode: '23505' } },
    });
    expect(lines[0]).not.toContain('Key (jane)');
    logger.error({ error: { kind: 'unavailable', ckr: 5, detail: 'C_Sign', pin: '1' } }, 'x');
    expect(JSON.parse(lines[1]!)).toMatchObject({ error: { kind: 'unavailable', ckr: 5 } });
    expect(lines[1]).not.toContain('"pin"');
  });

  it('can be silent', () => {
    const { logger, lines } = recorder('silent');
    logger.error({}, 'x');
    expect(lines).toEqual([]);
  });
});

/** Opens a named pipe for both ends: what is written stays in it until it is read. */
function openPipe(): { readonly path: string; readonly fileDescriptor: number } {
  const path = join(mkdtempSync(join(tmpdir(), 'tallystick-log-')), 'pipe');
  execFileSync('/usr/bin/mkfifo', [path]);
  onTestFinished(() => rmSync(dirname(path), { recursive: true }));
  return { path, fileDescriptor: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) };
}

function readAll(fileDescriptor: number): string {
  const piece = Buffer.alloc(65_536);
  let text = '';
  try {
    for (let bytes = -1; bytes !== 0;) {
      bytes = readSync(fileDescriptor, piece);
      text += piece.toString('utf8', 0, bytes);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return text;
}

describe('the log in a file', () => {
  it('has every line when it has ended, and no later one', async () => {
    const { fileDescriptor } = openPipe();
    const logger = createLogger({ level: 'info', target: { fileDescriptor } });
    const reader = openSync(
      `/proc/self/fd/${fileDescriptor}`,
      constants.O_RDONLY | constants.O_NONBLOCK,
    );
    for (let line = 0; line < 100; line += 1) logger.info({ line }, 'x');
    await logger.end();
    logger.info({}, 'later');
    await logger.end();
    expect(
      readAll(reader)
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text) as unknown),
    ).toEqual(
      Array.from({ length: 100 }, (_, line) => expect.objectContaining({ line }) as unknown),
    );
    closeSync(reader);
  });

  it('ends where nothing more can be written', async () => {
    const logger = createLogger({
      level: 'info',
      target: { fileDescriptor: openSync('/dev/full', 'w') },
    });
    logger.info({}, 'x');
    await logger.end();
    const { fileDescriptor } = openPipe();
    const unread = createLogger({ level: 'info', target: { fileDescriptor } });
    unread.info({ long: 'x'.repeat(1_000_000) }, 'x');
    await unread.end();
  });

  it('keeps a bounded number of lines that nobody reads, and says how many it lost', async () => {
    const { fileDescriptor } = openPipe();
    const logger = createLogger({ level: 'info', target: { fileDescriptor } });
    const long = 'x'.repeat(100_000);
    for (let line = 0; line < 30; line += 1) logger.info({ line, long }, 'x');
    let text = '';
    await expect
      .poll(() => (text += readAll(fileDescriptor)), { interval: 5, timeout: 20_000 })
      .toMatch(/"lines":(\d+),"message":"lines of the log were lost/);
    const kept = text.match(/"message":"x"/g)?.length ?? 0;
    expect(kept).toBeLessThan(15);
    expect(text).toContain(`"lines":${30 - kept},`);
    await logger.end();
  });
});
