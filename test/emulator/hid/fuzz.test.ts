import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  createKeyHost,
  EmulatorError,
  hotpSlotConfig,
  otpChallengeSlotConfig,
  type Slot,
} from '../../../emulator/index.ts';
import { requestReports } from '../../../emulator/hid/frame.ts';
import { keyFromJson, keyToJson } from '../../../emulator/hid/key-json.ts';
import {
  extensionFlags,
  hmacSlotConfig,
  slotConfigBytes,
  slotKind,
} from '../../../emulator/hid/slot-config.ts';
import { proofRuns, proofTimeoutMs, reportProof } from '../../support/proof.ts';
import {
  accessCode,
  bytesOf,
  hexOf,
  keyBytes,
  keyText,
  type Plugged,
  plugged,
  resets,
  sampleChallenge,
  sampleKey,
  vectors,
} from './support.ts';

/** One thing that happens to a key. */
type Event =
  | { readonly kind: 'report'; readonly report: Uint8Array }
  | { readonly kind: 'read' }
  | { readonly kind: 'touch' }
  | { readonly kind: 'wait'; readonly durationMs: number };

const bytes8 = fc.uint8Array({ minLength: 8, maxLength: 8 });
const numbered = fc
  .tuple(fc.uint8Array({ minLength: 7, maxLength: 7 }), fc.nat(10))
  .map(([data, number]) => Uint8Array.of(...data, 0x80 | number));
/** Every command that clients send, there or not. */
const commands = [
  ...[0x01, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x10, 0x11, 0x12, 0x13, 0x15],
  ...[0x20, 0x28, 0x30, 0x38],
];
const options = { needsTouch: true, accessCode };
const neverSaid = bytesOf('f1e2d3c4b5a6');
/** Slots of all kinds, two of them asleep; as updates they say the same. */
const configs = [
  hmacSlotConfig(keyBytes('fuzz'), options),
  otpChallengeSlotConfig(keyBytes('fuzz').slice(0, 16), keyBytes('id').slice(0, 6), options),
  otpChallengeSlotConfig(keyBytes('fuzz').slice(0, 16), keyBytes('id').slice(0, 6), {
    needsTouch: false,
  }),
  hotpSlotConfig(keyBytes('fuzz'), { digits: 6, eventCounter: 16n }),
].flatMap((config) => [config, { ...config, extensionFlags: extensionFlags.dormant }]);
const payloads = fc.oneof(
  fc.uint8Array({ minLength: 0, maxLength: 64 }),
  // Behind a configuration is the access code that the slot has.
  fc
    .tuple(fc.constantFrom(...configs), fc.constantFrom(new Uint8Array(6), accessCode))
    .map(([config, code]) => Uint8Array.of(...slotConfigBytes(config), ...code)),
  fc.constantFrom(new Uint8Array(), accessCode),
);
const frames = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...commands) }, fc.nat(255)), payloads)
  .map(([command, payload]) => requestReports(command, payload));
/** A whole request, or one with reports left out, doubled, swapped or changed in one bit. */
const mutated = fc
  .tuple(frames, fc.constantFrom('whole', 'less', 'twice', 'swapped', 'bit'), fc.nat(), fc.nat(63))
  .map(([reports, how, at, bit]) => {
    const index = at % reports.length;
    const present = reports[index] ?? new Uint8Array(8);
    const changed = present.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    switch (how) {
      case 'whole':
        return reports;
      case 'less':
        return reports.toSpliced(index, 1);
      case 'twice':
        return reports.toSpliced(index, 0, present);
      case 'swapped':
        return reports.toReversed();
      case 'bit':
        return reports.with(index, changed);
    }
  });
const reportsOf = (reports: readonly Uint8Array[]): Event[] =>
  reports.map((report) => ({ kind: 'report', report }));
const events = fc.oneof(
  { weight: 4, arbitrary: frames.map(reportsOf) },
  mutated.map(reportsOf),
  fc.oneof(bytes8, numbered, fc.uint8Array({ maxLength: 16 })).map((report) => reportsOf([report])),
  fc.constantFrom<Event>({ kind: 'read' }, { kind: 'touch' }).map((event) => [event]),
  fc.nat(20_000).map((durationMs): Event[] => [{ kind: 'wait', durationMs }]),
);

async function happen({ device, clock }: Plugged, event: Event): Promise<void> {
  switch (event.kind) {
    case 'report':
      return device.sendFeatureReport(event.report);
    case 'read':
      expect(await device.getFeatureReport()).toHaveLength(8);
      return;
    case 'touch':
      device.touch();
      return;
    case 'wait':
      return clock.sleepMs(event.durationMs);
  }
}

/** The sequence stays or goes on by one; it begins anew where both slots are empty. */
function requireNext(before: number, after: number): void {
  if (after === before || after === 0) return;
  expect(after).toBe(before === 0xff ? 1 : before + 1);
}

/** After a reset a key is at nothing, and does what it is asked. */
async function requireSound({ device, host }: Plugged, reset: Uint8Array): Promise<void> {
  await device.sendFeatureReport(reset);
  expect((await device.getFeatureReport())[7]).toBe(0);
  expect(await host.serialNumber()).toBe(4711);
  const { programmingSequence, slots } = device.key;
  expect(programmingSequence === 0).toBe(slots[1] === null && slots[2] === null);
  const text = keyText(device.key);
  expect(keyToJson(keyFromJson(text))).toBe(text);
}

/** More than 100,000 whole frames in the long form. */
it(
  'a key survives whatever its host sends, and is sound again after a reset',
  { timeout: proofTimeoutMs },
  async () => {
    let reports = 0;
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...resets),
        async (groups, reset) => {
          const key = plugged();
          const locked = { needsTouch: false, accessCode: neverSaid };
          await key.host.writeSlot(1, hmacSlotConfig(sampleKey, locked));
          for (const event of groups.flat()) {
            const before = key.device.key.programmingSequence;
            await happen(key, event);
            requireNext(before, key.device.key.programmingSequence);
            if (event.kind === 'report') reports += 1;
            if (key.device.key.slots[2] !== null)
              kinds.add(slotKind(key.device.key.slots[2].config));
          }
          await requireSound(key, reset);
          // Its access code is not said, and its chance to be hit is none; swapping needs it as well.
          const mac = await key.host.challengeHmac(1, sampleChallenge);
          expect(hexOf(mac)).toBe(vectors.hmacSha1);
        },
      ),
      proofRuns(700),
    );
    reportProof('hid', { reports });
    expect(reports).toBeGreaterThan(10_000);
    expect([...kinds].sort()).toEqual(['hmac', 'hotp', 'otp-challenge']);
  },
);

it(
  'a host survives whatever a key gives: it answers, refuses or fails, and never waits for ever',
  { timeout: proofTimeoutMs },
  async () => {
    let reports = 0;
    const outcomes = new Set<string>();
    const odd = fc.oneof(
      bytes8,
      fc.nat(255).map((eighth) => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, eighth)),
      fc.constantFrom(0, 0, 0x2f, 0xa9).map((eighth) => Uint8Array.of(0, 5, 4, 3, 1, 1, 0, eighth)),
      fc.nat(12).map((number) => Uint8Array.of(0, 5, 4, 3, 1, 1, 0, 0x40 | number)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(odd, { minLength: 1, maxLength: 60 }),
        fc.constantFrom<Slot>(1, 2),
        async (given, slot) => {
          const key = plugged();
          let next = 0;
          const device = {
            ...key.device,
            getFeatureReport: () => {
              reports += 1;
              return Promise.resolve(given[next++ % given.length] ?? new Uint8Array(8));
            },
            sendFeatureReport: () => Promise.resolve(),
            touch: () => undefined,
          };
          const host = createKeyHost(device, key.clock);
          const outcome = await host.challengeHmac(slot, sampleChallenge).then(
            () => 'answered',
            (error: unknown) => (error instanceof EmulatorError ? error.code : 'broken'),
          );
          outcomes.add(outcome);
          expect(key.clock.monotonicMs()).toBeLessThan(100_000);
        },
      ),
      proofRuns(300),
    );
    reportProof('hid host', { reports });
    expect([...outcomes].sort()).toEqual(['hid-failed', 'refused', 'untouched']);
  },
);
