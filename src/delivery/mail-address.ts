import { fault } from './failure.ts';

/** One mailbox, RFC 5322 section 3.4, without comments, quoted local parts and groups. */
export interface Mailbox {
  /** Shown beside the address; empty where there is none. */
  readonly name: string;
  readonly address: string;
}

/** RFC 5321 section 4.5.3.1.3, without the angle brackets. */
const addressLengthMax = 254;
const addressPattern = /^[^\s\p{C}<>()[\],;:"\\@]+@[^\s\p{C}<>(),;"\\@]+$/u;

/** Whether a text has line breaks or other control characters, which end a line of a header. */
export function hasControls(text: string): boolean {
  return /[\p{Cc}\u2028\u2029]/u.test(text);
}

/**
 * @param setting its name, for the error
 * @param text such as `otp@example.org` or `Codes <otp@example.org>`
 * @throws DeliveryFault `contract`
 */
export function mailboxOf(setting: string, text: string): Mailbox {
  const [, name = '', inBrackets] = /^([^<>]*)<([^<>]*)>$/.exec(text) ?? [];
  const address = inBrackets ?? text;
  if (isAddress(address) && !hasControls(name)) return { name: name.trim(), address };
  throw fault(
    'contract',
    `${setting}: must be one e-mail address such as otp@example.org, or Codes <otp@example.org>`,
  );
}

/** Whether a text is one bare e-mail address: nothing that a list or a header could be made of. */
export function isAddress(text: string): boolean {
  return text.length <= addressLengthMax && addressPattern.test(text);
}
