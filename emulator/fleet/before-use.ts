import { labelledRandomness, type Randomness } from '../physics/random.ts';
import type { DeviceInHand } from './device-in-hand.ts';

/** What an owner has met on the way to a response. */
export interface Met {
  /** Null where nothing is to be told. */
  readonly event: 'battery-low' | 'battery-dead' | 'wrong-pin' | 'device-locked' | null;
  readonly reason: string;
  /** Whether he goes on to the response, after so long. */
  readonly goesOn: boolean;
  readonly waitMs: number;
}

/** What he has seen so far, as plain data. */
export interface SignsMemory {
  /** Wrong PINs in the present logon. */
  readonly pinTries: number;
  readonly isLow: boolean;
  readonly isDead: boolean;
}

const noSigns: SignsMemory = { pinTries: 0, isLow: false, isDead: false };
/** Draws for the wrong PINs of one logon: as many as any device allows, and room. */
const drawsPerLogon = 16;

/**
 * What a device shows its owner before it makes a response, or keeps him from one with: the sign of its
 * battery, its end, and PINs that he mistypes.
 */
export class BeforeUse {
  readonly #device: DeviceInHand;
  readonly #pinErrors: number;
  readonly #draws: Randomness | null;
  #signs = noSigns;

  constructor(seed: string, device: DeviceInHand, pinErrors: number) {
    this.#device = device;
    this.#pinErrors = pinErrors;
    const isEver = device.hasPin && pinErrors > 0;
    this.#draws = isEver ? labelledRandomness(seed, device.serial, 'PIN errors') : null;
  }

  get memory(): SignsMemory {
    return this.#signs;
  }

  recall(memory: SignsMemory): void {
    this.#signs = memory;
  }

  /**
   * @param logon tells logons apart; null for a use that is no logon, in which nobody errs
   * @returns null where he comes to the response now
   */
  look(atMs: number, logon: number | null): Met | null {
    const battery = this.#device.batteryState(atMs);
    if (battery === 'dead') {
      const event = this.#signs.isDead ? null : 'battery-dead';
      this.#signs = { ...this.#signs, isDead: true };
      return { event, reason: '', goesOn: false, waitMs: 0 };
    }
    if (battery === 'low' && !this.#signs.isLow) {
      this.#signs = { ...this.#signs, isLow: true };
      return { event: 'battery-low', reason: '', goesOn: true, waitMs: 0 };
    }
    if (this.#device.lockRefusal(atMs) !== null) {
      return { event: null, reason: '', goesOn: false, waitMs: 0 };
    }
    return logon === null ? null : this.#mistype(atMs, logon);
  }

  /** Another logon, or another attempt at it. */
  begin(): void {
    this.#signs = { ...this.#signs, pinTries: 0 };
  }

  /** There is a new battery. */
  forget(): void {
    this.#signs = noSigns;
  }

  #mistype(atMs: number, logon: number): Met | null {
    const { pinTries } = this.#signs;
    const draws = this.#draws?.at(logon * drawsPerLogon + pinTries);
    if (draws === undefined || draws.uniform() >= this.#pinErrors) return null;
    const refusal = this.#device.mistypePin(atMs, draws);
    const lock = this.#device.lockRefusal(atMs);
    this.#signs = { ...this.#signs, pinTries: pinTries + 1 };
    return {
      event: lock === null ? 'wrong-pin' : 'device-locked',
      reason: reasonOf(lock ?? refusal),
      goesOn: lock === null,
      waitMs: Math.floor(draws.between(3000, 10_000)),
    };
  }
}

/** Why a device did not do something, as rows say it; empty where it did. */
export function reasonOf(refusal: { readonly code: string } | null): string {
  return refusal === null ? '' : `device: ${refusal.code}`;
}
