import { z } from 'zod';
import { driftPresets } from '../physics/presets.ts';
import { pressPresets } from '../physics/presses.ts';
import { profileNames } from '../device/profiles.ts';
import { columnNames, outputFormats } from './columns.ts';
import { dayMs, durationMs, durationPattern, signedDurationPattern } from './duration.ts';
import { parseIsoTime } from './iso-time.ts';
import { type RuleLimit, ruleLimits, type Rules } from './oracle/index.ts';
import type {
  Behaviour,
  GroupSpec,
  PressSpec,
  Scenario,
  ScenarioEvent,
  ScenarioProblem,
} from './scenario.ts';
import { serialsPattern } from './serials.ts';

/**
 * The shape of a scenario file, once: the checks, the published JSON Schema and the types all come
 * from here. Every leaf says in one phrase what is allowed; that phrase is the error as well.
 */

export const tokensMax = 100_000;
const daysMax = 3660;
const groupsMax = 1000;
/** Ten years before the year 9999 ends. */
const startMsMax = 253_000_000_000_000;
const eventsMax = 10_000;
const behavioursMax = 100;
const burstMax = 10_000;

/** What is said of a value that is not allowed. */
function refusal(allowed: string): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      input === undefined ? `is missing: it is ${allowed}` : `must be ${allowed}`,
  };
}

function described<Schema extends z.ZodType>(schema: Schema, description: string): Schema {
  return schema.meta({ description });
}

function number(min: number, max: number): z.ZodNumber {
  const said = refusal(`a number from ${min} to ${max}`);
  return z.number(said).min(min, said).max(max, said);
}

function whole(min: number, max: number): z.ZodNumber {
  const said = refusal(`a whole number from ${min} to ${max}`);
  return z.number(said).int(said).min(min, said).max(max, said);
}

function yesOrNo(): z.ZodBoolean {
  return z.boolean(refusal('true or false'));
}

function word<const Words extends readonly [string, ...string[]]>(
  words: Words,
): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, refusal(listed(words)));
}

function text(pattern: RegExp, allowed: string): z.ZodString {
  const said = refusal(allowed);
  return z.string(said).regex(pattern, said);
}

function listed(words: readonly string[]): string {
  return `one of ${words.join(', ')}`;
}

/** An object whose unknown members are told with those that there are. */
function object<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const members = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') return `is no member here; allowed are ${members}`;
      return refusal(`an object with ${members}`).error(issue);
    },
  });
}

function list<Schema extends z.ZodType>(of: Schema, min: number, max: number): z.ZodArray<Schema> {
  const said = refusal(`a list of ${min} to ${max} entries`);
  return z.array(of, said).min(min, said).max(max, said);
}

type Duration = z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>;

function duration(allowed: string, minMs: number, maxMs: number): Duration {
  const isSigned = minMs < 0;
  const phrase = `${allowed}, such as ${isSigned ? '-PT1H' : 'P3D or PT20S'} (weeks to seconds: years and months have no fixed length)`;
  const pattern = isSigned ? signedDurationPattern : durationPattern;
  return text(pattern, phrase).transform((given, context) => {
    const ms = durationMs(given);
    if (ms < minMs || ms > maxMs)
      context.addIssue({ code: 'custom', message: `must be ${phrase}` });
    return ms;
  });
}

const longestMs = daysMax * dayMs;
const offsetInTime = (): Duration => duration('a duration from the start on', 0, longestMs);
const lasting = (): Duration => duration(`a duration of at most ${daysMax} days`, 0, longestMs);
const short = (): Duration => duration('a duration of at most an hour', 0, dayMs / 24);
const change = (): Duration => duration('a duration with a sign', -longestMs, longestMs);

const nameAllowed = 'must be a name: 1 to 32 letters, digits, - and _';
const name = (): z.ZodString =>
  text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, nameAllowed.replace('must be ', ''));
const share = (): z.ZodNumber => number(0, 1);

function oneOrList<Schema extends z.ZodType>(
  one: Schema,
  allowed: string,
  max: number,
): z.ZodUnion<[Schema, z.ZodArray<Schema>]> {
  return z.union([one, list(one, 1, max)], refusal(`${allowed}, or a list of them`));
}

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
        offset: duration('a duration with a sign', -longestMs, longestMs).prefault('PT0S'),
        ppm: number(-1000, 1000).default(0),
      }),
    ],
    refusal(`${listed(driftPresets)}, or an object with offset and ppm`),
  )
  .meta({ description: 'How wrong the clocks are: a preset that is drawn, or a line.' });

const group: z.ZodType<GroupSpec> = object({
  serials: described(serials(), 'One serial or range, or a list of them.'),
  profile: described(word(profileNames), 'Kind of device.'),
  application: described(
    text(/^[A-Z0-9][A-Z0-9 _-]{0,11}$/, 'the name of an application of the profile').optional(),
    'Which application is used, where the profile has several.',
  ),
  algorithm: described(
    text(/^.{1,80}$/, 'an algorithm such as TOTP-SHA256-8-60S').optional(),
    'Another algorithm than that of the profile.',
  ),
  drift: drift.default('typical'),
  presses: presses.optional(),
  group: described(name().optional(), 'A name by which events find these tokens.'),
  behaviour: described(name().optional(), 'What their owners do; one of `behaviours`.'),
});

const behaviour: z.ZodType<Behaviour> = object({
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
    'Share of the tokens with both kinds of applications whose owners log on by challenge.',
  ),
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
    }),
    object({ ...when, do: z.literal('unsent'), times: times().default(1) }),
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
    object({ ...when, do: z.literal(['reseed', 'unlock', 'resync']) }),
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

const scenarioSchema: z.ZodType<Scenario> = object({
  version: z.literal(1, refusal('1')),
  seed: described(
    text(/^.{1,128}$/u, 'text of 1 to 128 characters'),
    'Everything that is drawn follows from it; keys too, so they are for tests alone.',
  ),
  start: text(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/,
    'a time with zone such as 2026-01-01T00:00:00Z',
  ).transform((given, context) => {
    const atMs = parseIsoTime(given);
    if (atMs !== null && atMs >= 0 && atMs < startMsMax) return atMs;
    context.addIssue({ code: 'custom', message: 'must be a time that exists, from 1970 on' });
    return 0;
  }),
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
    columns: list(word(columnNames), 1, columnNames.length).optional(),
  }).prefault({}),
});

/** JSON Schema (2020-12) of a scenario file. */
export function scenarioJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input' });
  return { ...schema, title: 'A scenario for a fleet of virtual tokens' };
}

/** The scenario that a value is, with its defaults; or everything that is wrong with its shape. */
export function shapeOf(
  value: unknown,
): { readonly scenario: Scenario } | { readonly problems: readonly ScenarioProblem[] } {
  const read = scenarioSchema.safeParse(value);
  if (read.success) return { scenario: read.data };
  return { problems: read.error.issues.flatMap(problemsOf) };
}

function problemsOf(issue: z.core.$ZodIssue): readonly ScenarioProblem[] {
  const path = issue.path.filter((key) => typeof key !== 'symbol');
  const { message } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message, isName: true }));
  }
  if (issue.code === 'invalid_key') return [{ path, message: nameAllowed, isName: true }];
  if (issue.code === 'invalid_union') {
    // Of the ways that a value could have been meant, the one that got furthest tells most.
    const [deepest] = issue.errors
      .flat()
      .toSorted((one, other) => other.path.length - one.path.length);
    if (deepest !== undefined && deepest.path.length > 0) {
      return problemsOf({ ...deepest, path: [...issue.path, ...deepest.path] });
    }
  }
  return [{ path, message }];
}
