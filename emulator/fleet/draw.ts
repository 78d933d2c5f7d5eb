import { digestBytes, algorithmHash } from '../../src/oath/index.ts';
import { type ApplicationProgram, applicationText } from '../device/application.ts';
import { type ClockEvent, type ClockParameters } from '../physics/clock-parameters.ts';
import { idealClock, withClockEvents } from '../physics/clock.ts';
import {
  atTemperature,
  type Battery,
  checkBattery,
  freshBattery,
  usualBattery,
} from '../physics/battery.ts';
import { drawClock, factoryEpochMs } from '../physics/presets.ts';
import { pressModel, type PressModel } from '../physics/presses.ts';
import { labelledKey, labelledRandomness } from '../physics/random.ts';
import { drawDevicePin } from './device-pin.ts';
import { dayMs } from './duration.ts';
import { type GroupProgram, programOf } from './program.ts';
import {
  type Behaviour,
  type GroupSpec,
  type PressSpec,
  type Scenario,
  type ScenarioEvent,
  usualLife,
} from './scenario.ts';
import { listOf, serialRange, serialsOf } from './serials.ts';

/** A token with everything that was drawn for it: plain data, never drawn again. */
export interface DrawnToken extends DrawnApplication {
  readonly serial: string;
  readonly profile: string;
  readonly group: string | null;
  readonly behaviour: string | null;
  /** What it has beside its first application, that which unlocks the device included. */
  readonly more: readonly DrawnApplication[];
  /** Which its owner has set; null for a device without. A test PIN, as the keys are test keys. */
  readonly devicePin: string | null;
  /** With all that the scenario does to it. */
  readonly clock: ClockParameters;
  readonly presses: PressModel;
  /** Null: it never ends. */
  readonly battery: Battery | null;
}

/** An application of a drawn token. */
export interface DrawnApplication {
  /** As `parseApplicationText` reads it. */
  readonly application: string;
  /** Hex. A test key: whoever knows the scenario knows it. */
  readonly key: string;
}

const keyLabel = 'NOT-FOR-PRODUCTION key';
const settingErrorMs = 60_000;

/**
 * Draws the tokens of a scenario, one by one. Each follows from the seed and its own serial: more of
 * them, or another order, change none.
 */
export function* drawTokens(scenario: Scenario): Generator<DrawnToken, void> {
  const events = eventsBySerial(scenario);
  for (const group of scenario.tokens) {
    const program = programOf(group);
    for (const text of listOf(group.serials)) {
      const range = serialRange(text);
      // `checkScenario` has refused it.
      if (typeof range === 'string') throw new TypeError(range);
      for (const serial of serialsOf(range)) {
        yield drawToken(scenario, group, program, serial, events(serial, group));
      }
    }
  }
}

/** What the owners of a group do, if the scenario says so. */
function behaviourOf(
  { behaviours }: Pick<Scenario, 'behaviours'>,
  { behaviour }: GroupSpec,
): Behaviour | undefined {
  return behaviour === undefined ? undefined : behaviours[behaviour];
}

function pressesOf(scenario: Scenario, group: GroupSpec): PressSpec {
  return group.presses ?? behaviourOf(scenario, group)?.presses ?? 'typical';
}

/** Finds the events of a token, in order of time; those at one time as in the file. */
export function eventsBySerial(
  scenario: Pick<Scenario, 'events'>,
): (
  serial: string,
  group: { readonly group?: string | null | undefined },
) => readonly ScenarioEvent[] {
  const events = scenario.events.toSorted((one, other) => one.at - other.at);
  const order = new Map(events.map((event, index) => [event, index]));
  const named = new Map<string, ScenarioEvent[]>();
  for (const event of events) {
    for (const text of listOf(event.tokens ?? [])) {
      const range = serialRange(text);
      if (typeof range === 'string') continue;
      for (const serial of serialsOf(range)) {
        const known = named.get(serial);
        if (known === undefined) named.set(serial, [event]);
        else if (known.at(-1) !== event) known.push(event);
      }
    }
  }
  const unnamed = events.filter(({ tokens }) => tokens === undefined);
  return (serial, { group }) => {
    const own = named.get(serial) ?? [];
    const others = unnamed.filter((event) => event.group === undefined || event.group === group);
    if (own.length === 0) return others;
    return [...own, ...others].sort(
      (one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0),
    );
  };
}

function drawToken(
  scenario: Scenario,
  group: GroupSpec,
  { profile, applications, hasAll, unlock }: GroupProgram,
  serial: string,
  events: readonly ScenarioEvent[],
): DrawnToken {
  const { seed, start } = scenario;
  const one = chosen(scenario, group, applications, serial);
  const [first = one, ...others] = hasAll ? applications : [];
  if (first === undefined) throw new TypeError('a group has an application');
  const more = unlock === null ? others : [...others, unlock];
  const behaviour = behaviourOf(scenario, group);
  return {
    serial,
    profile: group.profile,
    application: applicationText(first),
    group: group.group ?? null,
    behaviour: group.behaviour ?? null,
    key: drawKey(seed, serial, first, ''),
    clock: withScenario(clockOf(group, seed, serial, start), scenario, serial, events),
    presses: modelOf(pressesOf(scenario, group)),
    more: more.map((one) => ({
      application: applicationText(one),
      key: drawKey(seed, serial, one, ` of ${one.name}`),
    })),
    devicePin:
      profile.hull.keys === 'keypad' && profile.hull.pin !== null
        ? (behaviour?.devicePin ?? drawDevicePin(profile, seed, serial))
        : null,
    battery: drawBattery(group.battery, seed, serial, start),
  };
}

function chosen(
  scenario: Scenario,
  group: GroupSpec,
  [first, second]: readonly ApplicationProgram[],
  serial: string,
): ApplicationProgram | undefined {
  const share = behaviourOf(scenario, group)?.challengeLogons ?? 0;
  if (second === undefined || share === 0) return first;
  const draws = labelledRandomness(scenario.seed, serial, 'application').at(0);
  return draws.uniform() < share ? second : first;
}

function drawKey(
  seed: string,
  serial: string,
  { algorithm }: ApplicationProgram,
  of: string,
): string {
  const length = digestBytes(algorithmHash(algorithm));
  const halves = ['', ' 2'].map((half) => labelledKey(seed, serial, `${keyLabel}${half}${of}`));
  return Buffer.concat(halves).subarray(0, length).toString('hex');
}

/** The battery at the beginning of the scenario, with a life of its own. */
function drawBattery(
  spec: GroupSpec['battery'],
  seed: string,
  serial: string,
  startMs: number,
): Battery | null {
  if (spec === undefined || spec === 'none') return null;
  const given = typeof spec === 'string' ? { ...usualLife, kind: spec } : spec;
  const differs = labelledRandomness(seed, serial, 'battery life').at(0);
  const { spread } = given;
  // Nobody sells the worst ones; the ends are three deviations away.
  const part = spread === 0 ? 1 : 1 + differs.normalWithin(spread / 3, spread);
  const lifeMs = Math.round(given.life * part);
  const model = {
    ...usualBattery,
    lifeMs,
    warnBeforeMs: Math.min(given.warnBefore, lifeMs),
    // What a change does to the clock, its event says.
    replacement: given.kind === 'sealed' ? null : ({ kind: 'pause' } as const),
  };
  const fresh = freshBattery(atTemperature(model, given.celsius), startMs - given.age);
  // Whoever had it until now has pressed as often as it is rated for.
  const presses = Math.round((fresh.pressesPerDay * given.age) / dayMs);
  const battery = { ...fresh, presses };
  checkBattery(battery);
  return battery;
}

function clockOf(
  { drift }: GroupSpec,
  seed: string,
  serial: string,
  startMs: number,
): ClockParameters {
  if (typeof drift === 'string') return drawClock(drift, seed, serial, startMs);
  return { ...idealClock(startMs), offsetMs: drift.offset, ratePpm: drift.ppm };
}

function modelOf(presses: PressSpec): PressModel {
  return typeof presses === 'string' ? pressModel(presses) : { ...presses, oneOff: null };
}

/** The clock with what the scenario does to it. */
function withScenario(
  clock: ClockParameters,
  scenario: Scenario,
  serial: string,
  events: readonly ScenarioEvent[],
): ClockParameters {
  const changes = events
    .flatMap((event) => changesOf(event, scenario, serial))
    .sort((one, other) => one.atMs - other.atMs);
  return changes.length === 0 ? clock : withClockEvents(clock, changes);
}

function changesOf(
  event: ScenarioEvent,
  scenario: Scenario,
  serial: string,
): readonly ClockEvent[] {
  const atMs = scenario.start + event.at;
  if (event.do === 'storage') {
    return [{ kind: 'excursion', atMs, untilMs: atMs + event.for, temperatureC: event.celsius }];
  }
  if (event.do === 'clock-jump') return [{ kind: 'jump', atMs, byMs: event.by }];
  return event.do === 'battery-swap' ? swapChanges(event, scenario, serial) : [];
}

function swapChanges(
  event: Extract<ScenarioEvent, { do: 'battery-swap' }>,
  { seed, start }: Scenario,
  serial: string,
): readonly ClockEvent[] {
  const atMs = start + event.at;
  const untilMs = atMs + event.gap;
  if (!losesPower(event)) return [];
  switch (event.policy) {
    case 'pause':
      return [{ kind: 'pause', atMs, untilMs }];
    case 'holdup':
      return [{ kind: 'pause', atMs: atMs + (event.hold ?? 0), untilMs }];
    case 'reset':
      return [{ kind: 'reset', atMs: untilMs, deviceEpochMs: factoryEpochMs }];
    case 'settable': {
      const error = event.error ?? settingErrorMs;
      // By its time, so that another event draws nothing else for this one.
      const draws = labelledRandomness(seed, serial, 'battery').at(event.at);
      return [{ kind: 'set', atMs: untilMs, offsetMs: Math.round(draws.between(-error, error)) }];
    }
  }
}

/** Whether what is only in memory is lost; a capacitor carries it for a while. */
export function losesPower(event: Extract<ScenarioEvent, { do: 'battery-swap' }>): boolean {
  return event.policy !== 'holdup' || event.gap > (event.hold ?? 0);
}
