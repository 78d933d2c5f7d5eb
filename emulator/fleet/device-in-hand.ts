import { keysOn, lockRefusal, type Operation, play, press, respond } from '../device/operate.ts';
import { setPin, unlock } from '../device/operate-pin.ts';
import type { PinState } from '../device/pin.ts';
import type { DevicePorts } from '../device/ports.ts';
import { powerOf } from '../device/power.ts';
import type { Refusal } from '../device/refusal.ts';
import { switchedOff, unlockApplication } from '../device/screens.ts';
import type { Secret } from '../device/secret.ts';
import type { VirtualToken } from '../device/token.ts';
import { unlockCode } from '../device/unlock.ts';
import { emptyAtMs, rolledBack, usualBattery } from '../physics/battery.ts';
import { createDeviceClock } from '../physics/clock.ts';
import { drawDigits, fleetPorts, secretPin } from './device-pin.ts';
import { losesPower } from './draw.ts';
import type { Position } from './oracle/index.ts';
import type { Draws } from '../physics/random.ts';
import type { ScenarioEvent } from './scenario.ts';

/** An application as its owner uses it. */
export interface UsedApplication {
  readonly name: string;
  /** Digits of a challenge; 0 where nobody is asked. */
  readonly challengeDigits: number;
}

/** A response, and where the device stood when it showed it. */
export interface Shown {
  readonly application: string;
  readonly response: string;
  readonly question: string | null;
  readonly truth: Position;
}

/** Of a device what changes in its life; the rest was drawn. */
export interface DeviceMemory {
  readonly counters: readonly string[];
  readonly pin: Pick<PinState, 'failures' | 'lock'> | null;
  readonly battery: BatteryMemory | null;
}

interface BatteryMemory {
  readonly fittedAtMs: number;
  readonly outAtMs: number | null;
  readonly presses: number;
  readonly swaps: number;
  /** When its clock stood still because a battery had died. */
  readonly stood: readonly (readonly [fromMs: number, toMs: number])[];
}

type BatterySwapEvent = Extract<ScenarioEvent, { do: 'battery-swap' }>;

/** A device with its owner, who knows the PIN and lets the display go off after every use. */
export class DeviceInHand {
  #token: VirtualToken;
  readonly #devicePin: Secret | undefined;
  readonly #ports: DevicePorts;
  #stood: BatteryMemory['stood'] = [];

  /** @param devicePin of a device that has one; already set */
  constructor(token: VirtualToken, devicePin: string | null, key: string) {
    this.#token = token;
    this.#devicePin = devicePin === null ? undefined : secretPin(devicePin);
    this.#ports = fleetPorts(token.serial, key);
  }

  get serial(): string {
    return this.#token.serial;
  }

  get hull(): VirtualToken['hull'] {
    return this.#token.hull;
  }

  /** One that may end. */
  get hasBattery(): boolean {
    return this.#token.battery !== null;
  }

  get hasPin(): boolean {
    return this.#devicePin !== undefined;
  }

  get memory(): DeviceMemory {
    const { state, battery } = this.#token;
    const { pin } = state;
    return {
      counters: state.eventCounters.map(String),
      pin: pin === null ? null : { failures: pin.failures, lock: pin.lock },
      battery:
        battery === null
          ? null
          : {
              fittedAtMs: battery.fittedAtMs,
              outAtMs: battery.outAtMs,
              presses: battery.presses,
              swaps: battery.swaps,
              stood: this.#stood,
            },
    };
  }

  recall({ counters, pin, battery }: DeviceMemory): void {
    this.#setCounters(counters.map(BigInt));
    const { state } = this.#token;
    if (pin !== null && state.pin !== null) {
      this.#token = { ...this.#token, state: { ...state, pin: { ...state.pin, ...pin } } };
    }
    if (battery !== null && this.#token.battery !== null) {
      const { stood, ...changed } = battery;
      this.#token = { ...this.#token, battery: { ...this.#token.battery, ...changed } };
      for (const [fromMs, toMs] of stood) this.#standStill(fromMs, toMs);
    }
  }

  deviceMs(atMs: number): number {
    return createDeviceClock(this.#token.clock).deviceTimeMs(atMs);
  }

  /** `out` while there is none in the device. */
  batteryState(atMs: number): ReturnType<typeof powerOf> {
    return powerOf(this.#token, atMs);
  }

  /** Why it takes no PIN any more, or null. */
  lockRefusal(atMs: number): Refusal | null {
    return lockRefusal(this.#token, atMs);
  }

  /** The next response, or why there is none. */
  show(atMs: number, application: UsedApplication, draws: Draws): Shown | Refusal {
    const { name, challengeDigits } = application;
    const question = challengeDigits === 0 ? null : drawDigits(draws, challengeDigits);
    const options = { applicationName: name, devicePin: this.#devicePin, ports: this.#ports };
    const operation = this.#keep(
      question === null
        ? press(this.#token, atMs, options)
        : respond(this.#token, atMs, question, options),
    );
    if (!operation.ok) return operation.refusal;
    const { generated } = operation;
    if (generated === null) throw new TypeError('a press of a device that is off shows a response');
    const { response, eventCounter, timeStep } = generated;
    const truth = {
      counter: eventCounter === null ? null : Number(eventCounter),
      step: timeStep === null ? null : Number(timeStep),
    };
    return { application: name, response, question, truth };
  }

  /** Somebody types another PIN than that of the device; it counts. */
  mistypePin(atMs: number, draws: Draws): Refusal | null {
    const devicePin = secretPin(this.#wrongPin(draws));
    const keys = [...keysOn(this.#token, atMs), { kind: 'pin' as const, devicePin }];
    const operation = this.#keep(play(this.#token, keys, atMs, this.#ports));
    return operation.ok ? null : operation.refusal;
  }

  /** The help desk tells the unlock code, and the owner sets his PIN again. */
  unlock(atMs: number): Refusal | null {
    const application = unlockApplication(this.#token);
    const lock = this.#token.state.pin?.lock;
    const seed = application?.seed;
    const code =
      application === undefined || seed === undefined || seed === null || lock?.kind !== 'unlock'
        ? ''
        : unlockCode(seed.exposeSecret(), lock.challenge, application.algorithm);
    const unlocked = this.#keep(unlock(this.#token, atMs, code, { ports: this.#ports }));
    if (!unlocked.ok) return unlocked.refusal;
    if (this.#devicePin === undefined) throw new TypeError('only a device with a PIN is locked');
    const set = this.#keep(setPin(this.#token, atMs, this.#devicePin, { ports: this.#ports }));
    return set.ok ? null : set.refusal;
  }

  /**
   * A new battery. What it does to the clock was drawn with the token; that the old one was dead
   * before was not, for it depends on how often somebody pressed.
   */
  changeBattery(event: BatterySwapEvent, atMs: number): void {
    const { battery, state } = this.#token;
    const untilMs = atMs + event.gap;
    const outAtMs = battery === null ? atMs : Math.min(atMs, emptyAtMs(battery));
    const heldMs = event.policy === 'holdup' ? (event.hold ?? 0) : 0;
    if (outAtMs < atMs && outAtMs + heldMs < untilMs) this.#standStill(outAtMs + heldMs, untilMs);
    if (losesPower({ ...event, gap: untilMs - outAtMs })) {
      const { flushEvery } = event;
      const flushed = { ...usualBattery, flushEvery };
      this.#setCounters(state.eventCounters.map((counter) => rolledBack(flushed, counter)));
    }
    if (battery === null) return;
    const { swaps } = battery;
    const fresh = { ...battery, fittedAtMs: untilMs, outAtMs: atMs, presses: 0, swaps: swaps + 1 };
    this.#token = { ...this.#token, battery: fresh };
  }

  /** One digit is another. */
  #wrongPin(draws: Draws): string {
    const digits = new TextDecoder().decode(this.#devicePin?.exposeSecret());
    return mistyped(digits, draws);
  }

  /** Whether the display is on makes no difference to the next response. */
  #keep(operation: Operation): Operation {
    const { token } = operation;
    this.#token = { ...token, state: switchedOff(token.state) };
    return operation;
  }

  #setCounters(eventCounters: readonly bigint[]): void {
    this.#token = { ...this.#token, state: { ...this.#token.state, eventCounters } };
  }

  #standStill(atMs: number, untilMs: number): void {
    const { clock } = this.#token;
    const added = { kind: 'pause', atMs, untilMs } as const;
    const events = [...clock.events, added].sort((one, other) => one.atMs - other.atMs);
    this.#token = { ...this.#token, clock: { ...clock, events } };
    this.#stood = [...this.#stood, [atMs, untilMs]];
  }
}

/** One digit is another. */
export function mistyped(digits: string, draws: Draws): string {
  const at = Math.floor(draws.uniform() * digits.length);
  const by = 1 + Math.floor(draws.uniform() * 9);
  const digit = (Number(digits[at]) + by) % 10;
  return `${digits.slice(0, at)}${digit}${digits.slice(at + 1)}`;
}
