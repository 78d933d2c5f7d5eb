import type { Command } from 'commander';
import { clientCommand, type Desk, given, group, pagesOf, pathOf, text } from './commands.ts';
import { driftPlot } from './drift-plot.ts';
import { driftSentences } from './drift-text.ts';
import { type CliIo, usageFailure } from './io.ts';
import { type Cell, dateText, table } from './table.ts';
import { readDays, readSeconds } from './values.ts';
import type {
  ApplicationView,
  DriftTotals,
  DriftView,
  LeavingAuthenticatorView,
} from '../service/index.ts';

type Options = Readonly<Record<string, unknown>>;

const policyOption = ['--policy <name>', 'whose windows, default Local Authentication'] as const;
const applicationOption = [
  '--application <name>',
  'only this application; without, all that have a clock',
] as const;
const plotColumnsDefault = 80;
const plotMissing = '  There is no plot before the second response that is kept.';
const reportPageLimit = 500;
const withinDefault = '60d';

/** `tallystick token drift ...`: the clock of one authenticator. */
export function tokenDriftCommands(io: CliIo): Command {
  return group('drift', "an authenticator's clock: what is known of it, and governing it", [
    clientCommand(io, 'show <serial>', 'drift, rate, and when it leaves its window', showDrift)
      .option(...policyOption)
      .option(...applicationOption)
      .option('--plot', 'plots what responses showed, also where there is no terminal'),
    changing(io, 'set', 'gives it a drift').requiredOption(
      '--seconds <number>',
      'device time minus host time, e.g. 90 or -90',
    ),
    changing(io, 'zero', 'gives it the drift 0'),
    changing(io, 'freeze', 'no logon and no synchronisation moves its drift any more'),
    changing(io, 'thaw', 'its drift is learned again'),
  ]);
}

/** `tallystick drift ...`: the clocks of all authenticators. */
export function driftCommands(io: CliIo): Command {
  return group('drift', 'the clocks of all authenticators', [
    clientCommand(io, 'report', 'which of them leave their window, and when', reportDrift)
      .option('--within <days>', 'so far ahead, e.g. 90d', withinDefault)
      .option(...policyOption),
  ]);
}

async function showDrift(
  desk: Desk,
  [serial = '']: readonly string[],
  options: Options,
): Promise<void> {
  const path = pathOf('authenticators', serial, 'drift');
  const query = { policy: text(options, 'policy') };
  const { body } = await desk.client({ method: 'GET', path, query });
  const drift = body as unknown as DriftView & { readonly policy: string };
  const wanted = text(options, 'application');
  const applications = drift.applications.filter(
    ({ name }) => wanted === undefined || name.toLowerCase() === wanted.toLowerCase(),
  );
  if (applications.length === 0) {
    throw usageFailure(
      wanted === undefined
        ? `no application of ${serial} has a clock, so nothing of it drifts`
        : `${serial} has no application ${wanted} with a clock`,
    );
  }
  const { outputColumns } = desk.io;
  const columns = outputColumns ?? (options['plot'] === true ? plotColumnsDefault : null);
  const withoutPlot = options['plot'] === true ? plotMissing : '';
  const shown = applications.flatMap((application) => {
    const plot =
      columns === null ? '' : driftPlot(application, drift.nowMs, columns) || withoutPlot;
    return [driftSentences(application, drift.nowMs), ...(plot === '' ? [] : [plot])];
  });
  const heading = `${drift.serial} under the policy ${drift.policy}`;
  desk.show({ ...drift, applications }, [heading, ...shown].join('\n\n'));
}

function changing(io: CliIo, action: string, description: string): Command {
  const change = async (
    desk: Desk,
    [serial = '']: readonly string[],
    options: Options,
  ): Promise<void> => {
    const seconds = text(options, 'seconds');
    const { body } = await desk.client({
      method: 'POST',
      path: pathOf('authenticators', serial, 'drift'),
      body: given({
        action,
        application: text(options, 'application'),
        driftSeconds: seconds === undefined ? undefined : readSeconds('--seconds', seconds),
      }),
    });
    const applications = body['applications'] as readonly ApplicationView[];
    const rows = applications
      .filter(({ driftSeconds }) => driftSeconds !== null)
      .map(({ name, driftSeconds, isDriftFrozen }) => [name, driftSeconds, isDriftFrozen]);
    desk.show(body, table(['APPLICATION', 'DRIFT S', 'FROZEN'], rows));
  };
  return clientCommand(io, `${action} <serial>`, description, change).option(...applicationOption);
}

type Leaving = Omit<LeavingAuthenticatorView, 'userName' | 'domainName' | 'applicationName'> & {
  readonly user: string | null;
  readonly domain: string | null;
  readonly application: string;
};

async function reportDrift(desk: Desk, _args: unknown, options: Options): Promise<void> {
  const withinDays = readDays('--within', text(options, 'within') ?? withinDefault);
  const items: Leaving[] = [];
  const totals: Record<string, number> = {};
  let facts: object = {};
  let untilMs = 0;
  for await (const page of pagesOf(desk.client, pathOf('drift-report'), {
    policy: text(options, 'policy'),
    within: String(withinDays),
    limit: String(reportPageLimit),
  })) {
    const { policy, nowMs } = page as { policy?: string; nowMs: number };
    facts = { policy, nowMs, withinDays };
    untilMs = nowMs + withinDays * 86_400_000;
    items.push(...(page['items'] as readonly Leaving[]));
    for (const [name, count] of Object.entries(page['totals'] as DriftTotals)) {
      totals[name] = (totals[name] ?? 0) + (count as number);
    }
  }
  items.sort((one, other) => earliestOf(one) - earliestOf(other));
  const expected = items.filter(({ leaving }) => (leaving.expectedAtMs ?? Infinity) <= untilMs);
  const heading = [
    'SERIAL',
    'USER',
    'APPLICATION',
    'DRIFT S',
    'RATE PPM',
    'AS OF',
    'EARLIEST',
    'EXPECTED',
  ];
  const closing =
    `${counted(items.length)} of ${counted(totals['examined'])} authenticators may leave their ` +
    `window within ${withinDays} days, ${counted(expected.length)} by the expected date.`;
  desk.show(
    { ...facts, totals, items },
    [table(heading, items.map(leavingRow)), '', closing, totalsText(totals)].join('\n'),
  );
}

function earliestOf({ leaving }: Leaving): number {
  return leaving.earliestAtMs ?? Infinity;
}

function leavingRow(item: Leaving): readonly Cell[] {
  const { user, domain, rate, isDriftFrozen, driftSeconds, leaving } = item;
  return [
    item.serial,
    user === null ? null : `${domain ?? ''}/${user}`,
    item.application,
    isDriftFrozen ? `${driftSeconds} frozen` : driftSeconds,
    rate === null ? null : `${rate.ratePpm.toFixed(1)} ± ${rate.ratePpmError.toFixed(1)}`,
    dateText(item.driftAtMs),
    dateText(leaving.earliestAtMs),
    dateText(leaving.expectedAtMs),
  ];
}

function totalsText(totals: Readonly<Record<string, number>>): string {
  const count = (name: keyof DriftTotals): string => counted(totals[name]);
  return (
    `In use with a clock: ${count('withClock')}; rate known: ${count('withRate')}; ` +
    `never used: ${count('neverUsed')}; frozen: ${count('frozen')}; out of use: ${count('outOfUse')}.`
  );
}

function counted(count: number | undefined): string {
  return (count ?? 0).toLocaleString('en-US');
}
