import { randomBytes } from 'node:crypto';
import type { HidClock } from './host.ts';
import type { HidDevice } from './hid-device.ts';
import type { OtpKey } from './key.ts';
import { currentReport, powered, receiveReport, touch } from './reports.ts';

/** An emulated key that is plugged in, with a finger near it. */
export interface EmulatedKey extends HidDevice {
  /** What it remembers now. */
  readonly key: OtpKey;
  /** Touches it once: a key that does not wait for it takes no notice. */
  touch(): void;
}

const seedBytes = 8;

/**
 * Plugs an emulated key in, as a driver would show it.
 *
 * @param seed what the key draws while it has power comes from this: equal seeds, equal answers
 */
export function openEmulatedKey(
  key: OtpKey,
  { monotonicMs }: Pick<HidClock, 'monotonicMs'>,
  seed: string = randomBytes(seedBytes).toString('hex'),
): EmulatedKey {
  let device = powered(key, seed, monotonicMs());
  return {
    get key() {
      return device.key;
    },
    getFeatureReport: () => {
      const read = currentReport(device, monotonicMs());
      ({ device } = read);
      return Promise.resolve(read.report);
    },
    sendFeatureReport: (report) => {
      device = receiveReport(device, report, monotonicMs());
      return Promise.resolve();
    },
    touch: () => {
      device = touch(device, monotonicMs());
    },
    close: () => Promise.resolve(),
  };
}

/** A clock on which waiting takes no time: what is near an emulated key has no reason to wait. */
export function instantClock(): HidClock {
  let nowMs = 0;
  return {
    monotonicMs: () => nowMs,
    sleepMs: (durationMs) => {
      nowMs += durationMs;
      return Promise.resolve();
    },
  };
}
