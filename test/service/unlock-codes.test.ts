import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditBody } from '../../src/audit/index.ts';
import type { Administration, NewApplication } from '../../src/service/index.ts';
import type { AuditEvent, Store } from '../../src/service/store.ts';
import {
  type Bench,
  nextSerial,
  ocraBare,
  openBench,
  TestDevice,
  totp6,
} from '../support/builders.ts';
import { asking, codeOf, membersRefused, replacing, syncCodeOf, syncing } from './support.ts';

let bench: Bench;
let administration: Administration;
/** What stands in for methods of the store. */
let instead: Partial<Store> = {};

beforeAll(async () => {
  bench = await openBench({ store: replacing(() => instead) });
  administration = bench.service.administration;
});

afterAll(async () => {
  await bench.close();
});

const challenge = '12345678';

function application(
  name: string,
  algorithm: unknown,
  mode: NewApplication['mode'],
  bytes: Uint8Array,
): NewApplication {
  // A copy: what is imported is overwritten.
  const seed = { source: 'import', bytes: Uint8Array.from(bytes) } as const;
  return { name, mode, algorithm, seed, eventCounter: 0n };
}

async function create(...applications: readonly NewApplication[]): Promise<string> {
  const serial = nextSerial();
  const authenticator = { serial, model: 'TEST', expiresAtMs: null, applications };
  await administration.createAuthenticator(bench.admin, authenticator);
  return serial;
}

/** A device with a clock and an application that unlocks it. */
function unlockable(
  seed: Uint8Array = randomBytes(20),
  algorithm: object = ocraBare,
): Promise<string> {
  return create(
    application('TIME', totp6, 'response-only', randomBytes(20)),
    application('UNLOCK', algorithm, 'unlock', seed),
  );
}

async function codeFor(serial: string, shown: string = challenge): Promise<string> {
  return (await administration.unlockCode(bench.admin, serial, shown, null)).code;
}

describe('an unlock code', () => {
  test.each([
    ['00000000', '237653'],
    ['11111111', '243178'],
    ['22222222', '653583'],
    ['99999999', '294470'],
  ])('is the response of OCRA (RFC 6287 appendix C) to %s', async (shown, code) => {
    const seed = Buffer.from('12345678901234567890');
    const suite = { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-6:QN08' };
    const serial = await unlockable(seed, suite);
    expect(await codeFor(serial, shown)).toBe(code);
    await administration.deleteAuthenticator(bench.admin, serial);
  });

  test('is in the audit with its reason, but neither code nor challenge', async () => {
    const serial = await unlockable();
    const reason = 'jane forgot the PIN';
    const helpdesk = await bench.caller({}, 'helpdesk');
    const given = await administration.unlockCode(helpdesk, serial.toLowerCase(), '87650', reason);
    const code = expect.stringMatching(/^\d{8}$/) as string;
    expect(given).toEqual({ serial, code, codesLeft: 4 });
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticator.unlock-code',
      outcome: 'done',
      subject: serial,
      details: { application: 'UNLOCK', reason },
    });
    const bodies = (await bench.auditBodies()).join('\n');
    expect(bodies).not.toContain('"87650"');
    expect(bodies).not.toContain(given.code);
  });

  test.each(['123', '123456789', '12a4', '', '1234 5678'])('is not for %j', async (shown) => {
    const serial = await unlockable();
    const asked = administration.unlockCode(bench.admin, serial, shown, null);
    expect(await membersRefused(asked)).toEqual(['challenge']);
  });

  test.each(['it shows 12345678', 'a\nb', 'x'.repeat(256)])(
    'is not given for the reason of case %#',
    async (reason) => {
      const serial = await unlockable();
      const asked = administration.unlockCode(bench.admin, serial, challenge, reason);
      expect(await membersRefused(asked)).toEqual(['reason']);
    },
  );

  test('is not given for what nobody should use, or what cannot be unlocked', async () => {
    const serial = await unlockable();
    const any = { expectedVersion: null };
    const refusal = async (): Promise<unknown> => codeFor(serial).catch((error: unknown) => error);
    await administration.updateAuthenticator(bench.admin, serial, { isDisabled: true }, any);
    expect(await refusal()).toMatchObject({ code: 'conflict', fields: { reason: 'disabled' } });
    const expired = { isDisabled: false, expiresAtMs: bench.clock.nowMs() };
    await administration.updateAuthenticator(bench.admin, serial, expired, any);
    expect(await refusal()).toMatchObject({ code: 'conflict', fields: { reason: 'expired' } });
    const { serial: without } = await bench.device(totp6);
    await expect(codeFor(without)).rejects.toMatchObject({ code: 'not-found' });
    await expect(codeFor('NONE')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('counts only when it was given', async () => {
    const serial = await unlockable();
    const before = (await bench.auditBodies()).length;
    for (const kind of ['unavailable', 'damaged'] as const) {
      bench.module.failNext(kind, { method: 'mac' });
      const code = kind === 'damaged' ? 'seed-damaged' : 'module-unavailable';
      await expect(codeFor(serial)).rejects.toMatchObject({ code });
    }
    expect(await bench.auditBodies()).toHaveLength(before);
  });
});

describe('five codes an hour', () => {
  const tooMany = { code: 'policy-refused', fields: { reason: 'unlock-code-limit' } };

  test('for each authenticator, and then again', async () => {
    const serial = await unlockable();
    for (let code = 1; code <= 5; code += 1) {
      await codeFor(serial);
      bench.clock.advance(60);
    }
    await expect(codeFor(serial)).rejects.toMatchObject({
      ...tooMany,
      message: expect.stringContaining('again: 55.') as string,
    });
    await codeFor(await unlockable());
    bench.clock.advance(3299);
    await expect(codeFor(serial)).rejects.toMatchObject(tooMany);
    bench.clock.advance(1);
    await codeFor(serial);
    await expect(codeFor(serial)).rejects.toMatchObject(tooMany);
  });

  test('are counted down in the answers', async () => {
    const serial = await unlockable();
    const leftAfter = async (): Promise<number> =>
      (await administration.unlockCode(bench.admin, serial, challenge, null)).codesLeft;
    for (const left of [4, 3, 2, 1, 0]) expect(await leftAfter()).toBe(left);
    await expect(leftAfter()).rejects.toMatchObject(tooMany);
    bench.clock.advance(3600);
    expect(await leftAfter()).toBe(4);
  });

  test('however many are asked for at once', async () => {
    const serial = await unlockable();
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => codeFor(serial)));
    const given = asked.filter(({ status }) => status === 'fulfilled').length;
    const bodies = (await bench.auditBodies()).filter((body) => body.includes(serial));
    expect(bodies.filter((body) => body.includes('unlock-code'))).toHaveLength(given);
    for (let left = given; left < 5; left += 1) await codeFor(serial);
    expect(given).toBeGreaterThan(0);
    expect(given).toBeLessThanOrEqual(5);
    await expect(codeFor(serial)).rejects.toMatchObject(tooMany);
  });

  test('even where so much else happened that they cannot be counted', async () => {
    const serial = await unlockable();
    const atMs = bench.clock.nowMs();
    const entry = { atMs, action: 'authenticator.reset', outcome: 'done', subject: serial };
    const body = auditBody({ ...entry, actor: 'a', requestId: 'r', details: {} });
    const events = Array.from({ length: 1000 }, () => ({ atMs, body }) as AuditEvent);
    instead = { auditEventsAbout: () => Promise.resolve(events) };
    await expect(codeFor(serial)).rejects.toMatchObject(tooMany);
    instead = { auditEventsAbout: () => Promise.resolve(events.slice(1)) };
    await codeFor(serial);
    instead = {};
  });
});

describe('an application that unlocks a device', () => {
  test('verifies nobody, even when it is named and the challenge is ours', async () => {
    const caller = await bench.caller({ userLockThreshold: 0 });
    const userName = await bench.user();
    const seed = randomBytes(20);
    const serial = await create(
      application('UNLOCK', ocraBare, 'unlock', seed),
      application('CR', ocraBare, 'challenge-response', randomBytes(20)),
    );
    await administration.assignAuthenticator(bench.admin, serial, null, userName);
    const narrowed = { domainName: null, serial: null, requestKey: null, userName };
    const ask = async (applicationName: string | null): Promise<string> => {
      const answer = await bench.service.issueChallenge(caller, { ...narrowed, applicationName });
      return answer.outcome === 'challenge-issued' ? answer.challenge : answer.code;
    };
    const issued = await ask(null);
    const response = await codeFor(serial, issued);
    expect(response).toBe(
      new TestDevice(serial, 'UNLOCK', ocraBare, seed).response({ challenge: issued }),
    );
    const logon = (applicationName: string | null): Promise<string> =>
      codeOf(
        bench.service,
        caller,
        asking(userName, { response, challenge: issued, applicationName }),
      );
    expect(await logon('UNLOCK')).toBe('authenticator-not-permitted');
    expect(await logon(null)).toBe('response-incorrect');
    await ask('UNLOCK');
    expect(await bench.lastAudit()).toMatchObject({ outcome: 'authenticator-not-permitted' });
  });

  test('is all that an authenticator has: it can do nothing else', async () => {
    const caller = await bench.caller();
    const userName = await bench.user();
    const serial = await create(application('UNLOCK', ocraBare, 'unlock', randomBytes(20)));
    await administration.assignAuthenticator(bench.admin, serial, null, userName);
    const pair = ['1234', '5678'] as const;
    const codes = [await codeFor(serial, pair[0]), await codeFor(serial, pair[1])] as const;
    expect(await syncCodeOf(bench.service, caller, syncing(userName, codes, pair))).toBe(
      'sync-kind-unsupported',
    );
    const request = asking(userName, { response: codes[0], challenge: pair[0] });
    expect(await codeOf(bench.service, caller, request)).toBe('authenticator-not-permitted');
  });

  test('needs a suite that can, no counter, and to be the only one', async () => {
    const seed = { source: 'generate' } as const;
    const one = { name: 'U', mode: 'unlock', algorithm: ocraBare, seed, eventCounter: 0n } as const;
    const problems = (...applications: NewApplication[]): Promise<string[]> =>
      membersRefused(create(...applications));
    expect(await problems({ ...one, algorithm: totp6 })).toEqual(['applications[0].algorithm']);
    const timed = { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-8:QN08-T30S' };
    expect(await problems({ ...one, algorithm: timed })).toEqual(['applications[0].algorithm']);
    expect(await problems({ ...one, eventCounter: 1n })).toEqual(['applications[0].eventCounter']);
    expect(await problems(one, { ...one, name: 'V' })).toEqual(['applications']);
  });

  test('has a secret of its own', async () => {
    const seed = randomBytes(20);
    const shared = create(
      application('TIME', totp6, 'response-only', seed),
      application('UNLOCK', ocraBare, 'unlock', seed),
    );
    await expect(shared).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'seed-in-use', applicationName: 'TIME' },
    });
  });
});
