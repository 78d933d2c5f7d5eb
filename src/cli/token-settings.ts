import { type Command, Option } from 'commander';
import { given, text } from './commands.ts';
import { usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { type Cell, instantText } from './table.ts';
import { expiresOption, readInstant, readWhole } from './values.ts';
import type { BackupVirtual } from '../domain/model.ts';
import { backupModes } from '../domain/virtual-settings.ts';

/** What `token set` sets of one authenticator, and what `token show` shows of it. */

type Options = Readonly<Record<string, unknown>>;

const asPolicySays = 'policy';

/** The command with these options. */
export function withSettingOptions(command: Command): Command {
  return command
    .option(...expiresOption)
    .option('--grace-until <when>', 'its user may do without until then: 2027-12-31 or policy')
    .addOption(
      new Option(
        '--backup <mode>',
        'whether one-time passwords may be sent in place of what it shows',
      ).choices([...backupModes, asPolicySays]),
    )
    .option('--backup-uses <number>', 'how many may still be sent, or policy')
    .option('--backup-until <when>', 'when time-limited ends; never: with the next one it begins')
    .addHelpText('after', '\npolicy is always: as the policy says.');
}

/** The members to change. @throws CliFailure when there is none */
export function tokenSettings(options: Options): Readonly<Record<string, unknown>> {
  const read = <Value>(
    name: string,
    parse: (value: string) => Value,
    taken?: string,
  ): Value | null | undefined => {
    const value = text(options, name);
    if (value === undefined) return undefined;
    return value === taken ? null : parse(value);
  };
  const backup = given({
    mode: read('backup', (mode) => mode, asPolicySays),
    endsAtMs: read('backupUntil', (when) => readInstant('--backup-until', when)),
    usesLeft: read('backupUses', (uses) => readWhole('--backup-uses', uses), asPolicySays),
  });
  const settings = given({
    expiresAtMs: read('expires', (when) => readInstant('--expires', when)),
    graceEndsAtMs: read('graceUntil', (when) => readInstant('--grace-until', when, asPolicySays)),
    backup: Object.keys(backup).length === 0 ? undefined : backup,
  });
  if (Object.keys(settings).length > 0) return settings;
  throw usageFailure('say what to set: --expires, --grace-until or one of --backup...');
}

export function isVirtualMobile({ kind }: JsonRecord): boolean {
  return kind === 'virtual-mobile';
}

/** What is set of one authenticator alone, where it applies: a grace period has an owner. */
export function settingFacts(token: JsonRecord): readonly (readonly [string, Cell])[] {
  const { graceEndsAtMs = null, backup } = token as {
    readonly graceEndsAtMs?: number | null;
    readonly backup?: BackupVirtual;
  };
  const isOwned = typeof token['user'] === 'string';
  return [
    ...(isOwned && graceEndsAtMs !== null
      ? ([['grace until', instantText(graceEndsAtMs)]] as const)
      : []),
    ...(isVirtualMobile(token) || backup === undefined ? [] : backupFacts(backup)),
  ];
}

function backupFacts({
  mode,
  endsAtMs,
  usesLeft,
}: BackupVirtual): readonly (readonly [string, Cell])[] {
  return [
    ...(mode === null ? [] : ([['backup', mode]] as const)),
    ...(endsAtMs === null ? [] : ([['backup until', instantText(endsAtMs)]] as const)),
    ...(usesLeft === null ? [] : ([['backup uses left', usesLeft]] as const)),
  ];
}
