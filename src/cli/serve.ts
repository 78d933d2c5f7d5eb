import type { Command } from 'commander';
import { command } from './commands.ts';
import type { CliIo } from './io.ts';
import { exitCodes } from './exit-codes.ts';
import { configFile, configPath, openConfig } from './local-config.ts';
import type { RunningServer } from '../main.ts';

/** `tallystick serve`: runs until SIGTERM or SIGINT, then finishes what is in flight. */
export function serveCommand(io: CliIo): Command {
  return configFile(
    command(io, 'serve', 'serves until SIGTERM or Ctrl-C', async (_args, options) => {
      const { config } = openConfig(io, options);
      const { startServer } = await import('../main.ts');
      const hasTestClock = options['unsafeTestClock'] === true;
      const server = await startServer(config, io.environment, { hasTestClock });
      // Before it is said that we serve: whoever reads that may end us at once.
      stopOnSignals(io, server);
      io.print(
        options['json'] === true
          ? JSON.stringify({ url: server.url, port: server.port })
          : `Tallystick serves on ${server.url} (configuration ${configPath(io, options)}, ` +
              `seeds ${config.module.residency}). Ctrl-C stops it.`,
      );
    }),
  ).option(
    '--unsafe-test-clock',
    'the time is what clients say (PUT /v1/test-clock); for a database of init --test, on loopback',
  );
}

function stopOnSignals(io: CliIo, server: RunningServer): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A second signal is somebody who doesn't want to wait.
      if (stopping) process.exit(exitCodes.internal);
      stopping = true;
      stop(io, server, signal);
    });
  }
  process.on('uncaughtException', (error) => die(server, error));
  process.on('unhandledRejection', (error) => die(server, error));
}

function stop(io: CliIo, server: RunningServer, reason: string): void {
  server.stop(reason).then(
    (finished) => {
      if (!finished) io.say('Some requests did not finish in time.');
      // What a library still holds open must not keep the process.
      process.exit(exitCodes.done);
    },
    (error: unknown) => die(server, error),
  );
}

/** Nobody knows what state we are in; a restart does. */
function die(server: RunningServer, error: unknown): void {
  server.logger.error({ error }, 'unexpected failure, the process ends');
  void server.logger.end().finally(() => process.exit(exitCodes.internal));
}
