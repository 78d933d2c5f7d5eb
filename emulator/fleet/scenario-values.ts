import { z } from 'zod';
import { durationMs, durationPattern, signedDurationPattern } from './duration.ts';
import type { Part, ScenarioProblem } from './scenario.ts';

/**
 * The values of a scenario file. Each says in one phrase what is allowed; that phrase is the error as
 * well.
 */

/** What is said of a value that is not allowed. */
export function refusal(allowed: string): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      input === undefined ? `is missing: it is ${allowed}` : `must be ${allowed}`,
  };
}

export function described<Schema extends z.ZodType>(schema: Schema, description: string): Schema {
  return schema.meta({ description });
}

export function number(min: number, max: number): z.ZodNumber {
  const said = refusal(`a number from ${min} to ${max}`);
  return z.number(said).min(min, said).max(max, said);
}

export function whole(min: number, max: number): z.ZodNumber {
  const said = refusal(`a whole number from ${min} to ${max}`);
  return z.number(said).int(said).min(min, said).max(max, said);
}

export function yesOrNo(): z.ZodBoolean {
  return z.boolean(refusal('true or false'));
}

export function word<const Words extends readonly [string, ...string[]]>(
  words: Words,
): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, refusal(listed(words)));
}

export function text(pattern: RegExp, allowed: string): z.ZodString {
  const said = refusal(allowed);
  return z.string(said).regex(pattern, said);
}

export function listed(words: readonly string[]): string {
  return `one of ${words.join(', ')}`;
}

/** An object whose unknown members are told with those that there are. */
export function object<Shape extends z.core.$ZodLooseShape>(
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

export function list<Schema extends z.ZodType>(
  of: Schema,
  min: number,
  max: number,
): z.ZodArray<Schema> {
  const said = refusal(`a list of ${min} to ${max} entries`);
  return z.array(of, said).min(min, said).max(max, said);
}

export type Duration = z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>;

export function duration(allowed: string, minMs: number, maxMs: number): Duration {
  const isSigned = minMs < 0;
  const fitting = ['PT20S', 'P3D', 'P90D'].filter((one) => {
    const ms = durationMs(one);
    return ms >= minMs && ms <= maxMs;
  });
  const example = isSigned ? '-PT1H' : fitting.slice(0, 2).join(' or ');
  const phrase = `${allowed}, such as ${example} (weeks to seconds: years and months have no fixed length)`;
  const pattern = isSigned ? signedDurationPattern : durationPattern;
  return text(pattern, phrase).transform((given, context) => {
    const ms = durationMs(given);
    if (ms < minMs || ms > maxMs)
      context.addIssue({ code: 'custom', message: `must be ${phrase}` });
    return ms;
  });
}

/** One, or a list of them. */
export function oneOrList<Schema extends z.ZodType>(
  one: Schema,
  allowed: string,
  max: number,
): z.ZodUnion<[Schema, z.ZodArray<Schema>]> {
  return z.union([one, list(one, 1, max)], refusal(`${allowed}, or a list of them`));
}

export function name(): z.ZodString {
  return text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'a name: 1 to 32 letters, digits, - and _');
}

/** The members of a part that can be read, each by itself. */
export function readPart<Whole>(
  shape: Readonly<Record<string, z.ZodType>>,
  value: unknown,
): Part<Whole> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { read: {}, broken: new Set(Object.keys(shape)) };
  }
  const broken = new Set<string>();
  const entries = Object.entries(shape).flatMap(([member, schema]) => {
    const given: unknown = Object.hasOwn(value, member) ? Reflect.get(value, member) : undefined;
    const read = schema.safeParse(given);
    if (read.success) return read.data === undefined ? [] : [[member, read.data] as const];
    broken.add(member);
    return [];
  });
  // Each member is what its schema makes of it.
  return { read: Object.fromEntries(entries) as Partial<Whole>, broken };
}

/** What an issue says, at the member that it is about. */
export function problemsOf(issue: z.core.$ZodIssue): readonly ScenarioProblem[] {
  const path = issue.path.filter((key) => typeof key !== 'symbol');
  const { message } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message, isName: true }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues[0]?.message ?? message, isName: true }];
  }
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
