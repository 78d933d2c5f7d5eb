import type { Command } from 'commander';
import { type CliIo, usageFailure } from './io.ts';
import { loadConfig, type ParsedConfig } from '../config/index.ts';

const defaultConfigFile = 'var/tallystick.json';

/** Adds `--config` and `--set` to a command that opens module or database by itself. */
export function configFile(command: Command): Command {
  return command
    .option(
      '--config <file>',
      `the configuration (or TALLYSTICK_CONFIG), default ${defaultConfigFile}`,
    )
    .option(
      '--set <name=value>',
      'a setting, before file and environment; may be repeated',
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    );
}

/** The path of the configuration file that the options or the environment name. */
export function configPath(io: CliIo, options: Readonly<Record<string, unknown>>): string {
  const { config } = options as { config?: string };
  return config ?? io.environment['TALLYSTICK_CONFIG'] ?? defaultConfigFile;
}

/** @throws TallystickError `config-invalid`; CliFailure for a `--set` that is no NAME=VALUE */
export function openConfig(io: CliIo, options: Readonly<Record<string, unknown>>): ParsedConfig {
  const { set = [] } = options as { set?: readonly string[] };
  const flags = set.map((text) => {
    const split = text.indexOf('=');
    if (split < 1) throw usageFailure(`--set takes NAME=VALUE, e.g. listen.port=9000, not ${text}`);
    return [text.slice(0, split), text.slice(split + 1)] as const;
  });
  return loadConfig(configPath(io, options), {
    environment: io.environment,
    flags: Object.fromEntries(flags),
  });
}
