import type { DeviceEnv } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { isoTime } from './iso-time.ts';
import type { Scenario } from './scenario.ts';

/** Copies of a server that is driven, by whoever knows how to make them and to put them back. */
export interface ServerCopies {
  make(copy: string, atMs: number): Promise<void>;
  putBack(copy: string, atMs: number): Promise<void>;
}

/** What happens to the server as a whole. */
export interface ServerEvent {
  readonly atMs: number;
  readonly kind: 'backup' | 'restore';
  /** A name for the copy that is good in paths: the time at which it is made. */
  readonly copy: string;
}

/** In order of time; at one time copies are made first, then put back. */
export function serverEventsOf({ events, start, for: lastingMs }: Scenario): ServerEvent[] {
  const restores = events.filter((event) => event.do === 'restore-backup');
  const within = restores.filter(({ at }) => at < lastingMs);
  return [
    ...[...new Set(within.map(({ of }) => of))].map((of) => ({
      kind: 'backup' as const,
      at: of,
      of,
    })),
    ...within.map(({ at, of }) => ({ kind: 'restore' as const, at, of })),
  ]
    .map(({ kind, at, of }) => ({ kind, atMs: start + at, copy: nameOf(start + of) }))
    .sort((one, other) => one.atMs - other.atMs);
}

/** Why the copies of a scenario cannot be made, or null. */
export function copyRefusal({ events }: Scenario, canCopy: boolean): string | null {
  const restores = events.filter((event) => event.do === 'restore-backup');
  if (restores.some(({ tokens, group }) => (tokens ?? group) !== undefined)) {
    return 'a server is put back as a whole: leave tokens and group out of restore-backup';
  }
  if (restores.length === 0 || canCopy) return null;
  return 'restore-backup needs --on-backup COMMAND and --on-restore COMMAND, which copy the server and put the copy back; or leave it out';
}

/** `20260121T000000000Z` */
function nameOf(atMs: number): string {
  return isoTime(atMs).replace(/[-:.]/g, '');
}

/**
 * Copies by two commands for /bin/sh, which find the copy's name in `VTOKEN_BACKUP` and the virtual time
 * in `VTOKEN_TIME`. What they print goes to the standard error. Rejects with an EmulatorError.
 */
export function copiesByCommand(
  env: Pick<DeviceEnv, 'runShell'>,
  commands: { readonly onBackup: string; readonly onRestore: string },
  signal: AbortSignal,
): ServerCopies {
  const run = async (
    option: string,
    command: string,
    copy: string,
    atMs: number,
  ): Promise<void> => {
    const environment = { VTOKEN_BACKUP: copy, VTOKEN_TIME: isoTime(atMs) };
    const ended = await env.runShell(command, environment, signal);
    if (signal.aborted) throw new EmulatorError('stopped', 'stopped');
    if (ended !== null) throw new EmulatorError('command-failed', `${option} failed: ${ended}`);
  };
  return {
    make: (copy, atMs) => run('--on-backup', commands.onBackup, copy, atMs),
    putBack: (copy, atMs) => run('--on-restore', commands.onRestore, copy, atMs),
  };
}
