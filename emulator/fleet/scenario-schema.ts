import { z } from 'zod';
import { driftPresets } from '../physics/presets.ts';
import { pressPresets } from '../physics/presses.ts';
import { profileNames } from '../device/profiles.ts';
import { columnNames, isEachOnce, outputFormats } from './columns.ts';
import { dayMs } from './duration.ts';
import { parseIsoTime } from './iso-time.ts';
import { type RuleLimit, ruleLimits, type Rules } from './oracle/index.ts';
import {
  batteryKinds,
  type BatterySpec,
  type Behaviour,
  type GroupSpec,
  type PressSpec,
  type Scenario,
  type ScenarioEvent,
  type ScenarioParts,
  type ScenarioProblem,
  usualLife,
  type When,
} from './scenario.ts';
import {
  described,
  type Duration,
  duration,
  list,
  listed,
  name,
  number,
  object,
  oneOrList,
  problemsOf,
  readPart,
  refusal,
  text,
  whole,
  word,
  yesOrNo,
} from './scenario-values.ts';
import { serialsPattern } from './serials.ts';

/**
 * The shape of a scenario file, once: the checks, the published JSON Schema and the types all come
 * from here.
 */

export const tokensMax = 100_000;
const daysMax = 3660;
const groupsMax = 1000;
/** Ten years before the year 9999 ends. */
const startMsMax = 253_000_000_000_000;
const eventsMax = 10_000;
const behavioursMax = 100;
const burstMax = 10_000;
/** As many as a device has. */
const applicationsMax = 8;

const longestMs = daysMax * dayMs;
const offsetInTime = (): Duration =>
  duration(`a duration from the start on, of at most ${daysMax} days`, 0, longestMs);
const lasting = (): Duration => duration(`a duration of at most ${daysMax} days`, 0, longestMs);
const short = (): Duration => duration('a duration of at most an hour', 0, dayMs / 24);
const change = (): Duration =>
  duration(`a duration with a sign, of at most ${daysMax} days`, -longestMs, longestMs);

const share = (): z.ZodNumber => number(0, 1);

const serialAllowed =
  'a serial of 4 to 16 capital letters and digits, or a range such as VT90000001..VT90000100';
const serials = (): ReturnType<typeof oneOrList<z.ZodString>> =>
  oneOrList(text(serialsPattern, serialAllowed), serialAllowed, groupsMax);

const presses: z.ZodType<PressSpec> = z
  .union(
    [
      word(pressPresets),
      object({
        meanPerDay: number(0, 1000),
        shape: number(0.01, 1000).default(0.5),
        burstsPerDay: number(0, 1).default(0),
        burstMean: number(0, 100_000).default(8),
      }),
    ],
    refusal(
      `${listed(pressPresets)}, or an object with meanPerDay, shape, burstsPerDay, burstMean`,
    ),
  )
  .meta({ description: 'Presses that nobody submits: in pockets, by children.' });

const drift: z.ZodType<GroupSpec['drift']> = z
  .union(
    [
      word(driftPresets),
      object({
        offset: change().prefault('PT0S'),
        ppm: number(-1000, 1000).default(0),
      }),
    ],
    refusal(`${listed(driftPresets)}, or an object with offset and ppm`),
  )
  .meta({ description: 'How wrong the clocks are: a preset that is drawn, or a line.' });

function daysText(ms: number): string {
  return `P${ms / dayMs}D`;
}

const battery: z.ZodType<BatterySpec> = z
  .union(
    [
      word(['none', ...batteryKinds]),
      object({
        kind: word(batteryKinds),
        life: duration(`a duration from P30D to P${daysMax}D`, 30 * dayMs, longestMs).prefault(
          daysText(usualLife.life),
        ),
        spread: number(0, 0.5).default(usualLife.spread),
        age: lasting().prefault(daysText(usualLife.age)),
        celsius: number(-20, 60).default(usualLife.celsius),
        warnBefore: lasting().prefault(daysText(usualLife.warnBefore)),
      }),
    ],
    refusal(
      `${listed(['none', ...batteryKinds])}, or an object with kind, life, spread, age, celsius, warnBefore`,
    ),
  )
  .meta({ description: 'Whether it ends, and can then be changed.' });

const applicationName = (): z.ZodString =>
  text(/^[A-Z0-9][A-Z0-9 _-]{0,11}$/, 'the name of an application of the profile');

const group = object({
  serials: described(serials(), 'One serial or range, or a list of them.'),
  profile: described(word(profileNames), 'Kind of device.'),
  application: described(
    applicationName().optional(),
    'Which application is used, where the profile has several.',
  ),
  applications: described(
    list(applicationName(), 1, applicationsMax).optional(),
    'Several that each token has and its owner uses; the first one where nothing else is said.',
  ),
  algorithm: described(
    text(/^.{1,80}$/, 'an algorithm such as TOTP-SHA256-8-60S').optional(),
    'Another algorithm than that of the profile.',
  ),
  drift: drift.default('typical'),
  battery: battery.optional(),
  presses: presses.optional(),
  group: described(name().optional(), 'A name by which events find these tokens.'),
  behaviour: described(name().optional(), 'What their owners do; one of `behaviours`.'),
});

const behaviour = object({
  logins: object({
    perDay: described(number(0, 200).default(1), 'Mean number of logons on a day that has any.'),
    days: described(
      text(
        /^(?:daily|(?:mon|tue|wed|thu|fri|sat|sun)(?:[-,](?:mon|tue|wed|thu|fri|sat|sun)){0,6})$/,
        'daily, or days such as mon-fri or mon,wed,sat',
      ).default('mon-fri'),
      'Days of the week.',
    ),
    hours: described(
      text(/^(?:[01]\d|2[0-3])-(?:[01]\d|2[0-4])$/, 'hours of the day such as 07-19').default(
        '07-19',
      ),
      'Hours of the day, local time.',
    ),
    zone: described(
      text(/^[A-Za-z0-9_+/-]{1,64}$/, 'a time zone of IANA such as Europe/Berlin').default('UTC'),
      'Time zone of the owners.',
    ),
  }).prefault({}),
  submitDelay: object({ from: short(), to: short() })
    .prefault({ from: 'PT2S', to: 'PT25S' })
    .meta({ description: 'How long after the press a response is submitted; evenly.' }),
  typingErrors: described(share().default(0), 'Share of responses with one digit mistyped.'),
  presses: presses.default('typical'),
  challengeLogons: described(
    share().default(0),
    'Share of the tokens with both kinds of applications whose owners log on by challenge; of the logons, where each token has several.',
  ),
  applications: described(
    z
      .record(
        applicationName(),
        number(0, 1),
        refusal('an object with shares by the names of applications'),
      )
      .optional(),
    'How often each application is used, in proportion; one that is not named is not used.',
  ),
  devicePin: described(
    text(/^\d{4,12}$/, 'text of 4 to 12 digits, in quotes').optional(),
    'The PIN of devices that have one; drawn for each where it is left out.',
  ),
  pinErrors: described(share().optional(), 'Share of device PINs that are mistyped at logons.'),
  autoOff: described(
    yesOrNo().default(true),
    'Whether nobody submits what the display no longer shows.',
  ),
  retries: described(whole(0, 10).default(0), 'How often somebody who was refused tries again.'),
});

const when = {
  at: offsetInTime(),
  tokens: serials().optional(),
  group: name().optional(),
};

const eventKinds: readonly ScenarioEvent['do'][] = [
  'press',
  'unsent',
  'storage',
  'battery-swap',
  'clock-jump',
  'restore-backup',
  'reseed',
  'away',
  'unlock',
  'device-unlock',
  'resync',
];

const times = (): z.ZodNumber => whole(1, burstMax);

const event: z.ZodType<ScenarioEvent> = z.discriminatedUnion(
  'do',
  [
    object({
      ...when,
      do: z.literal('press'),
      times: times().default(1),
      submit: yesOrNo().default(true),
      application: applicationName().optional(),
    }),
    object({
      ...when,
      do: z.literal('unsent'),
      times: times().default(1),
      application: applicationName().optional(),
    }),
    object({ ...when, do: z.literal('storage'), celsius: number(-60, 150), for: lasting() }),
    object({
      ...when,
      do: z.literal('battery-swap'),
      gap: lasting(),
      policy: word(['pause', 'holdup', 'reset', 'settable']).default('pause'),
      hold: lasting().optional(),
      error: lasting().optional(),
      flushEvery: whole(1, 1000).default(1),
    }),
    object({ ...when, do: z.literal('clock-jump'), by: change() }),
    object({ ...when, do: z.literal('restore-backup'), of: offsetInTime() }),
    object({ ...when, do: z.literal('away'), for: lasting() }),
    object({ ...when, do: z.literal('resync'), application: applicationName().optional() }),
    object({ ...when, do: z.literal(['reseed', 'unlock', 'device-unlock']) }),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object' && input !== null
        ? `must be ${listed(eventKinds)}`
        : `must be an object with at and do: ${listed(eventKinds)}`,
  },
);

function ruleSchema(limit: RuleLimit): z.ZodType<Rules[keyof Rules]> {
  switch (limit.kind) {
    case 'boolean':
      return yesOrNo();
    case 'word':
      return word(['allowed', 'forbidden']);
    case 'whole':
      return limit.isNullable
        ? whole(limit.min, limit.max).nullable()
        : whole(limit.min, limit.max);
  }
}

const policy = object(
  Object.fromEntries(
    Object.entries(ruleLimits).map(([rule, limit]) => [rule, ruleSchema(limit).optional()]),
  ),
);

const start = text(
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/,
  'a time with zone such as 2026-01-01T00:00:00Z',
).transform((given, context) => {
  const atMs = parseIsoTime(given);
  if (atMs !== null && atMs >= 0 && atMs < startMsMax) return atMs;
  context.addIssue({ code: 'custom', message: 'must be a time that exists, from 1970 on' });
  return 0;
});

const scenarioSchema: z.ZodType<Scenario> = object({
  version: z.literal(1, refusal('1')),
  seed: described(
    text(/^.{1,128}$/u, 'text of 1 to 128 characters'),
    'Everything that is drawn follows from it; keys too, so they are for tests alone.',
  ),
  start,
  for: described(
    duration(`a duration of at most ${daysMax} days`, 1, longestMs),
    'How long the fleet is watched.',
  ),
  tokens: list(group, 1, groupsMax),
  behaviours: z
    .record(name(), behaviour, refusal('an object of behaviours by name'))
    .default({})
    .refine((given) => Object.keys(given).length <= behavioursMax, {
      error: `must be at most ${behavioursMax} behaviours`,
    }),
  events: list(event, 0, eventsMax).default([]),
  policy: policy
    .prefault({})
    .meta({ description: 'Settings of the verifier; absent ones as in Local Authentication.' }),
  output: object({
    format: word(outputFormats).default('csv'),
    columns: list(word(columnNames), 1, columnNames.length)
      .refine(isEachOnce, { error: 'must name each column once' })
      .optional(),
  }).prefault({}),
});

/** JSON Schema (2020-12) of a scenario file. */
export function scenarioJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input' });
  return { ...schema, title: 'A scenario for a fleet of virtual tokens' };
}

/** What a value comes to: a scenario with its defaults, or what is wrong with its shape. */
export interface ScenarioShape {
  /** Null where something is wrong with its shape. */
  readonly scenario: Scenario | null;
  readonly problems: readonly ScenarioProblem[];
  readonly parts: ScenarioParts;
}

/** The shape of a value; where it is wrong, the parts that can be read are there all the same. */
export function shapeOf(value: unknown): ScenarioShape {
  const read = scenarioSchema.safeParse(value);
  if (read.success) return { scenario: read.data, problems: [], parts: partsOf(value) };
  return {
    scenario: null,
    problems: read.error.issues.flatMap(problemsOf),
    parts: partsOf(value),
  };
}

const nothing: Readonly<Record<string, unknown>> = {};

function partsOf(value: unknown): ScenarioParts {
  const given = membersOf(value);
  const { tokens, events = [] } = given;
  const groups: readonly unknown[] = Array.isArray(tokens) ? tokens.slice(0, groupsMax) : [];
  const happening: readonly unknown[] = Array.isArray(events) ? events.slice(0, eventsMax) : [];
  return {
    start: dataOf(start, given['start']),
    for: dataOf(lasting(), given['for']),
    tokens: groups.map((one) => readPart<GroupSpec>(group.shape, one)),
    isEachGroupHere: Array.isArray(tokens) && groups.length === tokens.length,
    behaviours: Object.fromEntries(
      Object.entries(membersOf(given['behaviours']))
        .slice(0, behavioursMax)
        .map(([named, one]) => [named, readPart<Behaviour>(behaviour.shape, one)]),
    ),
    events: happening.map((one) => ({
      when: readPart<When>(when, one).read,
      whole: dataOf(event, one),
    })),
    policy: readPart<Rules>(policy.shape, given['policy'] ?? {}),
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : nothing;
}

function dataOf<Data>(schema: z.ZodType<Data>, value: unknown): Data | null {
  const read = schema.safeParse(value);
  return read.success ? read.data : null;
}
