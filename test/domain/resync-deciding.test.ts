import { describe, expect, it } from 'vitest';
import type { Application, AuthenticatorWithApplications } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import {
  decideSynchronisation,
  planSynchronisation,
  planSynchronisationDecoy,
  type SynchronisationInput,
} from '../../src/domain/resync.ts';
import {
  applicationWith,
  authenticatorWith,
  codeOf,
  hotp,
  injectiveMac,
  issuedWith,
  listOf,
  macsOf,
  marksOf,
  noonMs,
  ocra,
  partWith,
  policyWith,
  responseAt,
  stepAt,
  type SyncOutcome,
  synchronise,
  totp,
  noWrongPins,
} from './support.ts';

const step = stepAt();

describe('refusals before any search', () => {
  const time = applicationWith(totp());
  const neither = applicationWith(ocra('QN08'), { id: 'neither' });
  const timed = applicationWith(ocra('QN08-T30S'), { id: 'timed' });
  const first = partWith('111111', '1111');
  const second = partWith('222222', '2222');
  const bare = { first: partWith('111111'), second: partWith('222222'), pin: null };
  const challenged = { first, second };
  const issued = {
    first: partWith('111111', '1111', issuedWith({ text: '1111' })),
    second: partWith('222222', '2222', issuedWith({ id: 'challenge-2', text: '2222' })),
    pin: null,
  };
  const server: Partial<EffectivePolicy> = { oneStepChallengeResponse: 'server-challenge' };
  type Parts = Pick<SynchronisationInput, 'first' | 'second'>;

  it.each<[string, readonly Application[], Parts, Partial<EffectivePolicy>, string]>([
    ['first is no response', [time], { ...bare, first: partWith('x') }, {}, 'response-malformed'],
    [
      'second is none',
      [time],
      { ...bare, second: partWith(''), pin: null },
      {},
      'response-malformed',
    ],
    ['no clock, no counter', [neither], challenged, {}, 'sync-nothing'],
    ['no clock, no counter, no challenge', [neither], bare, {}, 'sync-nothing'],
    ['only the other kind moves', [neither, time], challenged, {}, 'challenge-not-permitted'],
    ['one challenge missing', [timed], { ...bare, first }, {}, 'challenge-required'],
    ['the other one missing', [timed], { ...bare, second }, {}, 'challenge-required'],
    ['both missing', [timed], bare, {}, 'challenge-required'],
    [
      'a challenge that no suite takes',
      [timed],
      { first, second: partWith('222222', 'x'), pin: null },
      {},
      'challenge-malformed',
    ],
    [
      'challenges not permitted',
      [timed],
      challenged,
      { oneStepChallengeResponse: 'no' },
      'challenge-not-permitted',
    ],
    ['not ours', [timed], challenged, server, 'challenge-unknown'],
    ['second not ours', [timed], { ...issued, second }, server, 'challenge-unknown'],
    [
      'one of ours for both',
      [timed],
      { first: issued.first, second: { ...issued.first, response: '222222' } },
      {},
      'challenge-unknown',
    ],
    ['both ours: searched', [timed], issued, server, 'sync-incorrect'],
  ])('%s', (_, applications, parts, settings, code) => {
    const input = { authenticator: authenticatorWith(applications), pin: null, ...parts };
    expect(codeOf(synchronise(input, policyWith(settings)))).toBe(code);
  });
});

describe('deciding', () => {
  const application = applicationWith(totp());
  const policy = policyWith();

  function decided(
    current: AuthenticatorWithApplications,
    searched: readonly Application[] = [application],
  ): SyncOutcome {
    const mac = injectiveMac();
    const part = (at: bigint): SynchronisationInput['first'] =>
      partWith(responseAt(application, { step: at }, mac));
    const authenticator = authenticatorWith(searched);
    const input = { authenticator, first: part(step + 5n), second: part(step + 6n), pin: null };
    const planning = planSynchronisation(input, noonMs, policy);
    if (planning.kind !== 'plan') throw new Error('refused');
    const { plan } = planning;
    const marks = marksOf(plan, macsOf(plan.candidates, [authenticator], mac));
    return decideSynchronisation(plan, marks, noWrongPins, current, input, noonMs, policy);
  }

  it('refuses a pair that fits twice, and says where it was found first', () => {
    const constant = (_: Application, message: Uint8Array): Uint8Array => {
      // Two responses that alternate, so that every neighbour is a pair.
      const mac = new Uint8Array(20);
      mac[3] = (message.at(-1) ?? 0) % 2;
      return mac;
    };
    const authenticator = authenticatorWith([application]);
    const input = {
      authenticator,
      first: partWith('000000'),
      second: partWith('000001'),
      pin: null,
    };
    const outcome = synchronise(input, policy, noonMs, constant);
    expect(outcome).toMatchObject({
      kind: 'refused',
      refused: { code: 'sync-ambiguous', counts: true },
    });
    expect(outcome.kind === 'refused' && 'nearest' in outcome).toBe(true);
  });

  it('refuses a response given twice even where neighbours are alike', () => {
    const constant = (): Uint8Array => new Uint8Array(20);
    const authenticator = authenticatorWith([application]);
    const input = {
      authenticator,
      first: partWith('000000'),
      second: partWith('000000'),
      pin: null,
    };
    expect(codeOf(synchronise(input, policy, noonMs, constant))).toBe('sync-incorrect');
  });

  it('works on the state as it is now', () => {
    const used = authenticatorWith([{ ...application, lastStep: step + 5n }]);
    expect(codeOf(decided(used))).toBe('sync-replayed');
    const reset = authenticatorWith([{ ...application, epoch: 2 }]);
    expect(codeOf(decided(reset))).toBe('sync-incorrect');
    expect(codeOf(decided(authenticatorWith([])))).toBe('sync-incorrect');
  });

  it('goes on to the next application, and takes the first with a pair', () => {
    const silent = applicationWith(totp(60), { id: 'silent' });
    const current = authenticatorWith([silent, application]);
    expect(decided(current, [silent, application])).toMatchObject({
      applicationId: 'application-1',
    });
  });

  it('lets every application with a clock follow, and none without', () => {
    const others = [
      applicationWith(totp(60), { id: 'minute', epoch: 7, isDisabled: true }),
      applicationWith(hotp, { id: 'event' }),
      applicationWith(ocra('C-QN08-T1M'), { id: 'both', driftSeconds: 3 }),
    ];
    const outcome = decided(authenticatorWith([application, ...others]));
    if (outcome.kind !== 'synchronised') throw new Error(codeOf(outcome));
    const drift = { driftSeconds: 6 * 30 + 15, driftAtMs: noonMs };
    expect(outcome.followers).toEqual([
      { applicationId: 'minute', epoch: 7, ...drift },
      { applicationId: 'both', epoch: 1, ...drift },
    ]);
  });

  it('leaves the clocks alone when only counters were shown', () => {
    const event = applicationWith(hotp);
    const authenticator = authenticatorWith([event, applicationWith(totp(), { id: 'time' })]);
    const [first, second] = [3n, 4n].map((counter) => partWith(responseAt(event, { counter })));
    const input = { authenticator, first: first!, second: second!, pin: null };
    expect(synchronise(input, policy)).toMatchObject({ kind: 'synchronised', followers: [] });
  });

  it('counts MACs that could not be computed for nothing, and wants a mark for each', () => {
    const input = {
      authenticator: authenticatorWith([application]),
      first: partWith(responseAt(application, { step })),
      second: partWith(responseAt(application, { step: step + 1n })),
      pin: null,
    };
    const planning = planSynchronisation(input, noonMs, policy);
    if (planning.kind !== 'plan') throw new Error('refused');
    const { plan } = planning;
    const decide = (macs: readonly (Uint8Array | null)[]): SyncOutcome =>
      decideSynchronisation(
        plan,
        marksOf(plan, macs),
        noWrongPins,
        input.authenticator,
        input,
        noonMs,
        policy,
      );
    expect(codeOf(decide(listOf(plan.candidates).map(() => null)))).toBe('sync-incorrect');
    expect(() => decide([])).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('refuses when a challenge was used meanwhile', () => {
    const timed = applicationWith(ocra('QN08-T30S'));
    const authenticator = authenticatorWith([timed]);
    const part = (text: string, at: bigint, id: string): SynchronisationInput['first'] =>
      partWith(responseAt(timed, { step: at, challenge: text }), text, issuedWith({ id, text }));
    const input = {
      authenticator,
      first: part('1', step, 'a'),
      second: part('2', step, 'b'),
      pin: null,
    };
    expect(codeOf(synchronise(input, policy))).toBe('synchronised');
    const planning = planSynchronisation(input, noonMs, policy);
    if (planning.kind !== 'plan') throw new Error('refused');
    const marks = marksOf(planning.plan, macsOf(planning.plan.candidates, [authenticator]));
    const second = { ...input.second, issuedChallenge: issuedWith({ consumedAtMs: 1 }) };
    const fresh = { ...input, second };
    expect(
      codeOf(
        decideSynchronisation(
          planning.plan,
          marks,
          noWrongPins,
          authenticator,
          fresh,
          noonMs,
          policy,
        ),
      ),
    ).toBe('challenge-unknown');
  });

  it.each<[string, ReturnType<typeof totp>, readonly [string | null, string | null], number]>([
    ['clock', totp(), [null, null], 1006],
    ['counter', hotp, [null, null], 1006],
    ['counter, one challenge', ocra('C-QN08'), ['1', '1'], 1006],
    ['clock, two challenges', ocra('QN08-T30S'), ['1', '2'], 2012],
    ['counter, two challenges', ocra('C-QN08'), ['1', '2'], 2012],
    ['counter, two that are one to the device', ocra('C-QN08'), ['2', '32'], 2012],
  ])('costs what the request costs with nobody: %s', (_, algorithm, [one, two], macs) => {
    const device = applicationWith(algorithm, { nextEventCounter: 10n });
    const input = {
      authenticator: authenticatorWith([device]),
      first: partWith('111111', one),
      second: partWith('222222', two),
      pin: null,
    };
    const planning = planSynchronisation(input, noonMs, policy);
    if (planning.kind !== 'plan') throw new Error('refused');
    expect(planning.plan.candidates.length).toBeLessThanOrEqual(macs);
    expect(planning.plan.chunkEnds).toEqual([macs]);
    const decoy = planSynchronisationDecoy(input, policy);
    expect([decoy.candidates.length, decoy.chunkEnds]).toEqual([0, [macs]]);
    const wide = policyWith({ syncEventWindowSteps: 60_000 });
    expect(planSynchronisationDecoy(input, wide).chunkEnds).toEqual([16_384]);
  });

  it('ends where the counters do', () => {
    const last = applicationWith(hotp, { nextEventCounter: 2n ** 53n - 4n });
    const authenticator = authenticatorWith([last]);
    const input = {
      authenticator,
      first: partWith('111111'),
      second: partWith('222222'),
      pin: null,
    };
    const planning = planSynchronisation(input, noonMs, policy);
    if (planning.kind !== 'plan') throw new Error('refused');
    const counters = listOf(planning.plan.candidates).map((one) => one.position.eventCounter);
    expect([counters[0], counters.at(-1)]).toEqual([2n ** 53n - 9n, 2n ** 53n - 2n]);
    expect(planning.plan.candidates.at(5)?.distance).toBe(0);
  });

  it('has candidates only where the plan ends', () => {
    const input = {
      authenticator: authenticatorWith([application, applicationWith(totp(60), { id: 'minute' })]),
      first: partWith('111111'),
      second: partWith('222222'),
      pin: null,
    };
    const planning = planSynchronisation(input, noonMs, policy);
    if (planning.kind !== 'plan') throw new Error('refused');
    const { candidates } = planning.plan;
    expect(candidates.at(722)).toMatchObject({ applicationId: 'minute' });
    expect([candidates.length, candidates.at(candidates.length), candidates.at(-1)]).toEqual([
      722 + 362,
      undefined,
      undefined,
    ]);
  });
});
