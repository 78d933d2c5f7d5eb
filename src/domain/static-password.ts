import { constantTimeEqualText } from '../oath/index.ts';
import { dayMs } from './durations.ts';
import type { PasswordVerifier, StaticPassword, User } from './model.ts';
import type { RefusalCode } from './outcomes.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/** How a new user stands. */
export const unsetPassword: StaticPassword = { verifier: null, setAtMs: null, version: 1 };

/** How many replaced passwords are remembered. */
export const passwordHistoryMax: number = 24;

/** What a static password may be at most, in UTF-16 code units. */
export const passwordLengthMax: number = 128;

/** Rules for new passwords, as a policy sets them. */
export type PasswordRules = Pick<
  EffectivePolicy,
  | 'passwordMinLength'
  | 'passwordMinLowerCase'
  | 'passwordMinUpperCase'
  | 'passwordMinDigits'
  | 'passwordMinSymbols'
  | 'passwordHistory'
  | 'passwordNotUserNameBased'
>;

/**
 * The bytes whose HMAC under `password-mac` is kept of a password. The id has a fixed length, so no
 * two different users or hashes give the same bytes. The caller overwrites them.
 *
 * @param slowHash 32 bytes of `PasswordHash.derive`
 */
export function passwordMessage(userId: string, slowHash: Uint8Array): Uint8Array {
  const id = new TextEncoder().encode(`${userId} `);
  const message = new Uint8Array(id.length + slowHash.length);
  message.set(id);
  message.set(slowHash, id.length);
  return message;
}

/** Whether a password is the one that is kept, by the MAC of its message. */
export function isPassword(verifier: PasswordVerifier, mac: string): boolean {
  return constantTimeEqualText(verifier.mac, mac);
}

/** A password in the form in which it is hashed: machines type the same letter differently. */
export function composed(password: string): string {
  return password.normalize('NFC');
}

/** What may be wrong with a text that is to be a password. */
export type PasswordFlaw = Extract<
  RefusalCode,
  | 'password-confirmation-mismatch'
  | 'password-too-short'
  | 'password-too-long'
  | 'password-malformed'
  | 'password-too-simple'
  | 'password-user-name-based'
  | 'password-repeated'
>;

/**
 * Why a text can't be a password of this user, but for his history; null when it can.
 *
 * @param confirmation the same text again
 */
export function passwordFlaw(
  typed: string,
  confirmation: string,
  { userName }: Pick<User, 'userName'>,
  rules: PasswordRules,
): PasswordFlaw | null {
  const password = composed(typed);
  if (!constantTimeEqualText(password, composed(confirmation))) {
    return 'password-confirmation-mismatch';
  }
  if (password.length > passwordLengthMax) return 'password-too-long';
  if (unprintable.test(password)) return 'password-malformed';
  if (password.length < rules.passwordMinLength) return 'password-too-short';
  if (isTooSimple(password, rules)) return 'password-too-simple';
  const isBased = rules.passwordNotUserNameBased && isBasedOn(password, userName);
  return isBased ? 'password-user-name-based' : null;
}

/** A rule that a new password broke, but for what its confirmation says by itself. */
export type PasswordRule =
  Exclude<PasswordFlaw, 'password-confirmation-mismatch'> | 'password-too-young';

/** What a rule asks of a password, with its number: for `it ...`. */
export function demandOf(
  rule: PasswordRule,
  rules: PasswordRules & Pick<EffectivePolicy, 'passwordMinAgeDays'>,
): string {
  switch (rule) {
    case 'password-too-long':
      return `must have at most ${passwordLengthMax} characters`;
    case 'password-malformed':
      return 'must be without control characters and lone surrogates';
    case 'password-too-short':
      return `must have at least ${counted(rules.passwordMinLength, 'character')}`;
    case 'password-too-simple':
      return `must have at least ${kindsText(rules)}`;
    case 'password-user-name-based':
      return 'must not hold the name of the user, forwards or backwards';
    case 'password-repeated':
      return `must differ from the last ${rules.passwordHistory} of the user`;
    case 'password-too-young':
      return `must stay for at least ${counted(rules.passwordMinAgeDays, 'day')}`;
  }
}

function kindsText(rules: PasswordRules): string {
  const least: readonly (readonly [number, string])[] = [
    [rules.passwordMinLowerCase, 'lower-case letter'],
    [rules.passwordMinUpperCase, 'upper-case letter'],
    [rules.passwordMinDigits, 'digit'],
    [rules.passwordMinSymbols, 'symbol'],
  ];
  return least
    .filter(([count]) => count > 0)
    .map(([count, kind]) => counted(count, kind))
    .join(', ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Control characters and lone surrogates: nobody types them, and some programs change them. */
const unprintable = /[\p{Cc}\p{Cs}]/u;

function isTooSimple(password: string, rules: PasswordRules): boolean {
  const count = (pattern: RegExp): number => password.match(pattern)?.length ?? 0;
  return (
    count(/\p{Ll}/gu) < rules.passwordMinLowerCase ||
    count(/\p{Lu}/gu) < rules.passwordMinUpperCase ||
    count(/\p{Nd}/gu) < rules.passwordMinDigits ||
    count(/[^\p{L}\p{Nd}]/gu) < rules.passwordMinSymbols
  );
}

/** Names of one or two characters are in too many passwords by chance. */
function isBasedOn(password: string, userName: string): boolean {
  const name = userName.toLowerCase();
  if (name.length < 3) return password.toLowerCase() === name;
  const text = password.toLowerCase();
  return text.includes(name) || text.includes(Array.from(name).reverse().join(''));
}

/** Whether the user may not change his password yet. */
export function isTooYoung(
  { setAtMs }: StaticPassword,
  nowMs: number,
  { passwordMinAgeDays }: Pick<EffectivePolicy, 'passwordMinAgeDays'>,
): boolean {
  return setAtMs !== null && nowMs - setAtMs < passwordMinAgeDays * dayMs;
}

/**
 * From when on a password lets nobody in until it is changed; null when it never ages. Where an
 * authenticator is wanted anyway, or the password is only good for a while, ages are of no use.
 */
export function passwordExpiresAtMs(
  { setAtMs }: StaticPassword,
  {
    localAuthentication,
    passwordMaxAgeDays,
  }: Pick<EffectivePolicy, 'localAuthentication' | 'passwordMaxAgeDays'>,
): number | null {
  const isAging = localAuthentication === 'authenticator-or-password' && passwordMaxAgeDays > 0;
  return isAging && setAtMs !== null ? setAtMs + passwordMaxAgeDays * dayMs : null;
}
