import { clockEventsMax } from '../physics/clock-parameters.ts';
import { EmulatorError } from '../errors.ts';
import { isZone, readDays } from './calendar.ts';
import { localAuthentication, type Rules } from './oracle/index.ts';
import { programOf, sequenceOf } from './program.ts';
import type { GroupSpec, Scenario, ScenarioEvent, ScenarioProblem } from './scenario.ts';
import { tokensMax } from './scenario-schema.ts';
import { rangeCount, serialRange, serialsOf } from './serials.ts';

type Path = ScenarioProblem['path'];
type Report = (path: Path, message: string) => void;

/** Matches of tokens and events: each is work, and may be kept in memory. */
const matchesMax = 1_000_000;
/** Drawn mishaps of a clock come on top. */
const clockChangesMax = clockEventsMax - 56;
/** 1973: the clocks of a warehouse began three years earlier. */
const startMsMin = 94_694_400_000;

/** The settings that the fleet is judged by. */
export function rulesOf({ policy }: Pick<Scenario, 'policy'>): Rules {
  return { ...localAuthentication, ...policy };
}

/** What no schema can say: names that must exist, ranges that must fit together. */
export function checkScenario(scenario: Scenario): readonly ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  if (scenario.start < startMsMin) report(['start'], 'must be 1973 or later');
  Object.entries(scenario.behaviours).forEach(([name, behaviour]) => {
    const { logins, submitDelay } = behaviour;
    const path = ['behaviours', name];
    const [from = 0, to = 0] = logins.hours.split('-').map(Number);
    if (!(from < to)) report([...path, 'logins', 'hours'], 'must end later than it begins');
    if (readDays(logins.days) === null) {
      report([...path, 'logins', 'days'], 'must be daily, or days such as mon-fri or mon,wed,sat');
    }
    if (!isZone(logins.zone)) {
      report([...path, 'logins', 'zone'], 'must be a time zone of IANA such as Europe/Berlin');
    }
    if (submitDelay.from > submitDelay.to) {
      report([...path, 'submitDelay'], 'must not end before it begins');
    }
  });
  const serials = checkGroups(scenario, report);
  if (problems.length === 0) checkEvents(scenario, serials, report);
  return problems;
}

/** @returns the index of the group of each serial */
function checkGroups(scenario: Scenario, report: Report): ReadonlyMap<string, number> {
  const groupBySerial = new Map<string, number>();
  const rules = rulesOf(scenario);
  scenario.tokens.forEach((group, index) => {
    const path = ['tokens', index];
    if (group.behaviour !== undefined && !Object.hasOwn(scenario.behaviours, group.behaviour)) {
      const known = Object.keys(scenario.behaviours).join(', ') || 'none';
      report([...path, 'behaviour'], `must be one of the behaviours of this file: ${known}`);
    }
    checkProgram(group, rules, path, report);
    checkSerials(group, groupBySerial, index, report);
  });
  return groupBySerial;
}

function checkProgram(group: GroupSpec, rules: Rules, path: Path, report: Report): void {
  try {
    const { applications } = programOf(group);
    const hasBoth = applications.some(({ algorithm }) => {
      const { hasClock, hasCounter } = sequenceOf(algorithm);
      return hasClock && hasCounter;
    });
    if (hasBoth && rules.timeAndEventApplications === 'forbidden') {
      report(
        [...path, 'profile'],
        'has clock and counter together: set timeAndEventApplications to allowed in policy',
      );
    }
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    const member = group.algorithm === undefined ? 'application' : 'algorithm';
    const at = group[member] === undefined ? 'profile' : member;
    report([...path, at], error.message);
  }
}

function checkSerials(
  group: GroupSpec,
  groupBySerial: Map<string, number>,
  index: number,
  report: Report,
): void {
  listOf(group.serials).forEach((text, entry) => {
    const path = ['tokens', index, 'serials', ...(Array.isArray(group.serials) ? [entry] : [])];
    const range = serialRange(text);
    if (typeof range === 'string') {
      report(path, range);
      return;
    }
    if (groupBySerial.size + rangeCount(range) > tokensMax) {
      report(path, `would make more than ${tokensMax} tokens`);
      return;
    }
    for (const serial of serialsOf(range)) {
      if (groupBySerial.has(serial)) {
        report(path, `names ${serial} a second time`);
        return;
      }
      groupBySerial.set(serial, index);
    }
  });
}

function checkEvents(
  scenario: Scenario,
  groupBySerial: ReadonlyMap<string, number>,
  report: Report,
): void {
  const sizes = scenario.tokens.map(({ serials }) => countOf(serials));
  const names = new Set(
    scenario.tokens.flatMap(({ group }) => (group === undefined ? [] : [group])),
  );
  let matches = 0;
  scenario.events.forEach((event, index) => {
    const path = ['events', index];
    if (event.at > scenario.for)
      report([...path, 'at'], 'must not be after the end of the scenario');
    if (event.do === 'restore-backup' && event.of > event.at) {
      report([...path, 'of'], 'must not be after the time at which the backup is restored');
    }
    if (event.group !== undefined && event.tokens !== undefined) {
      report([...path, 'group'], 'and tokens exclude each other');
    }
    if (event.group !== undefined && !names.has(event.group)) {
      const known = [...names].join(', ') || 'none';
      report([...path, 'group'], `must be one of the groups of this file: ${known}`);
    }
    matches += checkTargets(event, groupBySerial, path, report) ?? countIn(scenario, sizes, event);
    if (event.do === 'storage') checkStorage(scenario, event, groupBySerial, path, report);
  });
  if (matches > matchesMax) {
    report(['events'], `must concern at most ${matchesMax} tokens taken together, not ${matches}`);
  }
  const changes = scenario.events.filter(
    (event) => event.do === 'storage' || event.do === 'battery-swap' || event.do === 'clock-jump',
  );
  if (changes.length > clockChangesMax) {
    report(['events'], `must change clocks at most ${clockChangesMax} times`);
  }
}

/** @returns how many tokens are named, or null where none is */
function checkTargets(
  event: ScenarioEvent,
  groupBySerial: ReadonlyMap<string, number>,
  path: Path,
  report: Report,
): number | null {
  if (event.tokens === undefined) return null;
  let count = 0;
  listOf(event.tokens).forEach((text, entry) => {
    const at = [...path, 'tokens', ...(Array.isArray(event.tokens) ? [entry] : [])];
    const range = serialRange(text);
    if (typeof range === 'string') {
      report(at, range);
      return;
    }
    if (rangeCount(range) > tokensMax) {
      report(at, `names more than ${tokensMax} tokens`);
      return;
    }
    count += rangeCount(range);
    for (const serial of serialsOf(range)) {
      if (!groupBySerial.has(serial)) {
        report(at, `names ${serial}, which is no token here`);
        return;
      }
    }
  });
  return count;
}

function checkStorage(
  scenario: Scenario,
  event: ScenarioEvent,
  groupBySerial: ReadonlyMap<string, number>,
  path: Path,
  report: Report,
): void {
  const named = listOf(event.tokens ?? []).flatMap((text) => {
    const range = serialRange(text);
    return typeof range === 'string' ? [] : [...serialsOf(range)];
  });
  const indices = new Set(named.map((serial) => groupBySerial.get(serial)));
  const without = scenario.tokens.find(({ drift, group }, index) => {
    const isMeant = event.tokens === undefined ? isOf(event, group) : indices.has(index);
    return isMeant && (typeof drift === 'object' || drift === 'ideal' || drift === 'phone');
  });
  if (without === undefined) return;
  report(
    [...path, 'do'],
    'must not be storage for tokens whose clocks know no temperature: those with drift ideal, phone or a line of their own',
  );
}

function countIn(scenario: Scenario, sizes: readonly number[], event: ScenarioEvent): number {
  return scenario.tokens.reduce(
    (sum, { group }, index) => sum + (isOf(event, group) ? (sizes[index] ?? 0) : 0),
    0,
  );
}

function isOf(event: ScenarioEvent, group: string | undefined): boolean {
  return event.group === undefined || event.group === group;
}

function countOf(serials: string | readonly string[]): number {
  return listOf(serials).reduce((sum, text) => {
    const range = serialRange(text);
    return sum + (typeof range === 'string' ? 0 : rangeCount(range));
  }, 0);
}

export function listOf(serials: string | readonly string[]): readonly string[] {
  return typeof serials === 'string' ? [serials] : serials;
}
