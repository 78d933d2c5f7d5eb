import { describe, expect, it } from 'vitest';
import { challengeRefusal, type IssuedChallenges } from '../../src/domain/challenge.ts';
import { type PresentedCredential, responseAlone } from '../../src/domain/credential.ts';
import type { AuthenticatorWithApplications, IssuedChallenge } from '../../src/domain/model.ts';
import type { ChallengeCheckMode } from '../../src/domain/policy-catalogue.ts';
import { type Asked, askedOf } from '../../src/domain/verification.ts';
import { pinOf } from './pins.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  issuedWith,
  noonMs,
  ocra,
  policyWith,
  responseAt,
  stepAt,
  totp,
  verify,
} from './support.ts';

const older = issuedWith({ id: 'older', text: '11111111' });
const newest = issuedWith({ id: 'newest', text: '22222222' });
const pad = applicationWith(ocra('QN08'), { id: 'pad' });
const button = applicationWith(hotp, { id: 'button' });

const combined = (text: string): PresentedCredential => ({ format: 'combined', text });

function outcomeOf(
  device: AuthenticatorWithApplications,
  response: string,
  given: { readonly challenge: string | null } & IssuedChallenges,
  challengeCheckMode: ChallengeCheckMode,
  as: (response: string) => PresentedCredential = responseAlone,
): string {
  const { challenge, ...issued } = given;
  const input = {
    candidatesFrom: [device],
    credential: as(response),
    challenge,
    issued,
  };
  const oneStepChallengeResponse = 'server-challenge';
  return codeOf(verify(input, policyWith({ challengeCheckMode, oneStepChallengeResponse })));
}

describe('a challenge in check mode 1', () => {
  const policy = policyWith({ challengeCheckMode: 1 });
  const refusalOf = (challenge: string, issued: IssuedChallenges): string | null =>
    challengeRefusal(challenge, issued, 'user-1', noonMs, policy);

  it('need not be the newest when it is general: it has no place in anybody’s order', () => {
    const given = issuedWith({ id: 'general', userId: null });
    expect(refusalOf(given.text, { given, newest: issuedWith() })).toBeNull();
    expect(refusalOf(given.text, { given, newest: null })).toBeNull();
  });

  it.each([
    ['the newest', newest, newest, null],
    ['an older one', older, newest, 'challenge-superseded'],
    ['one while none is open any more', older, null, 'challenge-superseded'],
    ['one that nobody issued', null, newest, 'challenge-unknown'],
  ])('%s', (_, given, latest, code) => {
    expect(refusalOf(given?.text ?? '33333333', { given, newest: latest })).toBe(code);
  });

  it('is refused for what it is before its order counts', () => {
    const late = issuedWith({ ...older, expiresAtMs: noonMs });
    expect(refusalOf(late.text, { given: late, newest })).toBe('challenge-expired');
  });
});

describe('a response in check mode 2', () => {
  const device = authenticatorWith([pad, button]);
  const toNewest = responseAt(pad, { challenge: newest.text });

  it.each([
    ['the newest', newest.text],
    ['another', '99999999'],
    ['none', null],
  ])('is compared with the newest challenge, whatever was given: %s', (_, challenge) => {
    expect(outcomeOf(device, toNewest, { challenge, given: null, newest }, 2)).toBe('accepted');
  });

  it('answers no older one', () => {
    const response = responseAt(pad, { challenge: older.text });
    const given = { challenge: older.text, given: older, newest };
    expect(outcomeOf(device, response, given, 2)).toBe('response-incorrect');
  });

  it('may be a button’s where no challenge was given, and only then', () => {
    const pressed = responseAt(button, { counter: 0n });
    const open = { given: null, newest };
    expect(outcomeOf(device, pressed, { challenge: null, ...open }, 2)).toBe('accepted');
    expect(outcomeOf(device, pressed, { challenge: '1', ...open }, 2)).toBe('response-incorrect');
    const alone = authenticatorWith([button]);
    expect(outcomeOf(alone, pressed, { challenge: null, ...open }, 2)).toBe('accepted');
  });

  it('needs an open challenge where one was given', () => {
    const nothing = { given: null, newest: null };
    const given = { challenge: newest.text, ...nothing };
    expect(outcomeOf(device, toNewest, given, 2)).toBe('challenge-unknown');
    const pressed = responseAt(button, { counter: 0n });
    expect(outcomeOf(device, pressed, { challenge: null, ...nothing }, 2)).toBe('accepted');
  });

  it('says what is missing where no application can take the open challenge', () => {
    const clock = authenticatorWith([applicationWith(ocra('QN04'), { id: 'short' })]);
    const given = { challenge: null, given: null, newest };
    expect(outcomeOf(clock, '123456', given, 2)).toBe('challenge-malformed');
  });
});

describe('the PINs that a challenge proved, in check mode 2', () => {
  const own = applicationWith(ocra('C-QN08'), { pin: pinOf('application-1', '1234') });
  const device = authenticatorWith([own]);
  const proven = { applicationId: own.id, pinVersion: own.pin.version };
  const response = responseAt(own, { counter: 0n, challenge: newest.text });
  const byPin = { kind: '2-step', method: 'keyword-pin', provenPins: [proven] } as const;
  const old = issuedWith({ ...older, ...byPin });
  const two = issuedWith({ ...newest, ...byPin });
  const outcome = (
    given: IssuedChallenge | null,
    latest: IssuedChallenge | null,
    text = response,
  ) =>
    outcomeOf(device, text, { challenge: given?.text ?? null, given, newest: latest }, 2, combined);

  it.each([
    ['used', { ...old, consumedAtMs: 1 }],
    ['expired', { ...old, expiresAtMs: noonMs - 1 }],
    ['open', old],
    ['another user’s', { ...old, userId: 'user-2' }],
  ])('count for nothing where it is an older one that was named: %s', (_, given) => {
    expect(outcome(given, newest)).toBe('response-incorrect');
    expect(outcome(given, newest, `1234${response}`)).toBe('accepted');
    expect(outcome(given, newest, `1235${response}`)).toBe('pin-incorrect');
  });

  it.each<[string, IssuedChallenge | null]>([
    ['nothing', null],
    ['the newest itself', two],
    ['an older one that proved none', older],
    ['an older one that was used', { ...old, consumedAtMs: 1 }],
    ['another user’s', { ...old, userId: 'user-2', provenPins: [] }],
  ])('count where it is the newest, whatever was named: %s', (_, given) => {
    expect(outcome(given, two)).toBe('accepted');
    expect(outcome(given, two, `1235${response}`)).toBe('pin-incorrect');
  });

  it('count for nothing where none is open any more', () => {
    const toOld = responseAt(own, { counter: 0n, challenge: old.text });
    expect(outcome(old, null, toOld)).toBe('response-incorrect');
  });

  it('are those of the one that is named in the other modes', () => {
    const toOld = responseAt(own, { counter: 0n, challenge: old.text });
    for (const mode of [3, 4] as const) {
      const given = { challenge: old.text, given: old, newest };
      expect(outcomeOf(device, toOld, given, mode, combined)).toBe('accepted');
      const plain = { challenge: older.text, given: older, newest: two };
      expect(outcomeOf(device, toOld, plain, mode, combined)).toBe('response-incorrect');
    }
  });
});

describe('the challenge that is answered', () => {
  it.each<[ChallengeCheckMode, IssuedChallenge | null, IssuedChallenge | null, Asked]>([
    [1, older, newest, { challenge: older.text, issued: older }],
    [2, older, newest, { challenge: newest.text, issued: newest }],
    [2, null, newest, { challenge: newest.text, issued: newest }],
    [2, older, null, { challenge: older.text, issued: null }],
    [2, null, null, { challenge: null, issued: null }],
    [3, older, newest, { challenge: older.text, issued: older }],
    [4, older, newest, { challenge: older.text, issued: older }],
    [4, null, newest, { challenge: null, issued: null }],
  ])(
    'in check mode %s, of the one named and the newest',
    (challengeCheckMode, given, latest, asked) => {
      const input = { challenge: given?.text ?? null, issued: { given, newest: latest } };
      expect(askedOf(input, policyWith({ challengeCheckMode }))).toEqual(asked);
    },
  );
});

describe('a time step in check mode 3', () => {
  const used = applicationWith(ocra('QN08-T30S'), {
    driftAtMs: noonMs,
    lastStep: stepAt(),
    floorMs: noonMs + 30_000,
  });

  it('serves once, whatever the challenge', () => {
    const policyOf = (challengeCheckMode: ChallengeCheckMode) => policyWith({ challengeCheckMode });
    const at = (seconds: number, mode: ChallengeCheckMode, floorMs: number): string => {
      const device = authenticatorWith([{ ...used, floorMs }]);
      const challenge = '44444444';
      const response = responseAt(used, { step: stepAt(seconds), challenge });
      const issued = { given: null, newest: null };
      const input = {
        candidatesFrom: [device],
        credential: responseAlone(response),
        challenge,
        issued,
      };
      return codeOf(verify(input, policyOf(mode)));
    };
    expect(at(0, 3, noonMs + 30_000)).toBe('response-replayed');
    expect(at(0, 3, noonMs)).toBe('response-replayed');
    expect(at(30, 3, noonMs + 30_000)).toBe('accepted');
    expect(at(0, 4, noonMs)).toBe('accepted');
  });

  it('is closed by an acceptance as a button’s is', () => {
    const fresh = applicationWith(ocra('QN08-T30S'));
    const challenge = '44444444';
    const input = {
      candidatesFrom: [authenticatorWith([fresh])],
      credential: responseAlone(responseAt(fresh, { step: stepAt(), challenge })),
      challenge,
      issued: { given: null, newest: null },
    };
    expect(verify(input, policyWith({ challengeCheckMode: 3 }))).toMatchObject({
      advance: {
        guard: { lastStepBelow: stepAt(), orSpentChallenges: null },
        set: { floorMs: noonMs + 30_000, spentChallenges: [] },
      },
    });
    const button = applicationWith(totp());
    const pressed = { ...input, candidatesFrom: [authenticatorWith([button])], challenge: null };
    const credential = responseAlone(responseAt(button, { step: stepAt() }));
    expect(verify({ ...pressed, credential }, policyWith())).toMatchObject({
      advance: { set: { floorMs: noonMs + 30_000, spentChallenges: [] } },
    });
  });
});
