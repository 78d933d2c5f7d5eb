import { describe, expect, it } from 'vitest';
import { entryOf } from '../../src/domain/candidate.ts';
import { decoyCandidate, markOf } from '../../src/domain/comparison.ts';
import type { AuthenticatorWithApplications } from '../../src/domain/model.ts';
import {
  decideVerification,
  planDecoy,
  type VerificationInput,
  type VerificationPlan,
} from '../../src/domain/verification.ts';
import { parseOtp } from '../../src/oath/index.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  injectiveMac,
  inputWith,
  issuedWith,
  macsOf,
  marksOf,
  noonMs,
  ocra,
  planOf,
  policyWith,
  realMac,
  responseAt,
  stepAt,
  totp,
  verify,
  noWrongPins,
} from './support.ts';
import { noIssuedChallenges } from '../../src/domain/challenge.ts';
import { accepted } from './attempt.ts';

const challenge = '12345678';

describe('deciding by chunks', () => {
  const application = applicationWith(hotp);
  const devices = [authenticatorWith([application])];
  const policy = policyWith({ eventWindowSteps: 100 });

  it('accepts at the end of the chunk and refuses only at the very end', () => {
    const mac = injectiveMac();
    const input = inputWith(devices, responseAt(application, { counter: 30n }, mac));
    const plan = planOf(input, policy);
    expect(plan.chunkEnds).toEqual([1, 5, 21, 85, 105]);
    const macs = macsOf(plan.candidates, devices, mac);
    const kinds = plan.chunkEnds.map(
      (end) =>
        decideVerification(
          plan,
          marksOf(plan, macs.slice(0, end)),
          noWrongPins,
          devices,
          input,
          noonMs,
          policy,
        ).kind,
    );
    expect(kinds).toEqual(['undecided', 'undecided', 'undecided', 'accepted', 'accepted']);
    const ends = plan.chunkEnds.map((end) => {
      const unmarked = new Uint8Array(Math.min(end, plan.candidates.length));
      return decideVerification(plan, unmarked, noWrongPins, devices, input, noonMs, policy);
    });
    expect(ends.slice(0, -1).every(({ kind }) => kind === 'undecided')).toBe(true);
    expect(codeOf(ends.at(-1)!)).toBe('response-incorrect');
  });

  it('lets the first match in order decide, used or not', () => {
    const used = applicationWith(totp(), { lastStep: stepAt() });
    const constant = (): Uint8Array => new Uint8Array(20);
    const input = inputWith([authenticatorWith([used])], '000000');
    expect(codeOf(verify(input, policyWith(), noonMs, constant))).toBe('response-replayed');
    const fresh = inputWith([authenticatorWith([applicationWith(totp())])], '000000');
    const outcome = accepted(verify(fresh, policyWith(), noonMs, constant));
    expect(outcome.position.timeStep).toBe(stepAt());
  });

  it('counts a MAC that could not be computed for nothing', () => {
    const input = inputWith(devices, responseAt(application, { counter: 0n }));
    const plan = planOf(input, policy);
    const macs = [null, ...macsOf(plan.candidates, devices).slice(1)];
    const decision = decideVerification(
      plan,
      marksOf(plan, macs),
      noWrongPins,
      devices,
      input,
      noonMs,
      policy,
    );
    expect(codeOf(decision)).toBe('response-incorrect');
  });

  it('refuses more marks than candidates as a broken contract', () => {
    const input = inputWith(devices, '123456');
    const plan = planOf(input, policy);
    const marks = new Uint8Array(101);
    expect(() =>
      decideVerification(plan, marks, noWrongPins, devices, input, noonMs, policy),
    ).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('deciding again after a conflict', () => {
  const policy = policyWith();
  const application = applicationWith(ocra('C-QN08'));
  const devices = [authenticatorWith([application])];
  const again = (
    current: readonly AuthenticatorWithApplications[],
    issued: ReturnType<typeof issuedWith> | null = null,
  ): string => {
    const response = responseAt(application, { counter: 0n, challenge });
    const input = inputWith(devices, response, challenge, issuedWith());
    const plan = planOf(input, policy);
    const marks = marksOf(plan, macsOf(plan.candidates, devices));
    const fresh = { ...input, issued: { given: issued, newest: issued } };
    return codeOf(decideVerification(plan, marks, noWrongPins, current, fresh, noonMs, policy));
  };

  it('accepts when nothing that matters has changed', () => {
    expect(again([authenticatorWith([{ ...application, version: 9 }])])).toBe('accepted');
  });

  it('calls it a replay when the position was used meanwhile', () => {
    const used = { ...application, nextEventCounter: 1n };
    expect(again([authenticatorWith([used])])).toBe('response-replayed');
  });

  it.each([
    ['epoch', [authenticatorWith([{ ...application, epoch: 2 }])]],
    ['application', [authenticatorWith([])]],
    ['authenticator', []],
  ])('accepts nothing when the %s has changed', (_, current) => {
    expect(again(current)).toBe('response-incorrect');
  });

  it('accepts nothing without counter and clock when the row of its challenge has gone', () => {
    const bare = applicationWith(ocra('QN08'));
    const device = [authenticatorWith([bare])];
    const input = inputWith(device, responseAt(bare, { challenge }), challenge, issuedWith());
    const plan = planOf(input, policy);
    const marks = marksOf(plan, macsOf(plan.candidates, device));
    const decided = (fresh: VerificationInput): string =>
      codeOf(decideVerification(plan, marks, noWrongPins, device, fresh, noonMs, policy));
    expect(decided(input)).toBe('accepted');
    expect(decided({ ...input, issued: noIssuedChallenges })).toBe('response-incorrect');
  });

  it('refuses when the challenge was used meanwhile', () => {
    expect(again(devices, issuedWith({ consumedAtMs: noonMs }))).toBe('challenge-unknown');
  });
});

describe('what a refusal costs', () => {
  const wide = policyWith({ identificationTimeWindowSteps: 200, eventWindowSteps: 10 });
  const costOf = (plan: VerificationPlan): number | undefined => plan.chunkEnds.at(-1);

  it.each([
    ['clock', totp(), null],
    ['counter', hotp, null],
    ['challenge and clock', ocra('QN08-T30S'), challenge],
    ['challenge and counter', ocra('C-QN08'), challenge],
    ['challenge alone', ocra('QN08'), challenge],
  ])('does not tell what the application has: %s', (_, algorithm, given) => {
    const device = [authenticatorWith([applicationWith(algorithm)])];
    for (const [settings, macs] of [
      [policyWith(), 25],
      [wide, 201],
      [policyWith({ eventWindowSteps: 60_000 }), 4096],
    ] as const) {
      const plan = planOf(inputWith(device, '123456', given, issuedWith()), settings);
      expect(costOf(plan)).toBe(macs);
      expect(planDecoy(settings).chunkEnds).toEqual(plan.chunkEnds);
    }
  });

  it('is what the candidates cost where they are more', () => {
    const device = authenticatorWith([applicationWith(hotp), applicationWith(totp(), { id: 'b' })]);
    const plan = planOf(inputWith([device], '123456'), wide);
    expect([costOf(plan), plan.candidates.length]).toEqual([211, 211]);
  });

  it('is paid with messages that nobody shows', () => {
    expect(decoyCandidate).toMatchObject({ applicationId: 'decoy', message: new Uint8Array(8) });
    expect(planDecoy(wide).candidates).toHaveLength(0);
    expect(planDecoy(wide).responsesOf('decoy')).toEqual([]);
    const input = inputWith([], '123456');
    const decision = decideVerification(
      { ...planDecoy(wide), candidates: [], readings: new Map() },
      new Uint8Array(),
      noWrongPins,
      [],
      input,
      noonMs,
      wide,
    );
    expect(codeOf(decision)).toBe('response-incorrect');
  });
});

describe('marks', () => {
  it('without candidate are a broken contract', () => {
    expect(() => entryOf([], 0)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('have a bit for each response that a MAC shows', () => {
    const mac = realMac(applicationWith(totp()), decoyCandidate.message);
    const shown = decoyCandidate.read(mac);
    const other = parseOtp(shown === '111111' ? '222222' : '111111');
    expect(markOf(decoyCandidate, mac, [shown])).toBe(1);
    expect(markOf(decoyCandidate, mac, [other, shown])).toBe(2);
    expect(markOf(decoyCandidate, mac, [shown, shown])).toBe(3);
    expect(markOf(decoyCandidate, mac, [other, other])).toBe(0);
  });
});
