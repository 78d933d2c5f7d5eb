import { proofRuns } from '../../support/proof.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeviceEffect,
  type DeviceInput,
  type DeviceState,
  stepDevice,
  tokenFromJson,
  tokenToJson,
  unlockCode,
  type VirtualToken,
} from '../../../emulator/index.ts';
import {
  initialPin,
  ownPin,
  pinOf,
  pinToken,
  rightCode,
  testPorts,
  wrongCode,
  wrongPin,
} from './pin-support.ts';
import { rfcSeed } from '../support.ts';

const minuteMs = 60_000;

/** What a person does; what it takes is found out when its turn comes. */
type Act =
  DeviceInput | { readonly kind: 'code'; readonly isRight: boolean } | { kind: 'first-pin' };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Act>({ kind: 'press' }) },
  { weight: 4, arbitrary: fc.constant<Act>({ kind: 'first-pin' }) },
  {
    weight: 12,
    arbitrary: fc
      .constantFrom(initialPin, ownPin, ownPin, wrongPin, wrongPin, pinOf('1234'), pinOf('12'))
      .map((devicePin): Act => ({ kind: 'pin', devicePin })),
  },
  {
    weight: 3,
    arbitrary: fc.boolean().map((isRight): Act => ({ kind: 'code', isRight })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('TIME', 'CR')
      .map((applicationName): Act => ({ kind: 'select', applicationName })),
  },
  fc.constantFrom<Act>(
    { kind: 'confirm' },
    { kind: 'change-pin' },
    { kind: 'type', text: '1' },
    { kind: 'clear' },
    { kind: 'wait' },
  ),
);
const afterMs = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(0, 1000, 39_999) },
  fc.constantFrom(40_000, 30 * minuteMs),
);
const script = fc.array(fc.record({ act, afterMs }), { minLength: 10, maxLength: 60, size: 'max' });
const kinds = fc.record({
  failuresMax: fc.constantFrom(2, 3),
  onLock: fc.constantFrom('unlock' as const, 'unlock' as const, 'brick' as const),
  firstPin: fc.constantFrom('00000', null),
});

interface Moment {
  readonly input: DeviceInput;
  readonly before: DeviceState;
  readonly after: DeviceState;
  readonly effects: readonly DeviceEffect[];
}

type Script = readonly { readonly act: Act; readonly afterMs: number }[];
type Kind = { failuresMax: number; onLock: 'unlock' | 'brick'; firstPin: string | null };

function run(kind: Kind, acts: Script, isReloaded: (index: number) => boolean) {
  const ports = testPorts();
  const { firstPin, ...policy } = kind;
  let token = pinToken({ policy, initialPin: firstPin, ports });
  let atMs = 1_000_000;
  const moments: Moment[] = [];
  const transcript: unknown[] = [];
  for (const [index, { act: next, afterMs }] of acts.entries()) {
    atMs += afterMs;
    for (const input of inputsOf(token, next)) {
      const before = token.state;
      const step = stepDevice(token, before, input, atMs, ports);
      token = { ...token, state: step.state };
      moments.push({ input, before, after: step.state, effects: step.effects });
      transcript.push(step.display, step.effects);
      if (isReloaded(index)) token = tokenFromJson(tokenToJson({ token, revision: 1 })).token;
    }
  }
  return { token, moments, transcript };
}

function inputsOf(token: VirtualToken, next: Act): DeviceInput[] {
  const { screen, pin } = token.state;
  if (next.kind === 'first-pin') {
    const on: DeviceInput[] = screen.kind === 'off' ? [{ kind: 'press' }] : [];
    const old: DeviceInput[] =
      pin?.mustChange === true ? [{ kind: 'pin', devicePin: initialPin }] : [];
    const set: DeviceInput = { kind: 'pin', devicePin: ownPin };
    return [...on, ...old, set, set];
  }
  if (next.kind !== 'code') return [next];
  const isAsked = pin?.lock?.kind === 'unlock';
  const code = isAsked ? (next.isRight ? rightCode(token) : wrongCode(token)) : '12345678';
  const typed: DeviceInput[] = [
    { kind: 'clear' },
    { kind: 'type', text: code },
    { kind: 'confirm' },
  ];
  return isAsked && screen.kind === 'off' ? [{ kind: 'press' }, ...typed] : typed;
}

describe('properties of PIN and lock', () => {
  it('failures never exceed the maximum, only a right PIN or code ends them, power cycles do not', () => {
    fc.assert(
      fc.property(kinds, script, (kind, acts) => {
        for (const { input, before, after, effects } of run(kind, acts, () => false).moments) {
          const [was, is] = [before.pin!, after.pin!];
          expect(is.failures).toBeLessThanOrEqual(kind.failuresMax);
          expect(is.lock !== null).toBe(is.failures === kind.failuresMax);
          if (input.kind !== 'pin' && input.kind !== 'confirm') {
            expect([is.failures, is.verifier]).toEqual([was.failures, was.verifier]);
          }
          if (is.failures > was.failures) {
            expect(is.failures).toBe(was.failures + 1);
            expect(effects).toMatchObject([{ kind: 'failed', refusal: { code: 'pin-wrong' } }]);
          }
        }
      }),
      proofRuns(300),
    );
  });

  it('only the right code unlocks, and nothing unlocks what is locked for good', () => {
    let unlockedCount = 0;
    fc.assert(
      fc.property(kinds, script, (kind, acts) => {
        for (const { input, before, after, effects } of run(kind, acts, () => false).moments) {
          const [was, is] = [before.pin!, after.pin!];
          if (was.lock === null || is.lock !== null) continue;
          unlockedCount += 1;
          const typed = before.screen.kind === 'locked' ? before.screen.typed : '';
          expect(input.kind).toBe('confirm');
          expect(was.lock.kind).toBe('unlock');
          const challenge = was.lock.kind === 'unlock' ? was.lock.challenge : '';
          expect(typed).toBe(unlockCode(rfcSeed, challenge));
          expect(effects).toEqual([{ kind: 'unlocked' }]);
          expect(is.verifier).toBeNull();
        }
      }),
      proofRuns(300),
    );
    expect(unlockedCount).toBeGreaterThan(10);
  });

  it('no response without a right PIN since the device was switched on', () => {
    let madeCount = 0;
    fc.assert(
      fc.property(kinds, script, (kind, acts) => {
        let isOpen = false;
        for (const { input, before, after, effects } of run(kind, acts, () => false).moments) {
          const hasEntered =
            input.kind === 'pin' && ['menu', 'response'].includes(after.screen.kind);
          isOpen ||= hasEntered;
          if (effects.some((effect) => effect.kind === 'generated')) {
            madeCount += 1;
            expect(isOpen).toBe(true);
            expect(before.pin!.lock).toBeNull();
          }
          if (after.screen.kind === 'off') isOpen = false;
        }
      }),
      proofRuns(300),
    );
    expect(madeCount).toBeGreaterThan(10);
  });

  it('a run that is saved and loaded at any point is the same run', () => {
    fc.assert(
      fc.property(kinds, script, fc.nat({ max: 60 }), (kind, acts, cut) => {
        const joined = run(kind, acts, () => false);
        const split = run(kind, acts, (index) => index === cut || index % 5 === 0);
        expect(split.transcript).toEqual(joined.transcript);
        expect(tokenToJson({ token: split.token, revision: 1 })).toBe(
          tokenToJson({ token: joined.token, revision: 1 }),
        );
      }),
      proofRuns(200),
    );
  });

  it('no file ever holds a PIN', () => {
    fc.assert(
      fc.property(kinds, script, (kind, acts) => {
        const { token } = run(kind, acts, () => false);
        const text = tokenToJson({ token, revision: 1 });
        for (const pin of ['281946', '739155', '"00000"']) expect(text).not.toContain(pin);
      }),
      proofRuns(100),
    );
  });
});
