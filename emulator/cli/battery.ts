import { Command } from 'commander';
import { type Battery, type BatteryPolicy, batteryStatus } from '../physics/battery.ts';
import { labelledRandomness } from '../physics/random.ts';
import { chargePercent } from '../device/power.ts';
import { changeBattery } from '../device/operate-battery.ts';
import type { Operation } from '../device/operate.ts';
import { type VirtualToken, wipeToken } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import {
  changeToken,
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  isoTime,
  print,
  signedSeconds,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './context.ts';
import { clockErrorMs } from '../physics/clock.ts';
import { parseDuration } from './values.ts';

interface BatteryOptions extends CommonOptions, TimeOptions {
  readonly gap?: string;
  readonly settingError?: string;
}

/** `vtoken battery` */
export function batteryCommand(world: CliWorld): Command {
  const show = withTime(commonCommand('show', 'show how the battery stands'))
    .argument('<serial>')
    .action((serial: string, options: BatteryOptions) => runShow(world, serial, options));
  const swap = withTime(commonCommand('swap', 'take the battery out and put a new one in'))
    .argument('<serial>')
    .option('--gap <duration>', 'how long the token is without battery (default: 30s)')
    .option('--setting-error <duration>', 'how wrong its clock is set then, where it is set')
    .addHelpText(
      'after',
      `
Examples:
  vtoken battery swap VT00000001 --gap 4m
  vtoken battery show VT00000001 --at +1500d`,
    )
    .action((serial: string, options: BatteryOptions) => runSwap(world, serial, options));
  return new Command('battery')
    .description("show or change a token's battery")
    .addCommand(show)
    .addCommand(swap);
}

async function runShow(world: CliWorld, serial: string, options: BatteryOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const { token } = await folderOf(world, options).read(serial);
  wipeToken(token);
  const { battery } = token;
  const status = battery === null ? null : batteryStatus(battery, trueMs);
  const text = batteryRows(token, trueMs).map(([label, row]) => `${label.padEnd(12)} ${row}`);
  print(world, options, { serial, battery, status }, text.join('\n'));
}

async function runSwap(world: CliWorld, serial: string, options: BatteryOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const gapMs = parseDuration('--gap', options.gap ?? '30s');
  if (gapMs < 0) throw new EmulatorError('input-invalid', '--gap cannot be negative');
  const settingError =
    options.settingError === undefined
      ? undefined
      : parseDuration('--setting-error', options.settingError);
  const operation = (token: VirtualToken): Operation =>
    changeBattery(token, trueMs, {
      gapMs,
      settingErrorMs: settingError ?? drawnSettingErrorMs(token),
    });
  const { token } = await changeToken(world, options, serial, operation);
  const inAtMs = trueMs + gapMs;
  const errorMs = clockErrorMs(token.clock, inAtMs);
  const json = { serial, inAtTrueMs: inAtMs, clockErrorMs: errorMs, battery: token.battery };
  print(world, options, json, `in at ${isoTime(inAtMs)}, clock ${signedSeconds(errorMs)}`);
}

/** Somebody who sets a clock by another is off by a little, and by another little each time. */
function drawnSettingErrorMs({ serial, battery, clock }: VirtualToken): number {
  const policy = battery?.replacement ?? null;
  if (battery === null || policy?.kind !== 'settable') return 0;
  const seed = clock.drawn?.seed ?? serial;
  const draws = labelledRandomness(seed, serial, 'battery').at(battery.swaps);
  return Math.round(draws.between(-policy.errorMs, policy.errorMs));
}

/** What `vtoken show` tells of the battery. */
export function batteryRows(token: VirtualToken, trueMs: number): [string, string][] {
  const { battery } = token;
  if (battery === null) return [['battery', 'needs none']];
  const { state, endsAtMs } = batteryStatus(battery, trueMs);
  const left =
    endsAtMs === null
      ? ''
      : `, ${chargePercent(token, trueMs)} % left, to ${isoTime(endsAtMs).slice(0, 10)} if used as rated`;
  return [
    ['battery', `${stateTexts[state]}${left}`],
    ['battery kind', kindText(battery)],
  ];
}

const stateTexts = { good: 'good', low: 'LOW BATTERY', dead: 'DEAD', out: 'taken out' } as const;

function kindText({ replacement, flushEvery, swaps }: Battery): string {
  const flush = flushEvery === 1 ? '' : `, counters written down every ${flushEvery} events`;
  const changed = swaps === 0 ? '' : `, changed ${swaps === 1 ? 'once' : `${swaps} times`}`;
  return `${policyText(replacement)}${flush}${changed}`;
}

function policyText(policy: BatteryPolicy | null): string {
  switch (policy?.kind) {
    case undefined:
      return 'sealed in';
    case 'holdup':
      return `the clock goes on for ${policy.holdMs / 1000} s without it, then stands still`;
    case 'pause':
      return 'the clock stands still without it';
    case 'reset':
      return `the clock restarts at ${isoTime(policy.deviceEpochMs)}`;
    case 'settable':
      return `the clock is set again, to ${policy.errorMs / 1000} s`;
  }
}
