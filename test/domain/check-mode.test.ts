import { responseAlone } from '../../src/domain/credential.ts';
import { describe, expect, it } from 'vitest';
import { challengeRefusal, type IssuedChallenges } from '../../src/domain/challenge.ts';
import type { AuthenticatorWithApplications } from '../../src/domain/model.ts';
import type { ChallengeCheckMode } from '../../src/domain/policy-catalogue.ts';
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

function outcomeOf(
  device: AuthenticatorWithApplications,
  response: string,
  given: { readonly challenge: string | null } & IssuedChallenges,
  challengeCheckMode: ChallengeCheckMode,
): string {
  const { challenge, ...issued } = given;
  const input = {
    candidatesFrom: [device],
    credential: responseAlone(response),
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
