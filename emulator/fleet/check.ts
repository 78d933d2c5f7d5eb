import { EmulatorError } from '../errors.ts';
import { isZone, readDays } from './calendar.ts';
import { checkEvents } from './check-events.ts';
import type { CheckedGroups, Path, Report } from './checked.ts';
import { devicePinRefusal } from './device-pin.ts';
import { localAuthentication, type Rules } from './oracle/index.ts';
import { type GroupProgram, programOf, sequenceOf } from './program.ts';
import type {
  Behaviour,
  GroupSpec,
  Part,
  Scenario,
  ScenarioParts,
  ScenarioProblem,
} from './scenario.ts';
import { tokensMax } from './scenario-schema.ts';
import { listOf, rangeCount, serialRange, serialsOf } from './serials.ts';

/** 1973: the clocks of a warehouse began three years earlier. */
const startMsMin = 94_694_400_000;

/** The settings that the fleet is judged by. */
export function rulesOf({ policy }: Pick<Scenario, 'policy'>): Rules {
  return { ...localAuthentication, ...policy };
}

/**
 * What no schema can say: names that must exist, ranges that must fit together. Of a scenario with
 * other errors, the parts that can be read are checked.
 */
export function checkScenario(parts: ScenarioParts): readonly ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  if (parts.start !== null && parts.start < startMsMin) report(['start'], 'must be 1973 or later');
  Object.entries(parts.behaviours).forEach(([name, { read }]) => {
    checkBehaviour(read, ['behaviours', name], report);
  });
  const groups = checkGroups(parts, report);
  checkShares(groups, report);
  checkEvents(groups, report);
  return problems;
}

function checkBehaviour(
  { logins, submitDelay }: Partial<Behaviour>,
  path: Path,
  report: Report,
): void {
  if (logins !== undefined) {
    const [from = 0, to = 0] = logins.hours.split('-').map(Number);
    if (!(from < to)) report([...path, 'logins', 'hours'], 'must end later than it begins');
    if (readDays(logins.days) === null) {
      report([...path, 'logins', 'days'], 'must be daily, or days such as mon-fri or mon,wed,sat');
    }
    if (!isZone(logins.zone)) {
      report([...path, 'logins', 'zone'], 'must be a time zone of IANA such as Europe/Berlin');
    }
  }
  if (submitDelay !== undefined && submitDelay.from > submitDelay.to) {
    report([...path, 'submitDelay'], 'must not end before it begins');
  }
}

function checkGroups(parts: ScenarioParts, report: Report): CheckedGroups {
  const groupBySerial = new Map<string, number>();
  let isEachSerialKnown = parts.isEachGroupHere;
  const pinsTold = new Set<string>();
  const programs = parts.tokens.map((group, index) => {
    const path = ['tokens', index];
    const { behaviour, serials, battery } = group.read;
    if (behaviour !== undefined && !Object.hasOwn(parts.behaviours, behaviour)) {
      const known = Object.keys(parts.behaviours).join(', ') || 'none';
      report([...path, 'behaviour'], `must be one of the behaviours of this file: ${known}`);
    }
    const isKnown = serials !== undefined && checkSerials(serials, groupBySerial, index, report);
    if (!isKnown) isEachSerialKnown = false;
    checkAge(parts.start, battery, path, report);
    const program = checkProgram(group, parts, path, report);
    if (program !== null && behaviour !== undefined) {
      checkOwners(
        program,
        parts.behaviours[behaviour]?.read ?? {},
        behaviour,
        index,
        pinsTold,
        report,
      );
    }
    return program;
  });
  return { parts, groupBySerial, isEachSerialKnown, programs };
}

function checkAge(
  start: number | null,
  battery: GroupSpec['battery'],
  path: Path,
  report: Report,
): void {
  if (typeof battery !== 'object' || start === null || battery.age <= start) return;
  report([...path, 'battery', 'age'], 'must not reach back before 1970');
}

const programMembers = ['profile', 'application', 'applications', 'algorithm'] as const;

function checkProgram(
  { read, broken }: Part<GroupSpec>,
  { policy }: ScenarioParts,
  path: Path,
  report: Report,
): GroupProgram | null {
  const { profile, application, applications, algorithm } = read;
  if (profile === undefined || programMembers.some((member) => broken.has(member))) return null;
  const given = { profile, application, applications, algorithm };
  try {
    const program = programOf(given);
    const hasBoth = program.applications.some((one) => {
      const { hasClock, hasCounter } = sequenceOf(one.algorithm);
      return hasClock && hasCounter;
    });
    const rule = 'timeAndEventApplications';
    if (
      hasBoth &&
      !policy.broken.has(rule) &&
      rulesOf({ policy: policy.read })[rule] !== 'allowed'
    ) {
      report(
        [...path, 'profile'],
        'has clock and counter together: set timeAndEventApplications to allowed in policy',
      );
    }
    return program;
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error;
    const at = programMembers.findLast((member) => given[member] !== undefined) ?? 'profile';
    // Some sentences begin with the name that the path ends with.
    report([...path, at], error.message.replace(/^(?:algorithm:? )+/, ''));
    return null;
  }
}

/** What owners do must be possible with what they have. */
function checkOwners(
  { profile, applications, hasAll }: GroupProgram,
  { applications: shares, devicePin }: Partial<Behaviour>,
  name: string,
  index: number,
  pinsTold: Set<string>,
  report: Report,
): void {
  const names = applications.map((one) => one.name);
  if (hasAll && shares !== undefined && !names.some((one) => (shares[one] ?? 0) > 0)) {
    report(
      ['tokens', index, 'behaviour'],
      `uses none of the applications of these tokens: ${names.join(', ')}`,
    );
  }
  const refusal = devicePin === undefined ? null : devicePinRefusal(profile, devicePin);
  if (refusal === null || pinsTold.has(name)) return;
  pinsTold.add(name);
  report(['behaviours', name, 'devicePin'], `is none for tokens[${index}]: ${refusal}`);
}

/** A name that nobody has would be a share that nobody uses. */
function checkShares({ parts, programs }: CheckedGroups, report: Report): void {
  const { tokens, isEachGroupHere, behaviours } = parts;
  if (!isEachGroupHere || tokens.some(({ broken }) => broken.has('behaviour'))) return;
  Object.entries(behaviours).forEach(([name, { read }]) => {
    const owned = programs.filter((_, index) => tokens[index]?.read.behaviour === name);
    if (owned.length === 0 || owned.includes(null)) return;
    const names = new Set(
      owned.flatMap((program) => program?.applications.map((one) => one.name) ?? []),
    );
    Object.keys(read.applications ?? {}).forEach((application) => {
      if (names.has(application)) return;
      const message = `is none that these owners have: ${[...names].join(', ')}`;
      report(['behaviours', name, 'applications', application], message);
    });
  });
}

/** @returns whether all of them are known now */
function checkSerials(
  serials: GroupSpec['serials'],
  groupBySerial: Map<string, number>,
  index: number,
  report: Report,
): boolean {
  let isKnown = true;
  listOf(serials).forEach((text, entry) => {
    const path = ['tokens', index, 'serials', ...(Array.isArray(serials) ? [entry] : [])];
    const refuse = (message: string): void => {
      report(path, message);
      isKnown = false;
    };
    const range = serialRange(text);
    if (typeof range === 'string') {
      refuse(range);
      return;
    }
    if (groupBySerial.size + rangeCount(range) > tokensMax) {
      refuse(`would make more than ${tokensMax} tokens`);
      return;
    }
    for (const serial of serialsOf(range)) {
      if (groupBySerial.has(serial)) {
        refuse(`names ${serial} a second time`);
        return;
      }
      groupBySerial.set(serial, index);
    }
  });
  return isKnown;
}
