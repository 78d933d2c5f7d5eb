import { TallystickError } from '../errors.ts';
import { OathError } from '../oath/index.ts';

/** What is wrong with one member of a request, and what is allowed. */
export interface Problem {
  readonly member: string;
  readonly message: string;
}

/** Collects all that is wrong with a request, so that the caller sees it at once. */
export interface ProblemList {
  readonly add: (member: string, message: string) => void;
  /**
   * The parsed value, or undefined and a problem for the member when the parser refuses it. Other
   * errors pass through.
   */
  parse<Value>(member: string, parser: () => Value): Value | undefined;
  /** @throws TallystickError `request-invalid` naming every problem, if there is one */
  throwIfAny(): void;
}

const problemsMax = 32;

export function createProblemList(): ProblemList {
  const problems: Problem[] = [];
  const add = (member: string, message: string): void => {
    if (problems.length < problemsMax) problems.push({ member, message });
  };
  return {
    add,
    parse(member, parser) {
      try {
        return parser();
      } catch (error) {
        add(member, refusalText(error));
        return undefined;
      }
    },
    throwIfAny() {
      if (problems.length > 0) throw invalidRequest(problems);
    },
  };
}

/** `fields` maps each member to what is wrong with it. */
export function invalidRequest(problems: readonly Problem[]): TallystickError {
  const fields: Record<string, readonly string[]> = {};
  for (const { member, message } of problems) {
    fields[member] = [...(fields[member] ?? []), message];
  }
  const members = Object.keys(fields).join(', ');
  return new TallystickError('request-invalid', `The request is invalid: ${members}.`, { fields });
}

/** One problem, as `request-invalid`. */
export function invalidMember(member: string, message: string): TallystickError {
  return invalidRequest([{ member, message }]);
}

/** Parses one member; a refusal becomes `request-invalid` for it. */
export function parseMember<Value>(member: string, parser: () => Value): Value {
  try {
    return parser();
  } catch (error) {
    throw invalidMember(member, refusalText(error));
  }
}

/** The parser's own words; what is not a parser's refusal is not a problem of the request. */
function refusalText(error: unknown): string {
  if (error instanceof OathError) return error.message;
  if (error instanceof TallystickError && error.code === 'request-invalid') {
    const allowed = error.fields['allowed'];
    if (typeof allowed === 'string') return `must be ${allowed}`;
    return Object.values(error.fields).flat().join('; ') || error.message;
  }
  throw error;
}
