import type { Command } from 'commander';
import {
  type Battery,
  type BatteryModel,
  type BatteryPolicy,
  flushEveryMax,
  freshBattery,
  usualBattery,
} from '../physics/battery.ts';
import { changeClock, idealClock } from '../physics/clock.ts';
import type { ClockParameters } from '../physics/clock-parameters.ts';
import { drawClock, driftPresets, factoryEpochMs, parseDriftPreset } from '../physics/presets.ts';
import { labelledKey } from '../physics/random.ts';
import { EmulatorError } from '../errors.ts';
import { type CliWorld } from './context.ts';
import { parseDuration, parseInstant, parseNumber, parseRange } from './values.ts';

export interface PhysicsOptions {
  readonly offset?: string;
  readonly ppm?: string;
  readonly drift?: string;
  readonly driftSeed?: string;
  readonly jitter?: string;
  readonly battery?: string;
  readonly batteryLife?: string;
  readonly flushEvery?: string;
}

const driftSeedBytes = 8;
const batteryKinds =
  'sealed, pause, holdup:DURATION, reset[:TIME] or settable[:DURATION], such as holdup:5m';
const usual = { hold: '60s', settingError: '20s' } as const;

/** The options that say how good a new token's clock is, and what it runs on. */
export function withPhysics(command: Command): Command {
  return command
    .option('--offset <duration>', 'error of the clock from the start, such as +2s')
    .option('--ppm <rate>', 'rate of the clock: positive runs fast')
    .option('--drift <preset>', `draw a clock: ${driftPresets.join(', ')} (default: ideal)`)
    .option('--drift-seed <text>', 'draw it from this seed, to draw the same again')
    .option('--jitter <ppm>', 'let the rate of a drawn clock differ from day to day by this much')
    .option('--battery <kind>', `${batteryKinds} (default: needs none)`)
    .option('--battery-life <duration>', 'with ten presses a day (default: 1826d)')
    .option('--flush-every <n>', 'write event counters down every n events (default: 1)');
}

/** A clock made at `nowMs`, as wrong as the options say. */
export function clockOf(
  world: CliWorld,
  options: PhysicsOptions,
  serial: string,
  nowMs: number,
): ClockParameters {
  const { offset, ppm, drift } = options;
  if (drift !== undefined) return drawnClock(world, options, drift, serial, nowMs);
  if (options.driftSeed !== undefined || options.jitter !== undefined) {
    throw invalid('--drift-seed and --jitter are for clocks that are drawn: say --drift PRESET');
  }
  const offsetMs = offset === undefined ? 0 : parseDuration('--offset', offset);
  const ratePpm = ppm === undefined ? 0 : parseNumber('--ppm', ppm);
  // Checked here although the token checks again: the message then comes before any key is made.
  return changeClock({ ...idealClock(nowMs), offsetMs, ratePpm }, nowMs, {});
}

function drawnClock(
  { env }: CliWorld,
  { offset, ppm, driftSeed, jitter }: PhysicsOptions,
  drift: string,
  serial: string,
  nowMs: number,
): ClockParameters {
  if (offset !== undefined || ppm !== undefined) {
    throw invalid('--drift draws offset and rate: leave --offset and --ppm away');
  }
  const preset = parseDriftPreset(drift);
  const seed = driftSeed ?? Buffer.from(env.randomBytes(driftSeedBytes)).toString('hex');
  const clock = drawClock(preset, seed, serial, nowMs);
  if (jitter === undefined) return clock;
  const sigmaPpm = parseNumber('--jitter', jitter);
  const key = Buffer.from(labelledKey(seed, serial, 'jitter')).toString('hex');
  const crystal = clock.crystal ?? { temperature: null, ageing: null };
  return changeClock({ ...clock, crystal: { ...crystal, jitter: { sigmaPpm, key } } }, nowMs, {});
}

/** The battery that the options describe, full at `nowMs`; null without one. */
export function batteryOf(options: PhysicsOptions, nowMs: number): Battery | null {
  const { battery, batteryLife, flushEvery } = options;
  if (battery === undefined) {
    if (batteryLife === undefined && flushEvery === undefined) return null;
    throw invalid('--battery-life and --flush-every are for tokens with a battery: say --battery');
  }
  const model: BatteryModel = {
    ...usualBattery,
    replacement: parsePolicy(battery),
    ...(batteryLife === undefined ? {} : { lifeMs: parseDuration('--battery-life', batteryLife) }),
    ...(flushEvery === undefined
      ? {}
      : { flushEvery: parseRange('--flush-every', flushEvery, 1, flushEveryMax) }),
  };
  // A life shorter than the usual notice would warn from its first day on.
  const warnBeforeMs = Math.min(model.warnBeforeMs, Math.max(0, Math.floor(model.lifeMs / 4)));
  return freshBattery({ ...model, warnBeforeMs }, nowMs);
}

function parsePolicy(text: string): BatteryPolicy | null {
  const [kind = '', ...rest] = text.split(':');
  const value = rest.length === 0 ? undefined : rest.join(':');
  if (kind === 'holdup') {
    return { kind, holdMs: parseDuration('--battery holdup', value ?? usual.hold) };
  }
  if (kind === 'settable') {
    return { kind, errorMs: parseDuration('--battery settable', value ?? usual.settingError) };
  }
  if (kind === 'reset') return { kind, deviceEpochMs: epochOf(value) };
  if (text === 'pause') return { kind: text };
  if (text === 'sealed') return null;
  throw invalid(`--battery is ${batteryKinds}`);
}

function epochOf(value: string | undefined): number {
  return value === undefined ? factoryEpochMs : parseInstant('--battery reset', value);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
