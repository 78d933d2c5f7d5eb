import { nameKey } from '../domain/names.ts';
import type { Caller } from './api.ts';
import { TallystickError } from '../errors.ts';
import type { AuditEntry, AuditEvent } from './store.ts';

type Details = AuditEntry['details'];

const subjectCharactersMax = 600;
/** What `actorOf` puts behind the name of a key. */
const keyIdPattern = / \([0-9a-f-]{36}\)$/;

/** The outcome of administrative work that was done. */
export const doneOutcome: string = 'done';

/** The actor of what a command does that opens the database by itself. */
export const localOperator: string = 'local operator';

/** The actor of what the server does unasked. */
export const serverItself: string = 'server';

/** How the audit names who called. */
export function actorOf({ keyId, keyName }: Pick<Caller, 'keyId' | 'keyName'>): string {
  return keyId === null ? keyName : `${keyName} (${keyId})`;
}

/**
 * Whether two actors go by one name: sessions of one administrator, a key and the one that took its place,
 * or a key that is called as an administrator is. Who has keys of several names is several people to us.
 */
export function isSamePerson(one: string, other: string): boolean {
  return nameKey(one.replace(keyIdPattern, '')) === nameKey(other.replace(keyIdPattern, ''));
}

/**
 * One line of the audit about what a caller did. `details` must hold no response, PIN, key or
 * seed; the challenge is left out as well, because nobody needs it afterwards.
 */
export function auditEntry(
  caller: Caller,
  atMs: number,
  event: {
    readonly action: string;
    readonly outcome: string;
    readonly subject: string;
    readonly details: Details;
  },
): AuditEntry {
  return {
    atMs,
    action: event.action,
    outcome: event.outcome,
    actor: actorOf(caller),
    subject: event.subject.slice(0, subjectCharactersMax),
    requestId: caller.requestId,
    // A spread of so many members is slow: twenty times `Object.assign`.
    details: Object.assign(
      { component: caller.componentType, peerAddress: caller.peerAddress },
      event.details,
    ),
  };
}

/**
 * What a stored event says.
 *
 * @throws TallystickError `store-contract` when somebody changed the row
 */
export function storedEntry({ body }: AuditEvent): AuditEntry {
  try {
    // Only this server writes these rows, by the chain's canonical form of an entry.
    return JSON.parse(body) as AuditEntry;
  } catch (cause) {
    throw new TallystickError('store-contract', 'The database holds a damaged audit event.', {
      cause,
    });
  }
}
