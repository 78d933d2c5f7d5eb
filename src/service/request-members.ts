import type { PresentedCredential } from '../domain/credential.ts';
import { handleForm, isHandle } from './draw.ts';
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
interface AttemptMembers {
  readonly credential?: PresentedCredential;
  readonly challenge?: string | null;
  readonly challengeKey?: string | null;
  readonly domainName: string | null;
  readonly pin?: string | null;
  readonly serial: string | null;
  readonly applicationName?: string | null;
  readonly first?: ShownResponse;
  readonly second?: ShownResponse;
  /** Each by the member that it came as. */
  readonly passwords?: Readonly<Record<string, string>>;
}

/**
 * Bounds every text of an attempt. Whether a name exists or a response is well-formed is not judged
 * here, and what is inside a response neither: it is only ever compared.
 *
 * @throws TallystickError `request-invalid` naming every member that is too long or unprintable, and a
 *   challenge key that is none
 */
export function requireBoundedMembers(request: AttemptMembers): void {
  const problems = createProblemList();
  boundName(problems, 'domain', request.domainName);
  boundName(problems, 'serial', request.serial);
  boundName(problems, 'application', request.applicationName ?? null);
  boundText(problems, 'challenge', request.challenge);
  boundHandle(problems, request.challengeKey ?? null);
  boundSecret(problems, 'pin', request.pin);
  if (request.credential !== undefined) boundCredential(problems, request.credential);
  for (const [member, text] of Object.entries(request.passwords ?? {})) {
    boundSecret(problems, member, text);
  }
  if (hasBoth(request)) problems.add('challengeKey', 'must be left out beside a challenge');
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

function hasBoth({ challenge = null, challengeKey = null }: AttemptMembers): boolean {
  return challenge !== null && challengeKey !== null;
}

/** What makes a credential what it is, in a fixed order: for the fingerprint of a request. */
export function credentialParts(credential: PresentedCredential): readonly (string | null)[] {
  if (credential.format === 'combined') return [credential.format, credential.text];
  const { format, staticPassword, pin, response, newPin } = credential;
  const changed = [newPin?.pin ?? null, newPin?.confirmation ?? null];
  return [format, staticPassword, pin, response, ...changed];
}

function boundCredential(problems: ProblemList, credential: PresentedCredential): void {
  if (credential.format === 'combined') {
    boundSecret(problems, 'password', credential.text);
    return;
  }
  const { staticPassword, pin, response, newPin } = credential;
  boundSecret(problems, 'staticPassword', staticPassword);
  boundSecret(problems, 'response', response);
  boundSecret(problems, 'pin', pin);
  boundSecret(problems, 'newPin', newPin?.pin);
  boundSecret(problems, 'newPinConfirmation', newPin?.confirmation);
}

/** Only ever compared, so what it is made of makes no difference. */
function boundSecret(problems: ProblemList, member: string, text: string | null | undefined): void {
  if ((text ?? '').length <= credentialCharactersMax) return;
  problems.add(member, `must have at most ${credentialCharactersMax} characters`);
}

function boundText(problems: ProblemList, member: string, text: string | null | undefined): void {
  if (isBounded(text ?? '', credentialCharactersMax)) return;
  problems.add(member, allowedText(credentialCharactersMax));
}

/** A text of another form is a mistake of the program; that a key is not known is no news to it. */
function boundHandle(problems: ProblemList, handle: string | null): void {
  if (handle === null || isHandle(handle)) return;
  problems.add('challengeKey', `must be the ${handleForm.length} digits of a key that was issued`);
}

function boundShown(problems: ProblemList, at: string, shown: ShownResponse): void {
  boundSecret(problems, `${at}response`, shown.response);
  boundText(problems, `${at}challenge`, shown.challenge);
}

function isBounded(text: string, charactersMax: number): boolean {
  return text.length <= charactersMax && !unprintable.test(text);
}

function allowedText(charactersMax: number): string {
  return `must have at most ${charactersMax} characters, without control characters`;
}
