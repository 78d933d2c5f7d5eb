import { describe, expect, it } from 'vitest';
import type { AuthenticatorWithApplications } from '../../src/domain/model.ts';
import {
  decideVerification,
  planDecoy,
  type VerificationInput,
} from '../../src/domain/verification.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  injectiveMac,
  inputWith,
  issuedWith,
  macsOf,
  noonMs,
  ocra,
  planOf,
  policyWith,
  responseAt,
  stepAt,
  totp,
  verify,
} from './support.ts';
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
    expect(plan.chunkEnds).toEqual([1, 5, 21, 85, 100]);
    const macs = macsOf(plan.candidates, devices, mac);
    const kinds = plan.chunkEnds.map(
      (end) => decideVerification(plan, macs.slice(0, end), devices, input, noonMs, policy).kind,
    );
    expect(kinds).toEqual(['undecided', 'undecided', 'undecided', 'accepted', 'accepted']);
    const wrong = inputWith(devices, '999999');
    const ends = plan.chunkEnds.map((end) =>
      decideVerification(plan, macs.slice(0, end), devices, wrong, noonMs, policy),
    );
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
    const macs = [null, ...macsOf(plan.candidates.slice(1), devices)];
    const decision = decideVerification(plan, macs, devices, input, noonMs, policy);
    expect(codeOf(decision)).toBe('response-incorrect');
  });

  it('finds nothing for a text that is no response', () => {
    const input = inputWith(devices, '123456');
    const plan = planOf(input, policy);
    const macs = macsOf(plan.candidates, devices);
    const malformed = { ...input, response: 'letters' };
    expect(codeOf(decideVerification(plan, macs, devices, malformed, noonMs, policy))).toBe(
      'response-incorrect',
    );
  });

  it('refuses more MACs than candidates as a broken contract', () => {
    const input = inputWith(devices, '123456');
    const plan = planOf(input, policy);
    const macs = Array.from({ length: 101 }, () => null);
    expect(() => decideVerification(plan, macs, devices, input, noonMs, policy)).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
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
    const macs = macsOf(plan.candidates, devices);
    const fresh = { ...input, issuedChallenge: issued };
    return codeOf(decideVerification(plan, macs, current, fresh, noonMs, policy));
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
    const macs = macsOf(plan.candidates, device);
    const decided = (fresh: VerificationInput): string =>
      codeOf(decideVerification(plan, macs, device, fresh, noonMs, policy));
    expect(decided(input)).toBe('accepted');
    expect(decided({ ...input, issuedChallenge: null })).toBe('response-incorrect');
  });

  it('refuses when the challenge was used meanwhile', () => {
    expect(again(devices, issuedWith({ consumedAtMs: noonMs }))).toBe('challenge-unknown');
  });
});

describe('attempts on nobody', () => {
  it('cost as much as a typical one and are never accepted', () => {
    const policy = policyWith();
    const real = planOf(
      inputWith([authenticatorWith([applicationWith(totp())])], '123456'),
      policy,
    );
    const input = inputWith([], '000000');
    const decoy = planDecoy(input, noonMs, policy);
    expect(decoy.candidates.map(({ message }) => message)).toEqual(
      real.candidates.map(({ message }) => message),
    );
    expect(decoy.chunkEnds).toEqual(real.chunkEnds);
    const macs = decoy.candidates.map(() => new Uint8Array(20));
    const decision = decideVerification(decoy, macs, [], input, noonMs, policy);
    expect(codeOf(decision)).toBe('response-incorrect');
  });
});
