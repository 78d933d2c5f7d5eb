import type { Command } from 'commander';
import {
  changeToken,
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  isoTime,
  print,
  refusedError,
  signedSeconds,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './context.ts';
import { givenSeeds, type SeedOptions, withSeeds } from './tokens.ts';
import { readInfo } from '../device/device-info.ts';
import { program } from '../device/programming.ts';
import { EmulatorError } from '../errors.ts';

interface ProgramOptions extends CommonOptions, TimeOptions, SeedOptions {
  readonly setClock?: true;
}

/** `vtoken info` */
export function infoCommand(world: CliWorld): Command {
  return withTime(commonCommand('info', 'hold the button and read the menu behind it'))
    .argument('<serial>')
    .addHelpText(
      'after',
      `
The device shows its own time: with the true time beside it a help desk sees the drift.

Example:
  vtoken info VT00000010 --at +365d`,
    )
    .action((serial: string, options: CommonOptions & TimeOptions) =>
      runInfo(world, serial, options),
    );
}

async function runInfo(
  world: CliWorld,
  serial: string,
  options: CommonOptions & TimeOptions,
): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const read = await folderOf(world, options).update(serial, (token) => {
    const result = readInfo(token, trueMs);
    return { token: result.token, result };
  });
  if (!read.ok) throw refusedError(read.refusal);
  const { deviceTimeMs = null, chargePercent = null, serial: shownSerial = null } = read.info ?? {};
  const json = {
    serial,
    trueTimeMs: trueMs,
    deviceTimeMs,
    clockErrorMs: deviceTimeMs === null ? null : deviceTimeMs - trueMs,
    chargePercent,
    shownSerial,
  };
  const lines = [
    ...(deviceTimeMs === null
      ? []
      : [
          `time    ${Math.floor(deviceTimeMs / 1000)} (${isoTime(deviceTimeMs)}, ${signedSeconds(deviceTimeMs - trueMs)})`,
        ]),
    ...(chargePercent === null ? [] : [`battery ${chargePercent} %`]),
    ...(shownSerial === null ? [] : [`serial  ${shownSerial}`]),
  ];
  print(world, options, json, lines.join('\n'));
}

/** `vtoken program` */
export function programCommand(world: CliWorld): Command {
  const described = withTime(commonCommand('program', 'write the seeds of a programmable token'));
  return withSeeds(described, '')
    .argument('<serial>')
    .option('--set-clock', 'set the clock to true time as well')
    .addHelpText(
      'after',
      `
Counters begin at 0. The clock cannot be set without a seed.

Example:
  vtoken program VT00000011 --seed-file seed.txt --set-clock`,
    )
    .action((serial: string, options: ProgramOptions) => runProgram(world, serial, options));
}

async function runProgram(world: CliWorld, serial: string, options: ProgramOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const seeds = await givenSeeds(world, options);
  if (seeds === null) {
    throw new EmulatorError(
      'input-invalid',
      'say where the seeds are: --seed-file or --seed-stdin',
    );
  }
  const setsClock = options.setClock === true;
  const { token, deviceTimeMs } = await changeToken(world, options, serial, (stored) =>
    program(stored, trueMs, seeds, { setsClock }),
  );
  const clockErrorMs = deviceTimeMs - trueMs;
  print(
    world,
    options,
    { serial, seeds: token.applications.length, clockSet: setsClock, deviceTimeMs, clockErrorMs },
    setsClock ? 'the seed is written, and the clock is set' : 'the seed is written',
  );
}
