import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createToken,
  idealClock,
  parseApplicationText,
  press,
  profileNamed,
  respond,
  sign,
} from '../../emulator/index.ts';
import { algorithmDigits, algorithmToJson, hostCodeScheme } from '../../src/oath/index.ts';
import type { AuthenticateAnswer, HostCodeWish, SignatureAnswer } from '../../src/service/index.ts';
import { type Bench, nextSerial, openBench } from '../support/builders.ts';
import { signing } from './signing.ts';
import { asking, codeOf } from './support.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

/** A user, and the emulated keypad that is his, with one application and a host code. */
async function holder(text: string, hasHostCode = true) {
  const userName = await bench.user();
  const serial = nextSerial();
  const seed = new Uint8Array(createHash('sha1').update(serial).digest());
  const program = parseApplicationText(`APP=${text}`);
  const { name, mode, algorithm } = program;
  const { administration } = bench.service;
  await administration.createAuthenticator(bench.admin, {
    serial,
    model: 'TEST',
    expiresAtMs: null,
    applications: [
      {
        name,
        mode,
        algorithm: algorithmToJson(algorithm),
        seed: { source: 'import', bytes: Uint8Array.from(seed) },
        eventCounter: 0n,
      },
    ],
  });
  await administration.assignAuthenticator(bench.admin, serial, null, userName);
  const digits = (algorithmDigits(algorithm) || 8) as 8;
  const hostCode = hasHostCode ? ({ scheme: 'mutual', digits } as const) : undefined;
  const profile = { ...profileNamed('keypad-cr-time'), applications: [{ ...program, hostCode }] };
  const token = createToken({ serial, profile, clock: idealClock(0) }, [seed]);
  return { userName, token };
}

function shownBy(made: ReturnType<typeof press>): { response: string; hostCode: string | null } {
  if (!made.ok || made.generated === null) throw new Error('the device showed nothing');
  return made.generated;
}

const caller = () =>
  bench.caller({ oneStepChallengeResponse: 'any-challenge', challengeCheckMode: 0 });

async function answered(
  userName: string,
  response: string,
  challenge: string | null,
  hostCode?: HostCodeWish,
): Promise<AuthenticateAnswer> {
  const request = asking(userName, { response, challenge, hostCode });
  return bench.service.authenticate(await caller(), request);
}

/** The module computes what is compared, and fails at what comes after it: messages that say `emu-host-1`. */
function failAtHostCode(): () => void {
  const { module } = bench;
  const mac = module.mac.bind(module);
  module.mac = async (jobs, options) => {
    const message = Buffer.from(jobs[0]?.messages[0] ?? []);
    if (message.includes(hostCodeScheme)) module.failNext('unavailable', { method: 'mac' });
    return mac(jobs, options);
  };
  return () => {
    module.mac = mac;
  };
}

describe('a host code', () => {
  test.each([
    ['TOTP-SHA1-6-30S', null],
    ['TOTP-SHA256-8-36S', null],
    ['HOTP-SHA1-6', null],
    ['OCRA-1:HOTP-SHA1-6:QN08-T30S', '12345678'],
    ['OCRA-1:HOTP-SHA1-8:C-QN08', '00000001'],
    ['OCRA-1:HOTP-SHA1-8:QA08-T1M', 'ABC1'],
  ])('of %s is the one on the display of the device', async (text, challenge) => {
    const { userName, token } = await holder(text);
    const now = bench.clock.nowMs();
    const made = challenge === null ? press(token, now) : respond(token, now, challenge);
    const { response, hostCode } = shownBy(made);
    const answer = await answered(userName, response, challenge, 'required');
    expect(answer).toMatchObject({ outcome: 'accepted', hostCode });
    expect(hostCode).toHaveLength(response.length);
    expect(hostCode).not.toBe(response);
  });

  test('is left out unless it is asked for', async () => {
    for (const wish of [undefined, 'none'] as const) {
      const { userName, token } = await holder('TOTP-SHA1-6-30S');
      const { response } = shownBy(press(token, bench.clock.nowMs()));
      expect(await answered(userName, response, null, wish)).not.toHaveProperty('hostCode');
    }
  });

  test('is computed for nothing that is refused', async () => {
    const { userName, token } = await holder('TOTP-SHA1-6-30S');
    const { response } = shownBy(press(token, bench.clock.nowMs()));
    expect(await answered(userName, response, null, 'optional')).toHaveProperty('hostCode');
    const computed = async (wish: HostCodeWish): Promise<number> => {
      const before = bench.module.status().macsComputed;
      expect(await answered(userName, response, null, wish)).toEqual({
        outcome: 'refused',
        code: 'response-replayed',
      });
      return bench.module.status().macsComputed - before;
    };
    expect(await computed('required')).toBe(await computed('none'));
  });

  test('that OCRA cannot express is left out, or refuses where it is required', async () => {
    const first = await holder('TOTP-SHA1-6-90S', false);
    const second = await holder('TOTP-SHA1-6-90S', false);
    const shown = (token: typeof first.token): string =>
      shownBy(press(token, bench.clock.nowMs())).response;
    const optional = await answered(first.userName, shown(first.token), null, 'optional');
    expect(optional).toMatchObject({ outcome: 'accepted' });
    expect(optional).not.toHaveProperty('hostCode');
    const required = await answered(second.userName, shown(second.token), null, 'required');
    expect(required).toEqual({ outcome: 'refused', code: 'host-code-none' });
    // It was right, and is used up.
    const again = asking(second.userName, { response: shown(second.token) });
    expect(await codeOf(bench.service, await caller(), again)).toBe('response-replayed');
  });

  test('that the module fails at leaves a right response good, and a wrong one as wrong as ever', async () => {
    const { userName, token } = await holder('HOTP-SHA1-6');
    const { response, hostCode } = shownBy(press(token, bench.clock.nowMs()));
    const { administration } = bench.service;
    const lockCount = async (): Promise<number> =>
      (await administration.user(bench.admin, null, userName)).lockCount;
    const restore = failAtHostCode();
    try {
      const failed = answered(userName, response, null, 'required');
      await expect(failed).rejects.toMatchObject({ code: 'module-unavailable' });
      const wrong = response.startsWith('0') ? '111111' : '000000';
      expect(await answered(userName, wrong, null, 'required')).toMatchObject({
        code: 'response-incorrect',
      });
    } finally {
      restore();
    }
    expect(await lockCount()).toBe(1);
    const answer = await answered(userName, response, null, 'required');
    expect(answer).toMatchObject({ outcome: 'accepted', hostCode });
    expect(await answered(userName, response, null, 'required')).toMatchObject({
      code: 'response-replayed',
    });
  });

  test('lets nobody in, under any name', async () => {
    const { userName, token } = await holder('HOTP-SHA1-6');
    const { response, hostCode } = shownBy(press(token, bench.clock.nowMs()));
    expect(await answered(userName, hostCode ?? '', null)).toMatchObject({
      code: 'response-incorrect',
    });
    expect(await answered(userName, response, null, 'required')).toMatchObject({ hostCode });
    expect(await answered(userName, hostCode ?? '', null)).toMatchObject({ outcome: 'refused' });
  });

  test('comes again under the same request key', async () => {
    const { userName, token } = await holder('TOTP-SHA1-6-30S');
    const { response, hostCode } = shownBy(press(token, bench.clock.nowMs()));
    const key = { requestKey: `host-code-${token.serial}`, hostCode: 'optional' } as const;
    const same = await caller();
    const request = asking(userName, { response, ...key });
    for (let time = 0; time < 2; time += 1) {
      expect(await bench.service.authenticate(same, request)).toMatchObject({ hostCode });
    }
    const other = bench.service.authenticate(same, { ...request, hostCode: 'none' });
    await expect(other).rejects.toMatchObject({ code: 'request-key-reused' });
  });
});

describe('a host code of a signature', () => {
  const fields = ['4711', 'abc'];
  const asked = 'ACCOUNT:N10,NAME:A8';

  async function verified(
    userName: string,
    signature: string,
    hostCode?: HostCodeWish,
    of = fields,
  ): Promise<SignatureAnswer> {
    const request = signing(userName, signature, { fields: of, hostCode });
    return bench.service.verifySignature(await caller(), request);
  }

  test.each([
    ['sign:OCRA-1:HOTP-SHA1-8:QH40-T30S'],
    ['sign:OCRA-1:HOTP-SHA256-6:C-QH40'],
    ['multi:OCRA-1:HOTP-SHA1-8:QH64-T1M'],
  ])('by %s is the one on the display of the device', async (text) => {
    const { userName, token } = await holder(`${text}/${asked}`);
    const { response, hostCode } = shownBy(sign(token, bench.clock.nowMs(), fields));
    const answer = await verified(userName, response, 'required');
    expect(answer).toMatchObject({ outcome: 'signature-accepted', hostCode });
    expect(hostCode).toHaveLength(response.length);
    expect(hostCode).not.toBe(response);
  });

  test('is left out unless it is asked for', async () => {
    for (const wish of [undefined, 'none'] as const) {
      const { userName, token } = await holder(`sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
      const { response } = shownBy(sign(token, bench.clock.nowMs(), fields));
      const answer = await verified(userName, response, wish);
      expect(answer).toMatchObject({ outcome: 'signature-accepted' });
      expect(answer).not.toHaveProperty('hostCode');
    }
  });

  test('is computed for nothing that is refused', async () => {
    const { userName, token } = await holder(`sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
    const { response } = shownBy(sign(token, bench.clock.nowMs(), fields));
    const computed = async (wish: HostCodeWish): Promise<number> => {
      const before = bench.module.status().macsComputed;
      expect(await verified(userName, response, wish, ['4712'])).toMatchObject({
        code: 'response-incorrect',
      });
      return bench.module.status().macsComputed - before;
    };
    expect(await computed('required')).toBe(await computed('none'));
  });

  test('that OCRA cannot express refuses where it is required, and the signature is used up', async () => {
    const text = `sign:OCRA-1:HOTP-SHA512-0:C-QH40/${asked}`;
    const [first, second] = [await holder(text, false), await holder(text, false)];
    const shown = ({ token }: typeof first): string =>
      shownBy(sign(token, bench.clock.nowMs(), fields)).response;
    const optional = await verified(first.userName, shown(first), 'optional');
    expect(optional).toMatchObject({ outcome: 'signature-accepted' });
    const required = await verified(second.userName, shown(second), 'required');
    expect(required).toEqual({ outcome: 'refused', code: 'host-code-none' });
    expect(await verified(second.userName, shown(second))).toMatchObject({
      code: 'response-replayed',
    });
  });

  test('that the module fails at leaves a right signature good', async () => {
    const { userName, token } = await holder(`sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
    const { response, hostCode } = shownBy(sign(token, bench.clock.nowMs(), fields));
    const restore = failAtHostCode();
    try {
      const failed = verified(userName, response, 'required');
      await expect(failed).rejects.toMatchObject({ code: 'module-unavailable' });
    } finally {
      restore();
    }
    expect(await verified(userName, response, 'required')).toMatchObject({ hostCode });
  });

  test('comes again under the same request key, and not for another wish', async () => {
    const { userName, token } = await holder(`sign:OCRA-1:HOTP-SHA1-8:C-QH40/${asked}`);
    const { response, hostCode } = shownBy(sign(token, bench.clock.nowMs(), fields));
    const same = await caller();
    const requestKey = `signed-${token.serial}`;
    const request = signing(userName, response, { fields, requestKey, hostCode: 'optional' });
    for (let time = 0; time < 2; time += 1) {
      expect(await bench.service.verifySignature(same, request)).toMatchObject({ hostCode });
    }
    const other = bench.service.verifySignature(same, { ...request, hostCode: 'none' });
    await expect(other).rejects.toMatchObject({ code: 'request-key-reused' });
  });
});
