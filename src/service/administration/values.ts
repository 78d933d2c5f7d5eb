import { invalidMember } from '../problems.ts';
import { requireBoundedName, unprintable } from '../request-members.ts';
import type { Page } from '../store.ts';

const pageLimitMax = 1000;
const nameCharactersMax = 60;

/** The last instant that a date can say (ECMA-262, Time Values and Time Range). */
const instantMax = 8.64e15;

/** @throws TallystickError `request-invalid` unless null or whole Unix milliseconds of a date */
export function checkInstant(member: string, value: number | null): void {
  if (value === null || (Number.isSafeInteger(value) && value >= 0 && value <= instantMax)) return;
  throw invalidMember(member, `must be null or whole Unix milliseconds up to ${instantMax}`);
}

/** @throws TallystickError `request-invalid` unless the limit is 1 to 1000 and `after` a text to compare */
export function checkPage(page: Page): void {
  requireBoundedName('after', page.after);
  checkListLimit(page.limit);
}

/** @throws TallystickError `request-invalid` unless 1 to 1000, or to what else is the most */
export function checkListLimit(limit: number, limitMax: number = pageLimitMax): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= limitMax) return;
  throw invalidMember('limit', `must be a whole number from 1 to ${limitMax}`);
}

/**
 * The name of a domain, organisational unit, policy, component type or key: NFC, 1 to 60
 * characters, printable, without surrounding blanks.
 *
 * @throws TallystickError `request-invalid` for the member
 */
export function parseRecordName(member: string, value: string): string {
  const name = value.length > nameCharactersMax ? '' : value.normalize('NFC');
  const isAllowed =
    name !== '' &&
    name.length <= nameCharactersMax &&
    name.trim() === name &&
    !unprintable.test(name);
  if (isAllowed) return requireReachable(member, name);
  throw invalidMember(
    member,
    `must be 1 to ${nameCharactersMax} printable characters without surrounding blanks`,
  );
}

/**
 * A name that a path can end with: URLs take `.` and `..` for steps in the path (RFC 3986 section
 * 5.2.4), percent-encoded or not.
 *
 * @throws TallystickError `request-invalid` for the member
 */
export function requireReachable(member: string, name: string): string {
  if (name !== '.' && name !== '..') return name;
  throw invalidMember(member, 'must not be "." or "..": no URL could name it');
}

const reasonCharactersMax = 255;

/** Why somebody wants something, for the audit. */
export function isReason(reason: string): boolean {
  const { length } = reason.trim();
  return length >= 1 && length <= reasonCharactersMax && !/\p{Cc}/u.test(reason);
}

/** @throws TallystickError `request-invalid` */
export function requireReason(reason: string): void {
  if (isReason(reason)) return;
  const allowed = `must say why, in 1 to ${reasonCharactersMax} characters on one line`;
  throw invalidMember('reason', allowed);
}
