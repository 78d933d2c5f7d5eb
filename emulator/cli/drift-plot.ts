import type { Command } from 'commander';
import { algorithmTimeStepping } from '../../src/oath/index.ts';
import { trueMsMax } from '../physics/clock-parameters.ts';
import { type VirtualToken, wipeToken } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  print,
  type TimeOptions,
  trueMsOf,
  withTime,
  writeOutput,
} from './context.ts';
import { type DriftFigure, driftFigure } from './drift-figure.ts';
import { plateauDays, type WindowSetting } from './drift-window.ts';
import { driftSvg } from './drift-svg.ts';
import { dateText, plotWidth, terminalPlot } from './drift-terminal.ts';
import { parseDuration, parseRange } from './values.ts';

interface PlotOptions extends CommonOptions, TimeOptions {
  readonly over?: string;
  readonly svg?: string;
  readonly window?: string;
  readonly successEvery?: string;
}

const stepSecondsUsual = 30;
const columnsUsual = 100;
/** Two points a pixel, so that a jump stands upright. */
const svgPoints = 1345;
/** What a policy allows. */
const windowStepsMax = 1000;
/** Each is judged by the model of a verifier, three times over. */
const successesMax = 10_000;
const usual = { over: '365d', window: '20' } as const;

/** `vtoken drift plot` */
export function plotCommand(world: CliWorld): Command {
  return withTime(commonCommand('plot', 'plot the error of the clock, and what a server accepts'))
    .argument('<serial>')
    .option('--over <duration>', `how far ahead (default: ${usual.over})`)
    .option('--svg <file>', 'write the plot to a new SVG file')
    .option(
      '--window <steps>',
      `both windows, in total, half to each side (default: ${usual.window})`,
    )
    .option('--success-every <duration>', 'time between logons (default: none after the first)')
    .addHelpText(
      'after',
      `
The static window lies around true time: no server that learns nothing accepts more. The dynamic
one (dynamicTimeWindow) lies around the error at the last logon, is as wide until its 8 s a day and
one step come to more, and grows from then on. Logons outside it fail, and teach nothing.

Examples:
  vtoken drift plot VT00000001 --over 730d
  vtoken drift plot VT00000001 --success-every 30d --svg drift.svg`,
    )
    .action((serial: string, options: PlotOptions) => runPlot(world, serial, options));
}

async function runPlot(world: CliWorld, serial: string, options: PlotOptions): Promise<void> {
  const fromMs = trueMsOf(world, options);
  const overMs = positive('--over', options.over ?? usual.over);
  const untilMs = fromMs + overMs;
  if (untilMs > trueMsMax) {
    throw new EmulatorError('input-invalid', '--over must stay before the year 10000');
  }
  const { token } = await folderOf(world, options).read(serial);
  wipeToken(token);
  const windows = windowsOf(token, options, overMs);
  const figureOf = (count: number): DriftFigure =>
    driftFigure(token.clock, fromMs, untilMs, windows, count);
  const fine = figureOf(svgPoints);
  if (options.svg !== undefined) {
    const title = `${serial}: error of the clock`;
    await writeOutput(world, options.svg, driftSvg(title, fine), 0o644);
  }
  const { points, halfSeconds, leavesStaticAtMs, leavesDynamicAtMs } = fine;
  const json = {
    serial,
    ...windows,
    staticHalfSeconds: halfSeconds,
    leavesStaticAtMs,
    leavesDynamicAtMs,
    points: figureOf(columnsUsual).points,
  };
  const text = [
    terminalPlot(figureOf(plotWidth(columnsUsual))),
    '',
    `at the end      ${endText(points.at(-1)?.seconds ?? 0)}`,
    `static window   ${windows.steps} steps of ${windows.stepSeconds} s, ${leaving(leavesStaticAtMs)}`,
    `dynamic window  ${plateauText(windows)}, ${leaving(leavesDynamicAtMs)}`,
  ];
  print(world, options, json, text.join('\n'));
}

function windowsOf(token: VirtualToken, options: PlotOptions, overMs: number): WindowSetting {
  const { window = usual.window, successEvery } = options;
  const steppings = token.applications.map(({ algorithm }) => algorithmTimeStepping(algorithm));
  const stepSeconds = steppings.find((stepping) => stepping !== undefined)?.timeStepSeconds;
  const successEveryMs =
    successEvery === undefined ? null : positive('--success-every', successEvery);
  if (successEveryMs !== null && overMs / successEveryMs > successesMax) {
    throw new EmulatorError(
      'input-invalid',
      `--success-every makes more than ${successesMax} logons in that time: say a longer one`,
    );
  }
  const steps = parseRange('--window', window, 0, windowStepsMax);
  return { stepSeconds: stepSeconds ?? stepSecondsUsual, steps, successEveryMs };
}

function plateauText(windows: WindowSetting): string {
  const days = plateauDays(windows);
  return days === null ? 'never wider than that' : `wider than that after ${days} days`;
}

function positive(option: string, text: string): number {
  const durationMs = parseDuration(option, text);
  if (durationMs > 0) return durationMs;
  throw new EmulatorError('input-invalid', `${option} must be longer than nothing`);
}

function endText(seconds: number): string {
  const size = Math.abs(seconds).toFixed(1);
  return seconds === 0 ? 'right' : `${size} s ${seconds > 0 ? 'ahead' : 'behind'}`;
}

function leaving(atMs: number | null): string {
  return atMs === null ? 'never left' : `left on ${dateText(atMs)}`;
}
