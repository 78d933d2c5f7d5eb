import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { describe, expect, it } from 'vitest';
import { algorithmHash, algorithmText } from '../../../src/oath/index.ts';
import { codesOfFailure, codesOfSuccess } from '../../../src/soap/result-codes.ts';
import { parseXml, type XmlElement } from '../../../src/xml.ts';
import { keyCheckValue, nodeEnv, parseApplicationText, Secret } from '../../../emulator/index.ts';
import { applicationsOf } from '../../../emulator/fleet/fleet.ts';
import type { DrawnToken } from '../../../emulator/fleet/draw.ts';
import type { DriveServer } from '../../../emulator/fleet/drive-server.ts';
import { exchangeWith, type Got, type Sent } from '../../../emulator/fleet/exchange.ts';
import { tokenFlaw, userFlaw } from '../../../emulator/fleet/fresh-token.ts';
import { outcomes } from '../../../emulator/fleet/oracle/index.ts';
import { withSoap } from '../../../emulator/fleet/soap-verifier.ts';
import { errorOf } from '../support.ts';
import { signedByAuthority } from '../../support/self-signed.ts';
import { agree, driveOf, listening, restOver } from './drive-support.ts';
import { fleet } from './support.ts';

const owner = { user: 'jane <&> "doe"', domain: 'north' };
const submitted = { response: '123456', challenge: '654321' };

/** A server that has one answer, and what it was sent. */
function soapServer(answer: string, status = 200): { server: DriveServer; sent: Sent[] } {
  const sent: Sent[] = [];
  const ask = (one: Sent): Promise<Got> => {
    sent.push(one);
    return Promise.resolve({ status, body: Buffer.from(answer) });
  };
  const exchange = { ask, hangUp: () => undefined };
  return { server: withSoap(restOver(exchange, nodeEnv), exchange, 'drive'), sent };
}

function envelope(content: string): string {
  return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Authentication"><e:Body>${content}</e:Body></e:Envelope>`;
}

function answerWith(codes: readonly [string, string, number, number]): string {
  const names = ['returnCodeEnum', 'statusCodeEnum', 'returnCode', 'statusCode'];
  const all = names.map((name, index) => `<${name}>${String(codes[index])}</${name}>`).join('');
  const results = `<results><resultCodes>${all}</resultCodes></results>`;
  return envelope(
    `<a:authUserResponse><authUserResults>${results}</authUserResults></a:authUserResponse>`,
  );
}

describe('attempts by SOAP', () => {
  it('expect the status that the server has for each end', () => {
    const { server } = soapServer('');
    for (const outcome of outcomes) {
      const operation = outcome.startsWith('sync') ? 'syncTokenAndHost' : 'authUser';
      const codes =
        outcome === 'accepted' || outcome === 'synchronised'
          ? codesOfSuccess(outcome)
          : codesOfFailure(operation, outcome);
      expect([outcome, server.wordFor(outcome)]).toEqual([outcome, codes.statusCodeEnum]);
    }
  });

  it.each([
    [['RET_SUCCESS', 'STAT_SUCCESS', 0, 0], 'STAT_SUCCESS'],
    [['RET_FAILURE', 'STAT_LOCKED', -1, 1007], 'STAT_LOCKED'],
    // Whoever tests one of them alone would let somebody in.
    [['RET_FAILURE', 'STAT_SUCCESS', -1, 0], 'RET_FAILURE STAT_SUCCESS -1 0'],
    [['RET_CHALLENGE', 'STAT_SUCCESS', 1, 0], 'RET_CHALLENGE STAT_SUCCESS 1 0'],
    [['RET_FAILURE', 'STAT_LOCKED', 0, 1007], 'RET_FAILURE STAT_LOCKED 0 1007'],
    [['RET_SUCCESS', 'STAT_LOCKED', 0, 1007], 'RET_SUCCESS STAT_LOCKED 0 1007'],
    [['RET_FAILURE', 'STAT_LOCKED', -1, 0], 'RET_FAILURE STAT_LOCKED -1 0'],
  ] as const)('take %j for %s', async (codes, word) => {
    const { server } = soapServer(answerWith(codes));
    expect(await server.authenticate(owner, submitted)).toBe(word);
  });

  it.each([
    [
      'a technical status',
      answerWith(['RET_FAILURE', 'STAT_COMMS', -1, -10]),
      /authUser with STAT_COMMS/,
    ],
    [
      'a fault',
      envelope('<e:Fault><faultstring>no such thing</faultstring></e:Fault>'),
      /a fault: no such thing/,
    ],
    [
      'another response',
      envelope('<a:logonResponse/>'),
      /logonResponse in place of authUserResponse/,
    ],
    [
      'a response of another namespace',
      envelope('<authUserResponse/>'),
      /authUserResponse of namespace "", not "http:/,
    ],
    [
      'a fault that repeats what it was sent',
      envelope('<e:Fault><faultstring>no 123456 to 654321</faultstring></e:Fault>'),
      /a fault: no \*\*\* to \*\*\*$/,
    ],
    [
      'a fault that paints the terminal',
      envelope(
        `<e:Fault><faultstring>a\u{9b}31mb\u{202e}${'c'.repeat(999)}</faultstring></e:Fault>`,
      ),
      /a fault: a 31mb c{280,300}\.\.\.$/,
    ],
    ['nothing', envelope('<a:authUserResponse/>'), /no result codes/],
    ['a page', '<html/>', /no SOAP/],
    ['words', 'statusCodeEnum>STAT_SUCCESS<', /no XML/],
  ])('are not decided by %s', async (_what, answer, message) => {
    const error = await errorOf(() => soapServer(answer).server.authenticate(owner, submitted));
    expect(error.code).toBe('refused');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(submitted.response);
  });

  it('are refused by the status where HTTP has refused them', async () => {
    const { server } = soapServer('{"code":"not-found"}', 404);
    const { message } = await errorOf(() => server.authenticate(owner, submitted));
    expect(message).toBe('the server answers SOAP authUser with HTTP status 404');
    const fault = envelope('<e:Fault><faultstring>no such thing</faultstring></e:Fault>');
    const failed = await errorOf(() =>
      soapServer(fault, 500).server.authenticate(owner, submitted),
    );
    expect(failed.message).toMatch(/no such thing/);
  });

  it('have words that are no text of the server', async () => {
    const { server } = soapServer(answerWith(['RET_FAILURE', 'STAT_\n\u{9b}31m', -1, 7]));
    expect(await server.authenticate(owner, submitted)).toBe('no word');
  });

  it('write down what XML would read otherwise', async () => {
    const { server, sent } = soapServer(answerWith(['RET_SUCCESS', 'STAT_SUCCESS', 0, 0]));
    await server.authenticate(owner, submitted);
    await errorOf(() => server.synchronise(owner, submitted, submitted));
    const limits = {
      bytesMax: 9999,
      depthMax: 9,
      elementsMax: 99,
      attributesMax: 9,
      textCharactersMax: 99,
    };
    const texts = (element: XmlElement): readonly string[] =>
      element.children.length === 0 ? [element.text] : element.children.flatMap(texts);
    for (const { body = '' } of sent) {
      const all = texts(parseXml(Buffer.from(body), limits));
      expect(all).toEqual(
        expect.arrayContaining([owner.user, owner.domain, submitted.response, submitted.challenge]),
      );
    }
    expect(sent.length).toBe(2);
  });
});

describe('a server that is driven', () => {
  /** Takes everything, and dies at the request of this number. */
  const dyingAt = async (last: number): Promise<string> => {
    let count = 0;
    const origin = await listening(
      createServer((request, response) => {
        count += 1;
        if (count >= last) request.socket.destroy();
        else agree(request, response);
      }),
    );
    return origin;
  };

  it('may die, and the error says when', async () => {
    const { code, message } = await driveOf(await dyingAt(60));
    expect(code).toBe('storage-failed');
    expect(message).toMatch(
      /^the server does not answer: [^;]+; the drive was at 2026-01-\S+Z, after 2\d attempts and 0 differences$/,
    );
    expect((await driveOf(await dyingAt(11))).message).toMatch(/; after 2 of 3 tokens$/);
    expect((await driveOf(await dyingAt(2))).message).toMatch(
      /^the server does not answer: [^;]+$/,
    );
  });

  it('must have a clock that can be set', async () => {
    const origin = await listening(
      createServer((_request, response) => {
        response.statusCode = 404;
        response.end('<html>no such page</html>');
      }),
    );
    expect(await driveOf(origin)).toEqual({
      code: 'refused',
      message: 'the server has no test clock: start it with "tallystick serve --unsafe-test-clock"',
    });
  });

  it('is waited for when it was stopped, but not for ever', async () => {
    let tries = 0;
    let nowMs = 0;
    const env = {
      monotonicMs: () => nowMs,
      sleepMs: (durationMs: number) => {
        nowMs += durationMs;
        return Promise.resolve();
      },
    };
    const returning = (after: number): Promise<unknown> => {
      tries = 0;
      const exchange = exchangeWith('http://127.0.0.1:1');
      const ask = (sent: Sent): Promise<Got> => {
        tries += 1;
        return tries < after
          ? exchange.ask(sent)
          : Promise.resolve({ status: 200, body: Buffer.from('{}') });
      };
      return errorOf(() => restOver({ ...exchange, ask }, env).returned());
    };
    expect(await returning(4)).toMatchObject({ code: 'none' });
    expect(tries).toBe(4);
    expect(await returning(Infinity)).toMatchObject({ code: 'storage-failed' });
    expect(nowMs).toBeGreaterThan(60_000);
    expect(nowMs).toBeLessThan(62_000);
  });

  it('may have authorities of its own', async () => {
    const { authority, server } = signedByAuthority();
    const { certificate: cert, privateKey } = server;
    const answer: RequestListener = (_request, response) => response.end('here');
    const origin = (await listening(createTlsServer({ cert, key: privateKey }, answer)))
      .replace('http:', 'https:')
      .replace('127.0.0.1', 'localhost');
    const hello = { method: 'GET', path: '/', headers: {} };
    const trusting = exchangeWith(origin, { ca: Buffer.from(authority) });
    expect(String((await trusting.ask(hello)).body)).toBe('here');
    const error = await errorOf(() => exchangeWith(origin).ask(hello));
    expect(error.code).toBe('storage-failed');
    expect(error.message).toMatch(/^the server is not trusted: .*certificate.* \(--ca FILE names/);
    const plain = await listening(createServer(answer));
    const mixed = await errorOf(() => exchangeWith(plain.replace('http:', 'https:')).ask(hello));
    expect(mixed.message).toMatch(/^the server does not answer: [^\n]*wrong version[^\n]*$/);
  });
});

describe('a token that is enrolled already', () => {
  const tokenOf = (kind: string): DrawnToken =>
    fleet(`version: 1
seed: NOT-FOR-PRODUCTION found
start: 2026-01-01T00:00:00Z
for: P1D
tokens: [{ serials: VT90000001, ${kind} }]
policy: { timeAndEventApplications: allowed }
`).tokens[0]!;
  const token = tokenOf('profile: one-button-time-event');
  const { algorithm } = parseApplicationText(token.application);
  const fresh = {
    algorithm: algorithmText(algorithm),
    keyCheckValue: keyCheckValue(
      algorithmHash(algorithm),
      new Secret(Buffer.from(token.key, 'hex')),
    ),
    ...{ isDisabled: false, nextEventCounter: '0', lastStep: null, driftSeconds: 0 },
    ...{ lastUsedAtMs: null, failureCount: 0, hasRememberedResponse: false, isDriftFrozen: false },
  };
  const flawWith = (more: object): string | null =>
    tokenFlaw(token, { isDisabled: false, applications: [{ ...fresh, ...more }] });

  it.each([
    [{}, null],
    [{ algorithm: 'TOTP-SHA1-6-30S' }, /^has another algorithm than /],
    [{ keyCheckValue: '00000000' }, /^has another key$/],
    [{ isDisabled: true }, /^is disabled$/],
    [{ nextEventCounter: '5' }, /^has the event counter 5, not 0$/],
    [{ driftSeconds: -30 }, /^has a drift of -30 s, not 0$/],
    [{ lastStep: '59000000' }, /^was used already$/],
    [{ lastUsedAtMs: 1 }, /^was used already$/],
    [{ failureCount: 1 }, /^was used already$/],
    [{ hasRememberedResponse: true }, /^was used already$/],
    [{ isDriftFrozen: true }, /^has a drift that is frozen$/],
  ])('is as a drive supposes, or not: %j', (more, flaw) => {
    if (flaw === null) expect(flawWith(more)).toBeNull();
    else expect(flawWith(more)).toMatch(flaw);
  });

  it('has every application by its name where it has several', () => {
    const several = tokenOf('profile: keypad-multi, applications: [TIME, CR]');
    const [time, question] = applicationsOf(several).map(({ key, program }) => ({
      ...fresh,
      name: program.name,
      algorithm: algorithmText(program.algorithm),
      keyCheckValue: keyCheckValue(
        algorithmHash(program.algorithm),
        new Secret(Buffer.from(key, 'hex')),
      ),
    }));
    const flawOf = (...applications: object[]): string | null =>
      tokenFlaw(several, { isDisabled: false, applications });
    expect(flawOf(question!, time!)).toBeNull();
    expect(flawOf(time!, { ...question, name: 'OTHER' })).toBe('has no application CR');
    expect(flawOf({ ...time, name: 'CR' }, { ...question, name: 'TIME' })).toMatch(/^has another/);
    expect(flawOf(time!, { ...question, failureCount: 1 })).toBe('was used already');
    expect(flawOf(time!)).toMatch(/1 applications, not 2/);
  });

  it('has one application, and an owner with nothing else who is let in', () => {
    expect(tokenFlaw(token, { applications: [fresh, fresh] })).toMatch(/2 applications/);
    expect(tokenFlaw(token, {})).toMatch(/0 applications/);
    const user = { serials: ['VT90000001'], isDisabled: false, lockedAtMs: null, lockCount: 0 };
    expect(userFlaw(token, user)).toBeNull();
    const flaws = [
      { serials: ['VT90000001', 'VT90000002'] },
      { isDisabled: true },
      { lockedAtMs: 1 },
      { lockCount: 2 },
    ].map((more) => userFlaw(token, { ...user, ...more }));
    expect(flaws).toEqual([
      'has other authenticators as well',
      'is disabled',
      'is locked',
      'has failed attempts: 2',
    ]);
  });
});
