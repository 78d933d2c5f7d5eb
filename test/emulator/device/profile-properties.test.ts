import { proofRuns } from '../../support/proof.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createToken,
  type DeviceEffect,
  type DeviceInput,
  idealClock,
  type Profile,
  profileNamed,
  profileNames,
  stepDevice,
  tokenFromJson,
  tokenToJson,
  unlockCode,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { hasLuhn } from '../../../src/oath/index.ts';
import { initialPin, ownPin, pinOf, testPorts, wrongPin } from './pin-support.ts';
import { rfcSeed } from '../support.ts';

/**
 * Every profile, and of those with a device PIN one that locks soon. Challenges are checked, so that
 * a mistyped one can be told.
 */
const kinds: readonly Profile[] = profileNames.map(profileNamed).map((profile) => {
  const { hull } = profile;
  return {
    ...profile,
    hull:
      hull.keys === 'keypad' && hull.pin ? { ...hull, pin: { ...hull.pin, failuresMax: 2 } } : hull,
    applications: profile.applications.map((application) => {
      const { mode, algorithm } = application;
      const isDecimal =
        algorithm.kind === 'challenge-response' &&
        algorithm.suite.dataInput.question?.format === 'N';
      return { ...application, challengeCheckDigit: mode !== 'unlock' && isDecimal };
    }),
  };
});

type Act =
  | DeviceInput
  | { readonly kind: 'code'; readonly isRight: boolean }
  | { readonly kind: 'own-pin'; readonly isWrong?: true }
  | { readonly kind: 'choose'; readonly index: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Act>({ kind: 'press' }) },
  { weight: 8, arbitrary: fc.constant<Act>({ kind: 'own-pin' }) },
  { weight: 6, arbitrary: fc.constant<Act>({ kind: 'own-pin', isWrong: true }) },
  fc.constant<Act>({ kind: 'press', heldMs: 7000 }),
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(initialPin, ownPin, wrongPin, pinOf('73915'), pinOf('7391'))
      .map((devicePin): Act => ({ kind: 'pin', devicePin })),
  },
  { weight: 8, arbitrary: fc.boolean().map((isRight): Act => ({ kind: 'code', isRight })) },
  {
    weight: 4,
    arbitrary: fc.nat({ max: 3 }).map((index): Act => ({ kind: 'choose', index })),
  },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom('1', '12345674', '12345675', 'aF', '0000', '')
      .map((text): Act => ({ kind: 'type', text })),
  },
  { weight: 8, arbitrary: fc.constant<Act>({ kind: 'confirm' }) },
  { weight: 4, arbitrary: fc.constant<Act>({ kind: 'host-code' }) },
  fc.constantFrom<Act>(
    { kind: 'change-pin' },
    { kind: 'clear' },
    { kind: 'sign' },
    { kind: 'wait' },
  ),
);
const afterMs = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(0, 1000, 19_999) },
  fc.constantFrom(20_000, 30 * 60_000),
);
const script = fc.array(fc.record({ act, afterMs }), { minLength: 10, maxLength: 60, size: 'max' });

interface Moment {
  readonly input: DeviceInput;
  readonly before: VirtualToken;
  readonly after: VirtualToken;
  readonly effects: readonly DeviceEffect[];
}
type Script = readonly { readonly act: Act; readonly afterMs: number }[];

function play(profile: Profile, acts: Script, isReloaded: (index: number) => boolean) {
  const ports = testPorts();
  const seeds = profile.applications.map(() => new Uint8Array(rfcSeed));
  const spec = { serial: 'VT00000001', profile, clock: idealClock(0) };
  let token = createToken(spec, seeds, ports);
  let atMs = 1_000_000_000;
  const moments: Moment[] = [];
  const displays: unknown[] = [];
  for (const input of firstInputs(token)) {
    token = { ...token, state: stepDevice(token, token.state, input, atMs, ports).state };
  }
  for (const [index, { act: next, afterMs }] of acts.entries()) {
    atMs += afterMs;
    for (const input of inputsOf(token, next)) {
      const { state, display, effects } = stepDevice(token, token.state, input, atMs, ports);
      const after = { ...token, state };
      moments.push({ input, before: token, after, effects });
      displays.push(display, effects);
      token = after;
    }
    if (isReloaded(index)) token = tokenFromJson(tokenToJson({ token, revision: 1 })).token;
  }
  return { token, moments, displays };
}

/** What sets a PIN where there is one to be set, and switches off. */
function firstInputs(token: VirtualToken): readonly DeviceInput[] {
  if (token.state.pin === null) return [];
  const given = token.initialPin === null ? [] : [{ kind: 'pin', devicePin: initialPin } as const];
  const own = inputsOf(token, { kind: 'own-pin' });
  return [{ kind: 'press' }, ...given, ...own, ...own, { kind: 'press' }];
}

/** A code is for the challenge that the token shows, or it is a key without function. */
function inputsOf({ state, hull, applications }: VirtualToken, act: Act): readonly DeviceInput[] {
  if (act.kind === 'own-pin') {
    const digits = hull.keys === 'keypad' && hull.pin ? Math.min(hull.pin.digitsMax, 6) : 6;
    return [
      {
        kind: 'pin',
        devicePin: pinOf((act.isWrong === true ? '739155' : '281946').slice(0, digits)),
      },
    ];
  }
  if (act.kind === 'choose') {
    const { name: applicationName } = applications[act.index % applications.length]!;
    return [{ kind: 'select', applicationName }];
  }
  if (act.kind !== 'code') return [act];
  const { lock } = state.pin ?? { lock: null };
  const right = lock?.kind === 'unlock' ? unlockCode(rfcSeed, lock.challenge) : '12345678';
  const text = act.isRight ? right : String((Number(right) + 1) % 1e8).padStart(8, '0');
  return [{ kind: 'clear' }, { kind: 'type', text }, { kind: 'confirm' }];
}

const runs = proofRuns(40);

describe.each(kinds.map((profile) => [profile.name, profile] as const))('%s', (_name, profile) => {
  it('counts wrong PINs to its limit, and through every power cycle', () => {
    fc.assert(
      fc.property(script, (acts) => {
        const { moments } = play(profile, acts, (index) => index % 7 === 0);
        for (const { input, before, after, effects } of moments) {
          const [was, is] = [before.state.pin, after.state.pin];
          if (was === null || is === null) continue;
          expect(is.failures).toBeLessThanOrEqual(2);
          expect(is.lock !== null).toBe(is.failures === 2);
          if (is.failures < was.failures) {
            const isMended =
              effects.some(({ kind }) => kind === 'unlocked') || input.kind === 'pin';
            expect(isMended).toBe(true);
          }
          if (input.kind !== 'pin') expect(is.failures).toBeLessThanOrEqual(was.failures);
        }
      }),
      runs,
    );
  });

  it('is unlocked by the right code alone', () => {
    fc.assert(
      fc.property(script, (acts) => {
        for (const { before, effects } of play(profile, acts, () => false).moments) {
          if (!effects.some(({ kind }) => kind === 'unlocked')) continue;
          const { screen, pin } = before.state;
          if (screen.kind !== 'locked' || pin?.lock?.kind !== 'unlock') throw new Error('no lock');
          expect(screen.typed).toBe(unlockCode(rfcSeed, pin.lock.challenge));
        }
      }),
      runs,
    );
  });

  it('computes nothing for a challenge with a wrong check digit, or while it is locked', () => {
    fc.assert(
      fc.property(script, (acts) => {
        for (const { before, effects } of play(profile, acts, () => false).moments) {
          const made = effects.find(({ kind }) => kind === 'generated');
          if (made === undefined) continue;
          expect(before.state.pin?.lock ?? null).toBeNull();
          const { screen } = before.state;
          if (screen.kind !== 'challenge') continue;
          if (!profile.applications[screen.application]!.challengeCheckDigit) continue;
          expect(hasLuhn(screen.typed)).toBe(true);
        }
      }),
      runs,
    );
  });

  it('counts a response a press, and none without', () => {
    fc.assert(
      fc.property(script, (acts) => {
        for (const { before, after, effects } of play(profile, acts, () => false).moments) {
          const sum = (token: VirtualToken): bigint =>
            token.state.eventCounters.reduce((all, one) => all + one, 0n);
          const counted = effects.filter(
            (effect) => effect.kind === 'generated' && effect.generated.eventCounter !== null,
          );
          expect(sum(after) - sum(before)).toBe(BigInt(counted.length));
        }
      }),
      runs,
    );
  });

  it('is the same when it is saved and loaded at any point', () => {
    fc.assert(
      fc.property(script, fc.nat({ max: 60 }), (acts, cut) => {
        const joined = play(profile, acts, () => false);
        const split = play(profile, acts, (index) => index === cut || index % 5 === 0);
        expect(split.displays).toEqual(joined.displays);
        expect(tokenToJson({ token: split.token, revision: 1 })).toBe(
          tokenToJson({ token: joined.token, revision: 1 }),
        );
      }),
      runs,
    );
  });
});

describe('the scripts', () => {
  it('reach every kind of screen', () => {
    const reached = new Set<string>();
    for (const profile of kinds) {
      for (const acts of fc.sample(script, { numRuns: 100, seed: 1 })) {
        for (const { after } of play(profile, acts, () => false).moments) {
          reached.add(after.state.screen.kind);
        }
      }
    }
    for (const kind of ['locked', 'menu', 'challenge', 'field', 'response', 'host-code', 'info']) {
      expect(reached).toContain(kind);
    }
  });
});
