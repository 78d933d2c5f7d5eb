import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
