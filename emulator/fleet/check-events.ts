import { clockEventsMax } from '../physics/clock-parameters.ts';
import type { CheckedGroups, Path, Report } from './checked.ts';
import { pinPolicyOf } from './device-pin.ts';
import type { GroupProgram } from './program.ts';
import type { GroupSpec, ScenarioEvent, ScenarioParts, When } from './scenario.ts';
import { tokensMax } from './scenario-schema.ts';
import { listOf, rangeCount, serialRange, serialsOf } from './serials.ts';

/** Matches of tokens and events: each is work, and may be kept in memory. */
const matchesMax = 1_000_000;
/** Drawn mishaps of a clock come on top. */
const clockChangesMax = clockEventsMax - 56;

/** The events of a scenario: whom they concern, and whether it can happen to them. */
export function checkEvents(groups: CheckedGroups, report: Report): void {
  const { parts } = groups;
  const sizes = parts.tokens.map(({ read }) => countOf(read.serials ?? []));
  let matches = 0;
  parts.events.forEach(({ when, whole }, index) => {
    const path = ['events', index];
    checkWhen(when, parts, path, report);
    matches += when.tokens === undefined ? countIn(parts, sizes, when) : countOf(when.tokens);
    // To look at each of more would take as long as to live through them.
    if (matches > matchesMax) return;
    checkTargets(when, groups, path, report);
    if (whole !== null) checkDeed(whole, groups, path, report);
  });
  if (matches > matchesMax) {
    report(['events'], `must concern at most ${matchesMax} tokens taken together, not ${matches}`);
  }
  if (clockChanges(parts) > clockChangesMax) {
    report(['events'], `must change clocks at most ${clockChangesMax} times`);
  }
}

/** A battery that died before it was changed stops the clock once more. */
function clockChanges({ events, tokens }: ScenarioParts): number {
  const mayDie = tokens.some(({ read }) => endsOf(read) !== null);
  return events.reduce((sum, { whole }) => {
    if (whole?.do === 'battery-swap') return sum + (mayDie ? 2 : 1);
    return sum + (whole?.do === 'storage' || whole?.do === 'clock-jump' ? 1 : 0);
  }, 0);
}

/** How a battery can be changed that ends; null for one that never does. */
function endsOf({ battery }: Partial<GroupSpec>): 'sealed' | 'replaceable' | null {
  if (battery === undefined || battery === 'none') return null;
  return typeof battery === 'string' ? battery : battery.kind;
}

function checkWhen(
  { at, group, tokens }: Partial<When>,
  parts: ScenarioParts,
  path: Path,
  report: Report,
): void {
  if (at !== undefined && parts.for !== null && at > parts.for) {
    report([...path, 'at'], 'must not be after the end of the scenario');
  }
  if (group === undefined) return;
  if (tokens !== undefined) report([...path, 'group'], 'and tokens exclude each other');
  const names = new Set(parts.tokens.flatMap(({ read }) => read.group ?? []));
  const isEachNamed =
    parts.isEachGroupHere && parts.tokens.every(({ broken }) => !broken.has('group'));
  if (names.has(group) || !isEachNamed) return;
  const known = [...names].join(', ') || 'none';
  report([...path, 'group'], `must be one of the groups of this file: ${known}`);
}

function checkTargets(
  { tokens = [] }: Partial<When>,
  { groupBySerial, isEachSerialKnown }: CheckedGroups,
  path: Path,
  report: Report,
): void {
  listOf(tokens).forEach((text, entry) => {
    const at = [...path, 'tokens', ...(Array.isArray(tokens) ? [entry] : [])];
    const range = serialRange(text);
    if (typeof range === 'string') {
      report(at, range);
      return;
    }
    if (rangeCount(range) > tokensMax) {
      report(at, `names more than ${tokensMax} tokens`);
      return;
    }
    if (!isEachSerialKnown) return;
    for (const serial of serialsOf(range)) {
      if (!groupBySerial.has(serial)) {
        report(at, `names ${serial}, which is no token here`);
        return;
      }
    }
  });
}

/** Whether what an event does can be done to those whom it concerns. */
function checkDeed(event: ScenarioEvent, groups: CheckedGroups, path: Path, report: Report): void {
  if (event.do === 'restore-backup' && event.of > event.at) {
    report([...path, 'of'], 'must not be after the time at which the backup is restored');
  }
  if (event.do === 'battery-swap') checkSwap(event, path, report);
  const indices = meantBy(event, groups);
  const refusal = deviceRefusal(event.do, indices, groups);
  if (refusal !== null) report([...path, 'do'], refusal);
  if (!('application' in event) || event.application === undefined) return;
  const { application } = event;
  const without = indices
    .map((index) => namesOf(groups.programs[index] ?? null))
    .find((names) => names?.includes(application) === false);
  if (without === undefined || without === null) return;
  const names = without.join(', ');
  report([...path, 'application'], `must be one that each of these tokens has: ${names}`);
}

/** What only one policy heeds says nothing beside another. */
function checkSwap(
  { policy, hold, error }: Extract<ScenarioEvent, { readonly do: 'battery-swap' }>,
  path: Path,
  report: Report,
): void {
  if (hold !== undefined && policy !== 'holdup') {
    report([...path, 'hold'], 'is for policy holdup alone');
  }
  if (error !== undefined && policy !== 'settable') {
    report([...path, 'error'], 'is for policy settable alone');
  }
}

function namesOf(program: GroupProgram | null): readonly string[] | null {
  return program === null ? null : program.applications.map(({ name }) => name);
}

/** Why the devices of these groups are not made for such an event, or null. */
function deviceRefusal(
  deed: ScenarioEvent['do'],
  indices: readonly number[],
  { parts, programs }: CheckedGroups,
): string | null {
  const read = indices.map((index) => parts.tokens[index]?.read ?? {});
  if (deed === 'storage' && read.some(({ drift }) => knowsNoTemperature(drift))) {
    return 'must not be storage for tokens whose clocks know no temperature: those with drift ideal, phone or a line of their own';
  }
  if (deed === 'battery-swap' && read.some((one) => endsOf(one) === 'sealed')) {
    return 'must not be battery-swap for tokens whose battery is sealed in';
  }
  if (deed !== 'device-unlock' || indices.length === 0) return null;
  const mayBeUnlocked = indices.some((index) => {
    const program = programs[index] ?? null;
    return program === null || pinPolicyOf(program.profile)?.onLock === 'unlock';
  });
  return mayBeUnlocked
    ? null
    : 'must not be device-unlock where no token has a device PIN that can be unlocked';
}

function knowsNoTemperature(drift: GroupSpec['drift'] | undefined): boolean {
  return typeof drift === 'object' || drift === 'ideal' || drift === 'phone';
}

/** The indices of the groups of which an event concerns at least one token. */
function meantBy(event: When, { parts, groupBySerial }: CheckedGroups): readonly number[] {
  if (event.tokens === undefined) {
    return [...parts.tokens.keys()].filter((index) => isOf(event, parts.tokens[index]?.read ?? {}));
  }
  const indices = new Set<number>();
  for (const text of listOf(event.tokens)) {
    const range = serialRange(text);
    if (typeof range === 'string' || rangeCount(range) > tokensMax) continue;
    for (const serial of serialsOf(range)) {
      const index = groupBySerial.get(serial);
      if (index !== undefined) indices.add(index);
    }
  }
  return [...indices];
}

function countIn(parts: ScenarioParts, sizes: readonly number[], when: Partial<When>): number {
  return parts.tokens.reduce(
    (sum, { read }, index) => sum + (isOf(when, read) ? (sizes[index] ?? 0) : 0),
    0,
  );
}

function isOf(when: Pick<When, 'group'>, { group }: Partial<GroupSpec>): boolean {
  return when.group === undefined || when.group === group;
}

function countOf(serials: string | readonly string[]): number {
  return listOf(serials).reduce((sum, text) => {
    const range = serialRange(text);
    return sum + (typeof range === 'string' ? 0 : rangeCount(range));
  }, 0);
}
