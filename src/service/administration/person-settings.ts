import { parseEmail, parseTelephoneNumber } from '../../domain/contact.ts';
import type { Contact } from '../../domain/model.ts';
import type { ProblemList } from '../problems.ts';
import type { AuditEntry } from '../store.ts';

/**
 * The members of a contact that were given, parsed; null takes one away. What cannot be taken is a
 * problem of its member.
 */
export function parseContact(problems: ProblemList, given: Partial<Contact>): Partial<Contact> {
  const { email, mobile, phone, deliveryMethod } = given;
  const parsed = <Text>(member: string, text: Text | null, parser: (text: Text) => string) =>
    text === null ? null : (problems.parse(member, () => parser(text)) ?? null);
  return {
    ...(email === undefined ? {} : { email: parsed('email', email, parseEmail) }),
    ...(mobile === undefined
      ? {}
      : { mobile: parsed('mobile', mobile, (text) => parseTelephoneNumber('mobile', text)) }),
    ...(phone === undefined
      ? {}
      : { phone: parsed('phone', phone, (text) => parseTelephoneNumber('phone', text)) }),
    ...(deliveryMethod === undefined ? {} : { deliveryMethod }),
  };
}

/**
 * For the audit: which members become others, never what they are. The audit is read by more people
 * than may know where somebody is reached, and keeps what it has for ever.
 */
export function contactFacts(before: Contact, after: Contact): AuditEntry['details'] {
  const members = ['email', 'mobile', 'phone', 'deliveryMethod'] as const;
  const changed = members.filter((member) => before[member] !== after[member]);
  return changed.length === 0 ? {} : { contact: changed.join(',') };
}
