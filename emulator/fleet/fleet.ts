import { type ApplicationProgram, parseApplicationText } from '../device/application.ts';
import { createPinVerifier } from '../device/pin.ts';
import { profileNamed } from '../device/profiles.ts';
import { createToken, type VirtualToken } from '../device/token.ts';
import { type Calendar, calendarOf } from './calendar.ts';
import { rulesOf } from './check.ts';
import { DeviceInHand } from './device-in-hand.ts';
import { fleetPorts, secretPin } from './device-pin.ts';
import { type DrawnApplication, type DrawnToken, eventsBySerial } from './draw.ts';
import { dayMs } from './duration.ts';
import { Life, type LifeApplication } from './life.ts';
import { Oracle, type Rules, type SubjectApplication } from './oracle/index.ts';
import { planOf } from './plan.ts';
import { challengeDigits, sequenceOf } from './program.ts';
import type { Row } from './row.ts';
import { FleetRun } from './run.ts';
import type { Behaviour, Scenario } from './scenario.ts';

/** What owners do whom the scenario says nothing about. */
const usualBehaviour: Behaviour = {
  logins: { perDay: 1, days: 'mon-fri', hours: '07-19', zone: 'UTC' },
  submitDelay: { from: 2000, to: 25_000 },
  typingErrors: 0,
  presses: 'typical',
  challengeLogons: 0,
  autoOff: true,
  retries: 0,
};

/** Makes the lives of drawn tokens: each begins with the scenario. */
export function livesOf(
  scenario: Scenario,
  tokens: Iterable<DrawnToken>,
  rules: Rules = rulesOf(scenario),
): Life[] {
  const events = eventsBySerial(scenario);
  const calendars = new Map<string, Calendar>();
  const calendarFor = (zone: string): Calendar => {
    const known = calendars.get(zone) ?? calendarOf(zone, scenario.start);
    calendars.set(zone, known);
    return known;
  };
  return Array.from(tokens, (drawn) => {
    const behaviour = behaviourOf(scenario, drawn);
    const calendar = calendarFor(behaviour.logins.zone);
    return lifeOf(scenario, drawn, rules, behaviour, calendar, events(drawn.serial, drawn));
  });
}

/**
 * What happens to a fleet, one row after the other in order of time, as `vtoken fleet run` writes it.
 * The tokens begin anew: nothing is kept of an earlier run.
 *
 * @param rules what is expected is reckoned by these; default: the policy of the scenario
 */
export function* rowsOf(
  { scenario, tokens }: { readonly scenario: Scenario; readonly tokens: Iterable<DrawnToken> },
  rules: Rules = rulesOf(scenario),
): Generator<Row, void> {
  const run = new FleetRun(livesOf(scenario, tokens, rules));
  for (let row = run.next(); row !== undefined; row = run.next()) yield row;
}

/** All applications of a drawn token, the one that unlocks it included. */
export function applicationsOf({
  application,
  key,
  more,
}: Pick<DrawnToken, 'application' | 'key' | 'more'>): readonly (DrawnApplication & {
  readonly program: ApplicationProgram;
})[] {
  return [{ application, key }, ...more].map((one) => ({
    ...one,
    program: parseApplicationText(one.application),
  }));
}

/** The device of a drawn token, as its owner has it: full battery, and the PIN is set. */
export function deviceOf(drawn: DrawnToken): VirtualToken {
  const { serial, profile, clock, key, devicePin, battery } = drawn;
  const all = applicationsOf(drawn);
  const programmed = { ...profileNamed(profile), applications: all.map(({ program }) => program) };
  const seeds = all.map((one) => new Uint8Array(Buffer.from(one.key, 'hex')));
  const ports = fleetPorts(serial, key);
  const token = createToken({ serial, profile: programmed, clock, battery }, seeds, ports);
  const { pin } = token.state;
  if (pin === null || devicePin === null) return token;
  const verifier = createPinVerifier(secretPin(devicePin), ports);
  return { ...token, state: { ...token.state, pin: { ...pin, verifier, mustChange: false } } };
}

function behaviourOf({ behaviours }: Scenario, { behaviour }: DrawnToken): Behaviour {
  return (behaviour === null ? undefined : behaviours[behaviour]) ?? usualBehaviour;
}

function lifeOf(
  scenario: Scenario,
  drawn: DrawnToken,
  rules: Rules,
  behaviour: Behaviour,
  calendar: Calendar,
  events: ReturnType<ReturnType<typeof eventsBySerial>>,
): Life {
  const { seed, start } = scenario;
  const { serial } = drawn;
  const used = applicationsOf(drawn).flatMap(({ program, key }) =>
    program.mode === 'unlock' ? [] : [usedOf(program, key)],
  );
  const [first, ...others] = used;
  if (first === undefined) throw new TypeError('every token has an application');
  const named = (name: string | undefined): LifeApplication =>
    used.find((one) => one.name === name) ?? first;
  const pressed = used.find(({ sequence }) => sequence.hasCounter) ?? null;
  const device = new DeviceInHand(deviceOf(drawn), drawn.devicePin, drawn.key);
  const endMs = start + scenario.for;
  return new Life({
    seed,
    endMs,
    // Local days begin and end elsewhere.
    days: Math.ceil(scenario.for / dayMs) + 1,
    device,
    devicePin: drawn.devicePin,
    applications: used,
    shares: sharesOf(used, behaviour),
    behaviour,
    plan: planOf({
      seed,
      startMs: start,
      endMs,
      token: drawn,
      behaviour,
      events,
      calendar,
      pocketApplication: drawn.devicePin === null ? pressed : null,
      sequenceOf: (application) => named(application).sequence,
    }),
    oracle: new Oracle({
      serial,
      rules,
      ...first.subject,
      others: others.map((one) => one.subject),
    }),
  });
}

/** An application with all that a life and the oracle must know of it. */
type Used = LifeApplication & { readonly subject: SubjectApplication };

function usedOf({ name, algorithm }: ApplicationProgram, key: string): Used {
  const sequence = sequenceOf(algorithm);
  return {
    name,
    challengeDigits: challengeDigits(algorithm),
    sequence,
    subject: {
      applicationName: name,
      seed: Buffer.from(key, 'hex'),
      sequence,
      fixedQuestion: algorithm.kind === 'time-event' ? algorithm.question : null,
    },
  };
}

/**
 * How many of the logons go to each application: as the behaviour names them; else those by challenge
 * share `challengeLogons`, and the others the rest.
 */
function sharesOf(
  used: readonly LifeApplication[],
  { applications, challengeLogons }: Behaviour,
): readonly number[] {
  if (applications !== undefined) return used.map(({ name }) => applications[name] ?? 0);
  const asks = ({ sequence }: LifeApplication): boolean => sequence.isAsked;
  const asked = used.filter(asks).length;
  const isMixed = asked > 0 && asked < used.length;
  if (!isMixed) return used.map(() => 1);
  return used.map((one) =>
    asks(one) ? challengeLogons / asked : (1 - challengeLogons) / (used.length - asked),
  );
}
