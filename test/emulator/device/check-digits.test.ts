import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createToken,
  idealClock,
  parseApplicationText,
  press,
  type Profile,
  respond,
  tokenFromJson,
  tokenToJson,
} from '../../../emulator/index.ts';
import { appendLuhn, hasLuhn } from '../../../src/oath/index.ts';
import {
  done,
  errorOf,
  freshFolder,
  profileOf,
  refusalOf,
  rfcSeed,
  tokenWith,
  vtoken,
} from '../support.ts';

type Flags = { challengeCheckDigit?: boolean; responseCheckDigit?: boolean };

function profileWith(text: string, flags: Flags): Profile {
  const program = { ...parseApplicationText(`APP=${text}`), ...flags };
  return { ...profileOf('keypad-multi'), applications: [program] };
}

const counting = 'OCRA-1:HOTP-SHA1-6:C-QN08';
const checked = tokenWith(profileWith(counting, { challengeCheckDigit: true }));

describe('a challenge with check digit', () => {
  it('is answered as typed, the digit included', () => {
    const plain = tokenWith(profileWith(counting, {}));
    const challenge = appendLuhn('1234567');
    expect(challenge).toBe('12345674');
    expect(done(respond(checked, 0, challenge)).response).toBe(
      done(respond(plain, 0, challenge)).response,
    );
  });

  it('never computes anything when the digit is wrong', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{1,8}$/), (challenge) => {
        const answered = respond(checked, 0, challenge);
        const isRight = hasLuhn(challenge);
        expect(refusalOf(answered)).toBe(isRight ? 'accepted' : 'challenge-check-digit');
        expect(answered.token.state.eventCounters).toEqual([isRight ? 1n : 0n]);
      }),
      { numRuns: 500 },
    );
  });

  it('notices every wrong digit', () => {
    for (let index = 0; index < 8; index += 1) {
      for (let digit = 0; digit < 10; digit += 1) {
        const challenge = `${'12345674'.slice(0, index)}${digit}${'12345674'.slice(index + 1)}`;
        const expected = challenge === '12345674' ? 'accepted' : 'challenge-check-digit';
        expect(refusalOf(respond(checked, 0, challenge))).toBe(expected);
      }
    }
  });

  it('is refused before anything else is asked', () => {
    const suite = 'OCRA-1:HOTP-SHA1-6:QN08-PSHA1-S008';
    const token = tokenWith(profileWith(suite, { challengeCheckDigit: true }));
    const unpaired = {
      ...token,
      applications: token.applications.map((application) => ({ ...application, seed: null })),
    };
    expect(refusalOf(respond(unpaired, 0, '12345675'))).toBe('challenge-check-digit');
    expect(refusalOf(respond(unpaired, 0, '12345674'))).toBe('not-paired');
    expect(refusalOf(respond(token, 0, '12345674'))).toBe('pin-missing');
  });
});

describe('a response with check digit', () => {
  it('has its Luhn digit appended', () => {
    const token = tokenWith(profileWith('HOTP-SHA1-6', { responseCheckDigit: true }));
    const pressed = done(press(token, 0));
    expect(pressed.response).toBe(appendLuhn('755224'));
    const read = tokenFromJson(tokenToJson({ token: pressed.token, revision: 1 })).token;
    expect(read.state.screen).toEqual(pressed.token.state.screen);
    expect(done(press(read, 0)).response).toBe(appendLuhn('287082'));
  });

  it('still is a response at nine digits', () => {
    const token = tokenWith(profileWith('HOTP-SHA1-9', { responseCheckDigit: true }));
    expect(done(press(token, 0)).response).toMatch(/^\d{10}$/);
  });
});

describe('check digits', () => {
  it.each<[string, string, Flags]>([
    ['a challenge of hex digits', 'OCRA-1:HOTP-SHA1-6:QH08', { challengeCheckDigit: true }],
    ['a challenge of letters', 'OCRA-1:HOTP-SHA1-6:QA08', { challengeCheckDigit: true }],
    ['no challenge', 'TOTP-SHA1-6-30S', { challengeCheckDigit: true }],
    ['a response of ten digits', 'HOTP-SHA1-10', { responseCheckDigit: true }],
    ['a whole MAC', 'OCRA-1:HOTP-SHA1-0:QN08', { responseCheckDigit: true }],
  ])('are refused for %s', async (_name, text, flags) => {
    const profile = profileWith(text, flags);
    const make = (): unknown =>
      createToken({ serial: 'VT00000001', profile, clock: idealClock(0) }, [rfcSeed]);
    expect((await errorOf(make)).code).toBe('input-invalid');
  });

  it('are options of vtoken new', async () => {
    const folder = freshFolder();
    const run = (...argv: string[]) => vtoken(folder, argv);
    const make = ['new', 'CHECK1', '--profile', 'keypad-cr-time', '--challenge-check-digit', 'CR'];
    expect((await run(...make, '--response-check-digit', 'CR')).status).toBe(0);
    const refused = await run('respond', 'CHECK1', '--challenge', '12345678');
    expect(refused).toEqual({
      status: 1,
      out: '',
      err: 'vtoken: the last digit of the challenge does not fit: enter it once more\n',
    });
    const { out } = await run('respond', 'CHECK1', '--challenge', '12345674');
    expect(out).toMatch(/^\d{7}\n$/);
    expect(hasLuhn(out.trim())).toBe(true);
    expect((await run('show', 'CHECK1')).out).toContain(
      'challenge with check digit, response with check digit',
    );
  });
});
