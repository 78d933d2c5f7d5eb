import type { RefusedAnswer } from '../service/api.ts';
import type { Problem } from '../http/index.ts';

/**
 * The one table from refusals to HTTP, total by its type. A refusal is 403 whatever its reason:
 * a client that tests only for success lets nobody in.
 */
const details: Readonly<Record<RefusedAnswer['code'], string>> = {
  refused: 'The user could not be verified.',
  'component-unknown': 'No component covers this address for this key.',
  'nothing-verifies': 'The policy names nothing that could verify this request.',
  'user-unknown': 'There is no such user.',
  'user-disabled': 'The user is disabled.',
  'user-expired': 'The user has expired.',
  'user-inactive': 'The user was inactive for too long.',
  'user-locked': 'The user is locked.',
  'authenticator-none': 'The user has no authenticator that shows responses.',
  'authenticator-not-assigned': 'The authenticator is not assigned to this user.',
  'authenticator-ambiguous': 'The user has several authenticators: name the serial.',
  'authenticator-not-permitted': 'The policy does not permit the authenticator or application.',
  'authenticator-disabled': 'The authenticator is disabled.',
  'authenticator-expired': 'The authenticator has expired.',
  'application-inactive': 'The application was not used for too long: it must be reset.',
  'application-locked': 'The application had too many wrong responses: it must be reset.',
  'emergency-in-force':
    'An emergency code stands in for the authenticator, which is not accepted meanwhile: ask the help desk.',
  'challenge-required': 'A challenge is needed.',
  'challenge-not-permitted': 'The policy permits no such challenge.',
  'challenge-malformed': 'The challenge does not fit the application.',
  'challenge-unknown': 'The challenge was not issued to this user, or was used already.',
  'challenge-expired': 'The challenge has expired.',
  'challenge-superseded': 'A newer challenge was issued: answer that one.',
  'response-malformed': 'The response is not one that an authenticator shows.',
  'response-incorrect': 'The response is not correct.',
  'response-replayed': 'The response was used already.',
  'host-code-none': 'The authenticator application has no host code, or none was used.',
  'pin-change-required': 'The server PIN must be changed: give a new one with the next response.',
  'pin-change-not-allowed': 'The policy lets users not change their server PIN.',
  'pin-not-supported': 'The application has no server PIN.',
  'pin-confirmation-mismatch': 'The new server PIN and its confirmation differ.',
  'pin-too-short':
    'The new server PIN is shorter than its authenticator asks for; 8 characters are always enough.',
  'pin-too-long': 'The new server PIN is too long: it has at most 8 characters.',
  'pin-malformed': 'The new server PIN has characters that the policy does not take.',
  'pin-weak':
    'The new server PIN is easy to guess: no repetition and no even run, such as 1111 or 2468.',
  'pin-unchanged': 'The server PIN must be changed: the new one is the old one.',
  'password-incorrect': 'The password is not correct.',
  'password-none': 'No password verifies this user.',
  'password-not-permitted': 'A static password does not let this user in.',
  'password-expired': 'The password must be changed.',
  'back-end-none': 'No back end is connected.',
  'back-end-refused': 'The back end does not take the new password.',
  'password-too-young': 'The password was changed too recently.',
  'password-confirmation-mismatch': 'The new password and its confirmation differ.',
  'password-too-short': 'The new password is too short.',
  'password-too-long': 'The new password is too long.',
  'password-malformed': 'The new password has control characters.',
  'password-too-simple': 'The new password is too simple.',
  'password-user-name-based': 'The new password holds the name of the user.',
  'password-repeated': 'The new password is one of the last.',
  'virtual-send-limit': 'Too many one-time passwords were sent: try again later.',
  'administrator-none': 'The user is no administrator.',
  'sessions-too-many': 'The administrator has too many open sessions.',
  'sync-nothing': 'The application has neither clock nor counter to synchronise.',
  'sync-kind-unsupported': 'This kind of application cannot be synchronised.',
  'sync-frozen': 'The drift of the authenticator is frozen: an administrator must thaw it.',
  'sync-incorrect': 'The two responses are not consecutive ones of the authenticator.',
  'sync-replayed': 'One of the two responses was used already.',
  'sync-ambiguous': 'The two responses fit more than one position.',
  'sync-backwards': 'The clock seems to have moved back too far: an administrator must reset it.',
};

/** The problem that a refusal is to the client, with the rule that was broken if it is told. */
export function refusalProblem(code: RefusedAnswer['code'], rule?: string): Problem {
  const detail = rule === undefined ? details[code] : `${details[code]} ${rule}`;
  return { status: 403, code, title: 'Refused', detail };
}
