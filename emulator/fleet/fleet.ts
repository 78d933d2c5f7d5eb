import { parseApplicationText } from '../device/application.ts';
import { profileNamed } from '../device/profiles.ts';
import { createToken, type VirtualToken } from '../device/token.ts';
import { type Calendar, calendarOf } from './calendar.ts';
import { rulesOf } from './check.ts';
import { type DrawnToken, eventsBySerial } from './draw.ts';
import { dayMs } from './duration.ts';
import { Life } from './life.ts';
import { Oracle, type Rules } from './oracle/index.ts';
import { planOf } from './plan.ts';
import { challengeDigits, sequenceOf } from './program.ts';
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

/** The device of a drawn token, as it comes out of its box. */
export function deviceOf({ serial, profile, application, key, clock }: DrawnToken): VirtualToken {
  const programmed = {
    ...profileNamed(profile),
    applications: [parseApplicationText(application)],
  };
  const spec = { serial, profile: programmed, clock };
  return createToken(spec, [new Uint8Array(Buffer.from(key, 'hex'))]);
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
  const program = parseApplicationText(drawn.application);
  const { algorithm } = program;
  const sequence = sequenceOf(algorithm);
  const key = Buffer.from(drawn.key, 'hex');
  const { serial } = drawn;
  const endMs = start + scenario.for;
  return new Life({
    seed,
    endMs,
    // Local days begin and end elsewhere.
    days: Math.ceil(scenario.for / dayMs) + 1,
    token: deviceOf(drawn),
    sequence,
    challengeDigits: challengeDigits(algorithm),
    fixedQuestion: algorithm.kind === 'time-event' ? algorithm.question : null,
    behaviour,
    plan: planOf({
      seed,
      startMs: start,
      endMs,
      token: drawn,
      behaviour,
      events,
      calendar,
      hasCounter: sequence.hasCounter,
      stepSeconds: sequence.stepSeconds,
    }),
    oracle: new Oracle({ serial, applicationName: program.name, seed: key, sequence, rules }),
  });
}
