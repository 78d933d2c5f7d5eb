import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { text } from './commands.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { CliFailure, type CliIo, usageFailure } from './io.ts';
import { configPath, openConfig } from './local-config.ts';
import { createProgress } from './progress.ts';
import { facts, table } from './table.ts';
import { auditChain } from '../audit/index.ts';
import type { Config } from '../config/index.ts';
import { TallystickError } from '../errors.ts';
import { databaseLocation, openConfiguredModule, systemClock } from '../main.ts';
import { countSeeds, moveSeeds, moduleWords, type SeedsMoved } from '../service/index.ts';
import type { Residency } from '../service/seed-module.ts';
import type { Store } from '../service/store.ts';
import { openStore } from '../store/index.ts';

type Options = Readonly<Record<string, unknown>>;
type Show = (document: object, text: string) => void;

/**
 * The mover's own name on PostgreSQL, where servers hold theirs: one for all, so that the lock on it
 * lets one mover at a time work on a database. A SQLite database has one process anyway.
 */
const moverInstance = 'hsm-reside';
/** Of those that stay, a person reads so many; `--json` has all. */
const shownMax = 100;

/**
 * Moves the seeds of an installation to one residency, and says what was moved and what stays.
 *
 * @throws CliFailure after that report, when seeds stay or are left; TallystickError
 */
export async function resideSeeds(io: CliIo, options: Options, show: Show): Promise<void> {
  const to = text(options, 'to');
  if (to !== 'resident' && to !== 'wrapped') throw usageFailure('--to must be resident or wrapped');
  const { config } = openConfig(io, options);
  if (options['dryRun'] === true) {
    await countOnly(config, to, show);
    return;
  }
  const result = await moveAll(io, config, to);
  show(documentOf(result), reportOf(result));
  if (config.module.residency !== to) {
    io.say(
      `New seeds are still ${config.module.residency}: set module.residency to ${to} in ` +
        `${configPath(io, options)}, and restart the servers.`,
    );
  }
  refuseUnfinished(result);
}

/** Reads the rows only: beside a running server, and without the module. */
async function countOnly(config: Config, to: Residency, show: Show): Promise<void> {
  const store = await open(config, config.instance.name, false);
  try {
    const { [to]: already, resident, wrapped } = await countSeeds(store);
    const toMove = resident + wrapped - already;
    const shown = facts([
      [`to move to ${to}`, toMove],
      ['already there', already],
    ]);
    show({ to, dryRun: true, toMove, already }, shown);
  } finally {
    await store.close();
  }
}

/** The database first: where a server holds it, the module is not touched. */
async function moveAll(io: CliIo, config: Config, to: Residency): Promise<SeedsMoved> {
  const store = await openAsMover(config);
  const signals = listenForSignals();
  const progress = createProgress(io, () => systemClock.monotonicMs());
  try {
    return await moveSeeds(
      { store, clock: systemClock },
      {
        to,
        openModule: async () => {
          await flushFiles();
          return await openConfiguredModule(config.module, io.environment);
        },
        onProgress: progress.show,
        mustStop: signals.haveCome,
      },
    );
  } finally {
    progress.end();
    signals.release();
    await store.close();
  }
}

/**
 * SoftHSM keeps objects in files and leaves it to the system when they reach the disk. A row that
 * has lost its blob must not be there before them, or a power cut would take the seed.
 */
async function flushFiles(): Promise<void> {
  try {
    await promisify(execFile)('sync');
  } catch {
    // Not a system that has it. A module that is a device keeps by itself what it made.
  }
}

async function openAsMover(config: Config): Promise<Store> {
  if (config.database.kind === 'sqlite') return open(config, config.instance.name, true);
  try {
    return await open(config, moverInstance, true);
  } catch (error) {
    if (!(error instanceof TallystickError) || error.code !== 'instance-in-use') throw error;
    throw new TallystickError(
      'instance-in-use',
      'Another "tallystick hsm reside" works on this database, or its schema is being changed.',
      { cause: error },
    );
  }
}

function open(config: Config, instance: string, lock: boolean): Promise<Store> {
  const database = databaseLocation(config.database);
  return openStore({ database, instance, chain: auditChain, clock: systemClock, lock });
}

/** The first signal lets the seed at hand be finished; a second one doesn't wait for that. */
function listenForSignals(): { readonly haveCome: () => boolean; readonly release: () => void } {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let come = false;
  const note = (): void => {
    if (come) process.exit(exitCodes.interrupted);
    come = true;
  };
  for (const signal of signals) process.on(signal, note);
  return {
    haveCome: () => come,
    release: () => {
      for (const signal of signals) process.off(signal, note);
    },
  };
}

function documentOf({ stopped, ...result }: SeedsMoved): object {
  if (stopped === null) return result;
  const code = stopped.error?.code ?? 'interrupted';
  return { ...result, stopped: { left: stopped.left, code } };
}

function reportOf({ to, moved, already, stayed, stopped }: SeedsMoved): string {
  const counts = facts([
    [`moved to ${to}`, moved],
    ['already there', already],
    ['stayed', stayed.length],
    ...(stopped === null ? [] : [['left', stopped.left] as const]),
  ]);
  if (stayed.length === 0) return counts;
  const rows = stayed
    .slice(0, shownMax)
    .map(({ serial, application, reason }) => [serial, application, reason]);
  const more = stayed.length - rows.length;
  const rest = more === 0 ? '' : `\n... and ${more} more, which --json lists`;
  return `${counts}\n\n${table(['SERIAL', 'APPLICATION', 'WHY IT STAYS'], rows)}${rest}`;
}

/** @throws CliFailure when seeds stay or are left */
function refuseUnfinished({ to, stayed, stopped }: SeedsMoved): void {
  if (stopped !== null) {
    const { left, error } = stopped;
    const words = error === null ? null : moduleWords(error);
    const why = error === null ? 'Interrupted.' : `${error.message}${words ? ` (${words})` : ''}`;
    throw new CliFailure(
      error === null ? exitCodes.interrupted : exitCodeOf(error.code),
      `${why} ${left} seeds are left, and serve as they did: the same command goes on with them.`,
    );
  }
  if (stayed.length === 0) return;
  const advice: Readonly<Record<Residency, string>> = {
    resident: 'What is damaged cannot be moved; a backup of the database may have it whole.',
    wrapped:
      'What became an object of the module stays in it. New seeds follow module.residency: where ' +
      'a seed must be wrapped, set that to wrapped and issue the authenticator anew.',
  };
  throw new CliFailure(
    exitCodes.refused,
    `${stayed.length === 1 ? '1 seed stays where it is' : `${stayed.length} seeds stay where they are`}. ${advice[to]}`,
  );
}
