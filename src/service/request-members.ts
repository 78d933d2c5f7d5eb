import { createProblemList, invalidMember, type ProblemList } from './problems.ts';

/**
 * Text that goes into look-ups, fingerprints and the audit before anybody has judged it: bounded
 * here, once, because a database may refuse what it cannot hold as if it were broken itself.
 */

/** Control characters, lone surrogates, and the separators that break lines. */
export const unprintable: RegExp = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

const nameCharactersMax = 255;
/** Far beyond what is well-formed, so that nearly all malformed ones are refused by their own code. */
const credentialCharactersMax = 1024;

interface ShownResponse {
  readonly response: string;
  readonly challenge: string | null;
}

/** What the requests about one user's authenticators may hold beside the user's name. */
interface AttemptMembers extends Partial<ShownResponse> {
  readonly domainName: string | null;
  readonly serial: string | null;
  readonly applicationName?: string | null;
  readonly first?: ShownResponse;
  readonly second?: ShownResponse;
}

/**
 * Bounds every text of an attempt. Whether a name exists or a response is well-formed is not judged
 * here, and what is inside a response neither: it is only ever compared.
 *
 * @throws TallystickError `request-invalid` naming every member that is too long or unprintable
 */
export function requireBoundedMembers(request: AttemptMembers): void {
  const problems = createProblemList();
  boundName(problems, 'domain', request.domainName);
  boundName(problems, 'serial', request.serial);
  boundName(problems, 'application', request.applicationName ?? null);
  boundShown(problems, '', request);
  if (request.first !== undefined) boundShown(problems, 'first.', request.first);
  if (request.second !== undefined) boundShown(problems, 'second.', request.second);
  problems.throwIfAny();
}

/**
 * Bounds one name that something is looked up by.
 *
 * @throws TallystickError `request-invalid` for the member
 */
export function requireBoundedName(member: string, name: string): void {
  if (isBounded(name, nameCharactersMax)) return;
  throw invalidMember(member, allowedText(nameCharactersMax));
}

function boundName(problems: ProblemList, member: string, name: string | null): void {
  problems.parse(member, () => requireBoundedName(member, name ?? ''));
}

function boundShown(problems: ProblemList, at: string, shown: Partial<ShownResponse>): void {
  const { response = '', challenge } = shown;
  if (response.length > credentialCharactersMax) {
    problems.add(`${at}response`, `must have at most ${credentialCharactersMax} characters`);
  }
  if (!isBounded(challenge ?? '', credentialCharactersMax)) {
    problems.add(`${at}challenge`, allowedText(credentialCharactersMax));
  }
}

function isBounded(text: string, charactersMax: number): boolean {
  return text.length <= charactersMax && !unprintable.test(text);
}

function allowedText(charactersMax: number): string {
  return `must have at most ${charactersMax} characters, without control characters`;
}
