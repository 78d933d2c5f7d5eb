import type { Caller } from './api.ts';
import type { AuditEntry } from './store.ts';

type Details = AuditEntry['details'];

const subjectCharactersMax = 600;

/** The outcome of administrative work that was done. */
export const doneOutcome: string = 'done';

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
    actor: `${caller.keyName} (${caller.keyId})`,
    subject: event.subject.slice(0, subjectCharactersMax),
    requestId: caller.requestId,
    // A spread of so many members is slow: twenty times `Object.assign`.
    details: Object.assign(
      { component: caller.componentType, peerAddress: caller.peerAddress },
      event.details,
    ),
  };
}
