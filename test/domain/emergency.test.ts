import { describe, expect, it, test } from 'vitest';
import type { PresentedCredential } from '../../src/domain/credential.ts';
import { dayMs } from '../../src/domain/durations.ts';
import {
  codeAlphabet,
  codeOf,
  type EmergencyCode,
  emergencyComparedMax,
  emergencyMessage,
  groupedCode,
  isRenewalDue,
  normalisedCode,
} from '../../src/domain/emergency.ts';
import {
  decideEmergency,
  emergencyCandidates,
  tokenReturned,
} from '../../src/domain/emergency-verification.ts';
import type { AuthenticatorWithApplications } from '../../src/domain/model.ts';
import { unusedPin } from '../../src/domain/server-pin.ts';
import { applicationWith, authenticatorWith, hotp, noonMs, policyWith } from './support.ts';

const online = policyWith({ emergencyOnlineAllowed: true, emergencyOnlineCodes: true });
const withPin = {
  ...unusedPin,
  isEnabled: true,
  verifier: { length: 4, salt: 'a5'.repeat(16), mac: 'ff' },
};

function ownerWith(pin = unusedPin): AuthenticatorWithApplications {
  return authenticatorWith([applicationWith(hotp, { pin })]);
}

function codeWith(
  { authenticator }: AuthenticatorWithApplications,
  more: Partial<EmergencyCode> = {},
): EmergencyCode {
  return {
    id: 'code-1',
    userId: authenticator.userId ?? '',
    authenticatorId: authenticator.id,
    assignmentVersion: authenticator.assignmentVersion,
    kind: 'fixed',
    macs: ['aa'],
    sealed: null,
    isRevealable: false,
    isPinRequired: false,
    isOnlineAllowed: true,
    notAfterMs: noonMs + 7 * dayMs,
    usesMax: null,
    useCount: 0,
    missCount: 0,
    state: 'live',
    createdBy: 'test',
    createdAtMs: noonMs,
    reveal: null,
    revealedAtMs: null,
    version: 1,
    ...more,
  };
}

const combined = (text: string): PresentedCredential => ({ format: 'combined', text });
const separate = (pin: string | null, response: string): PresentedCredential => ({
  format: 'separate',
  staticPassword: null,
  pin,
  response,
  newPin: null,
});

function read(
  code: EmergencyCode,
  owner: AuthenticatorWithApplications,
  credential: PresentedCredential,
): readonly (readonly [string | null, string])[] {
  return emergencyCandidates([code], [owner], credential, noonMs, online).map(
    ({ pin, text }) => [pin, text] as const,
  );
}

describe('an emergency code as people type it', () => {
  test.each([
    ['abcd-efgh-jkmn-pqrs', 'ABCDEFGHJKMNPQRS'],
    [' 7qoi l0xz ', '7Q0110XZ'],
    ['1234 5678', '12345678'],
    ['\t12\u00a034-56', '123456'],
    ['ABUD', 'ABUD'],
  ])('%j is %s', (typed, normalised) => {
    expect(normalisedCode(typed)).toBe(normalised);
  });

  it('is read out in groups of four', () => {
    expect(groupedCode('ABCDEFGHJKMN')).toBe('ABCD-EFGH-JKMN');
  });

  it('has characters that nobody takes for others', () => {
    expect(codeAlphabet).toMatch(/^[0-9A-Z]{32}$/);
    expect(codeAlphabet).not.toMatch(/[ILOU]/);
    expect(codeOf(Uint8Array.from({ length: 256 }, (_, byte) => byte))).toBe(
      codeAlphabet.repeat(8),
    );
  });
});

test('what is MACed of a code is no other code of anybody', () => {
  const text = (id: string, userId: string, serial: string, code: string): string =>
    Buffer.from(emergencyMessage({ id, userId }, serial, code)).toString();
  const all = [
    text('a', 'u', 'S', 'C'),
    text('b', 'u', 'S', 'C'),
    text('a', 'v', 'S', 'C'),
    text('a', 'u', 'T', 'C'),
    text('a', 'u', 'S', 'D'),
    text('a', 'u', 'S C', 'D'),
  ];
  expect(new Set(all).size).toBe(all.length);
});

describe('what was shown reads as a code', () => {
  const pinless = ownerWith();
  const pinned = ownerWith(withPin);

  test.each([
    ['alone', combined('abcd-2345')],
    ['in its member', separate(null, 'abcd 2345')],
  ])('without a PIN where there is none: %s', (_how, credential) => {
    expect(read(codeWith(pinless), pinless, credential)).toEqual([[null, 'ABCD2345']]);
  });

  test.each([
    ['in front', combined('4711abcd-2345')],
    ['in its member', separate('4711', 'ABCD2345')],
  ])('with the PIN %s', (_how, credential) => {
    expect(read(codeWith(pinned), pinned, credential)).toEqual([['4711', 'ABCD2345']]);
  });

  test.each([
    ['a PIN that is not asked for', pinless, separate('4711', 'ABCD2345')],
    ['a PIN that is missing', pinned, separate(null, 'ABCD2345')],
    ['a PIN that is missing in front', pinned, combined('ABCD2345')],
    ['a character too many', pinless, combined('ABCD23456')],
    ['a character that is in no code', pinless, combined('ABCU2345')],
    ['nothing', pinless, combined('')],
    ['no response', pinless, { ...separate(null, ''), response: null } as PresentedCredential],
  ] as const)('not with %s', (_what, owner, credential) => {
    expect(read(codeWith(owner), owner, credential)).toEqual([]);
  });

  it('nor with a new PIN', () => {
    const newPin = { pin: '1', confirmation: '1' };
    const credential = { ...separate(null, 'ABCD2345'), newPin } as PresentedCredential;
    expect(read(codeWith(pinless), pinless, credential)).toEqual([]);
  });

  test.each([
    ['for unlocking alone', { pin: withPin, mode: 'unlock' }],
    ['not set', { pin: { ...withPin, verifier: null } }],
    ['not asked for', { pin: unusedPin }],
  ] as const)('not behind a PIN that is %s', (_what, more) => {
    const other = applicationWith(hotp, { id: 'application-2', ...more });
    const owner = authenticatorWith([other, ...pinned.applications]);
    const found = emergencyCandidates(
      [codeWith(owner)],
      [owner],
      combined('4711ABCD2345'),
      noonMs,
      online,
    );
    expect(found.map(({ application }) => application?.id)).toEqual(['application-1']);
  });

  it('a passcode stands in for the PIN too', () => {
    const code = codeWith(pinned, { kind: 'passcode' });
    const text = 'ABCDEFGHJKMN2345';
    expect(read(code, pinned, combined(text))).toEqual([[null, text]]);
    expect(read(code, pinned, combined(`4711${text}`))).toEqual([]);
  });

  it('a tokencode is short where a PIN makes up for it, and never good without', () => {
    const short = { kind: 'tokencode', isPinRequired: true } as const;
    expect(read(codeWith(pinned, short), pinned, combined('471112345678'))).toEqual([
      ['4711', '12345678'],
    ]);
    expect(read(codeWith(pinless, short), pinless, combined('12345678'))).toEqual([]);
    const long = { kind: 'tokencode' } as const;
    const text = 'ABCDEFGHJKMN2345';
    expect(read(codeWith(pinless, long), pinless, combined(text))).toEqual([[null, text]]);
    expect(read(codeWith(pinned, long), pinned, combined(text))).toEqual([]);
    expect(read(codeWith(pinned, long), pinned, combined(`4711${text}`))).toEqual([['4711', text]]);
  });

  test.each([
    ['it has ended', { state: 'reset' }],
    ['its time is over', { notAfterMs: noonMs }],
    ['it is for workstations', { kind: 'passcode', isOnlineAllowed: false }],
    ['it was for an assignment before', { assignmentVersion: 99 }],
    ['it was for somebody else', { userId: 'other' }],
    ['it stands in for another device', { authenticatorId: 'other' }],
  ] as const)('not when %s', (_why, more) => {
    const text = 'kind' in more ? 'ABCDEFGHJKMN2345' : 'ABCD2345';
    expect(read(codeWith(pinless, more), pinless, combined(text))).toEqual([]);
  });

  it('not where the policy has no such codes', () => {
    const shown = (kind: EmergencyCode['kind'], text: string, policy: typeof online): number =>
      emergencyCandidates([codeWith(pinless, { kind })], [pinless], combined(text), noonMs, policy)
        .length;
    const codesOnly = policyWith({ emergencyOnlineCodes: true });
    const allowedOnly = policyWith({ emergencyOnlineAllowed: true });
    expect(shown('fixed', 'ABCD2345', codesOnly)).toBe(1);
    expect(shown('fixed', 'ABCD2345', allowedOnly)).toBe(0);
    expect(shown('passcode', 'ABCDEFGHJKMN2345', codesOnly)).toBe(0);
    expect(shown('passcode', 'ABCDEFGHJKMN2345', allowedOnly)).toBe(1);
  });

  it('the newest few are looked at', () => {
    const codes = Array.from({ length: 9 }, (_, n) => codeWith(pinless, { id: String(n) }));
    const found = emergencyCandidates(codes, [pinless], combined('ABCD2345'), noonMs, online);
    expect(found.map(({ code }) => code.id)).toEqual(
      codes.slice(0, emergencyComparedMax).map(({ id }) => id),
    );
  });
});

describe('a set of one-time codes', () => {
  const owner = ownerWith();
  const code = codeWith(owner, { kind: 'one-time', macs: ['aa', 'bb', 'cc'] });
  const shown = emergencyCandidates([code], [owner], combined('ABCD2345'), noonMs, online);

  it('loses the one that is shown', () => {
    expect(decideEmergency(shown, ['bb'], new Set())).toMatchObject({
      kind: 'accepted',
      use: { codeId: code.id, macsBefore: ['aa', 'bb', 'cc'], macsAfter: ['aa', 'cc'] },
    });
    expect(decideEmergency(shown, ['dd'], new Set())).toEqual({
      kind: 'refused',
      code: 'response-incorrect',
    });
  });
});

test('a code whose MAC is missing is not right', () => {
  const owner = ownerWith();
  const shown = emergencyCandidates(
    [codeWith(owner)],
    [owner],
    combined('ABCD2345'),
    noonMs,
    online,
  );
  expect(shown).toHaveLength(1);
  expect(decideEmergency(shown, [], new Set())).toEqual({
    kind: 'refused',
    code: 'response-incorrect',
  });
});

test('a code with a wrong PIN is not used', () => {
  const owner = ownerWith(withPin);
  const shown = emergencyCandidates(
    [codeWith(owner)],
    [owner],
    combined('4711ABCD2345'),
    noonMs,
    online,
  );
  const wrong = new Set([owner.applications[0]!.id]);
  expect(decideEmergency(shown, ['aa'], wrong)).toEqual({ kind: 'refused', code: 'pin-incorrect' });
  expect(decideEmergency(shown, ['aa'], new Set())).toMatchObject({ kind: 'accepted' });
});

describe('a device that is shown again', () => {
  const owner = ownerWith();
  const admitted = { kind: 'admitted', endedIds: [] };
  const denied = { kind: 'denied' };
  const ending = { kind: 'admitted', endedIds: ['code-1'] };
  const over = { notAfterMs: noonMs };

  test.each([
    ['allow-and-kill-code', {}, ending],
    ['allow-and-kill-code', over, admitted],
    ['allow-and-kill-code', { isOnlineAllowed: false }, admitted],
    ['allow-after-expiry', {}, denied],
    ['allow-after-expiry', over, admitted],
    ['allow-after-expiry', { state: 'used-up' }, admitted],
    ['deny-token', {}, denied],
    ['deny-token', over, denied],
    ['deny-token', { state: 'used-up' }, denied],
    ['deny-token', { state: 'revoked' }, admitted],
    ['deny-token', { state: 'reset' }, admitted],
    ['deny-token', { authenticatorId: 'other' }, admitted],
  ] as const)('%s, a code with %j', (tokenReturnPolicy, more, expected) => {
    const policy = { ...online, tokenReturnPolicy };
    expect(tokenReturned([codeWith(owner, more)], owner, noonMs, policy)).toEqual(expected);
  });
});

describe('another code is due', () => {
  const pinless = ownerWith();
  const pinned = ownerWith(withPin);
  const tokencode = { kind: 'tokencode', createdAtMs: noonMs - 6 * dayMs } as const;

  test.each([
    ['fresh', {}, false],
    ['heard', { revealedAtMs: noonMs }, true],
    ['used', { useCount: 1 }, true],
    ['with less than a day', { notAfterMs: noonMs + dayMs - 1 }, true],
    ['with a day', { notAfterMs: noonMs + dayMs }, false],
    ['reset', { state: 'reset' }, true],
    ['of another assignment', { assignmentVersion: 99 }, true],
    ['made for a PIN that is gone', { isPinRequired: true }, true],
  ] as const)('after one that is %s: %j', (_what, more, expected) => {
    const code = codeWith(pinless, { ...tokencode, ...more });
    expect(isRenewalDue(code, pinless, noonMs)).toBe(expected);
  });

  it('half its time before its end, if it lasts two days or less', () => {
    const short = { createdAtMs: noonMs, notAfterMs: noonMs + dayMs };
    const lasting = codeWith(pinless, { ...tokencode, ...short });
    expect(isRenewalDue(lasting, pinless, noonMs + dayMs / 2)).toBe(false);
    expect(isRenewalDue(lasting, pinless, noonMs + dayMs / 2 + 1)).toBe(true);
  });

  it('where there is a PIN now', () => {
    expect(isRenewalDue(codeWith(pinned, tokencode), pinned, noonMs)).toBe(true);
    const passcode = codeWith(pinned, { kind: 'passcode' });
    expect(isRenewalDue(passcode, pinned, noonMs)).toBe(false);
  });
});
