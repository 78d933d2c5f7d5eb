import type { Command } from 'commander';
import { type CliWorld, commonCommand, portsOf, trueMsOf } from './context.ts';
import { readDevicePin } from './pin-input.ts';
import { oneMore } from './profile.ts';
import { operate, submitDelayOf, type UseOptions, withUse } from './use.ts';
import { EmulatorError } from '../errors.ts';
import type { Operation } from '../device/operate.ts';
import { type FieldValues, sign } from '../device/operate-sign.ts';
import type { VirtualToken } from '../device/token.ts';

interface SignOptions extends UseOptions {
  readonly field?: readonly string[];
}

/** `vtoken sign` */
export function signCommand(world: CliWorld): Command {
  return withUse(commonCommand('sign', 'enter data fields and print the signature'))
    .option(
      '--field <NAME=VALUE>',
      "a data field by its name, or a value alone in the token's order; once for each",
      oneMore,
    )
    .addHelpText(
      'after',
      `
Examples:
  vtoken sign VT00000009 --field ACCOUNT=4711 --field AMOUNT=125000
  vtoken sign VT00000009 --field 4711 --field 125000 --json

vtoken show names the fields.`,
    )
    .action((serial: string, options: SignOptions) => runSign(world, serial, options));
}

async function runSign(world: CliWorld, serial: string, options: SignOptions): Promise<void> {
  const trueMs = trueMsOf(world, options);
  const values = valuesOf(options.field ?? []);
  const submitDelayMs = submitDelayOf(options);
  const devicePin = await readDevicePin(world, options, serial);
  const { application: applicationName } = options;
  const how = { applicationName, devicePin, submitDelayMs, ports: portsOf(world) };
  const operation = (token: VirtualToken): Operation => sign(token, trueMs, values, how);
  try {
    await operate(world, serial, options, { trueMs, submitDelayMs, isPocket: false }, operation);
  } finally {
    devicePin?.wipe();
  }
}

/** All with a name, or all without. */
function valuesOf(texts: readonly string[]): FieldValues {
  const named = texts.filter((text) => text.includes('='));
  if (named.length === 0) return texts;
  if (named.length < texts.length)
    throw invalid('--field is NAME=VALUE for all, or a value for all');
  const values = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const name = text.slice(0, at);
    if (values.has(name)) throw invalid('--field may name each data field once');
    values.set(name, text.slice(at + 1));
  }
  return Object.fromEntries(values);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
