import type { RefusalCode, Refused } from './outcomes.ts';

/**
 * Which refusals raise the user's lock count: those in which a response (or a challenge that was
 * never open) was put forward and found wrong. Refusals that evaluated nothing give a guesser
 * nothing, and counting them would let anybody who knows a name lock its owner out for free.
 */
const counts: Readonly<Record<RefusalCode, boolean>> = {
  'component-unknown': false,
  'nothing-verifies': false,
  'user-unknown': false,
  'user-disabled': false,
  'user-expired': false,
  'user-inactive': false,
  'user-locked': false,
  'authenticator-none': false,
  'authenticator-not-assigned': false,
  'authenticator-ambiguous': false,
  'authenticator-not-permitted': false,
  'authenticator-disabled': false,
  'authenticator-expired': false,
  'application-inactive': false,
  'application-locked': false,
  'emergency-in-force': false,
  'host-code-none': false,
  'challenge-required': false,
  'challenge-not-permitted': false,
  'challenge-malformed': false,
  'challenge-unknown': true,
  'challenge-expired': false,
  'challenge-superseded': false,
  'response-malformed': false,
  'response-incorrect': true,
  'response-replayed': true,
  'pin-incorrect': true,
  // Both were right: these say what is wrong with the new PIN.
  'pin-change-required': false,
  'pin-change-not-allowed': false,
  'pin-not-supported': false,
  'pin-confirmation-mismatch': false,
  'pin-too-short': false,
  'pin-too-long': false,
  'pin-malformed': false,
  'pin-weak': false,
  'pin-unchanged': false,
  'password-incorrect': true,
  'password-none': false,
  'password-not-permitted': false,
  'password-expired': false,
  'back-end-none': false,
  // The old one was right: these say what is wrong with the new one.
  'back-end-refused': false,
  'password-too-young': false,
  'password-confirmation-mismatch': false,
  'password-too-short': false,
  'password-too-long': false,
  'password-malformed': false,
  'password-too-simple': false,
  'password-user-name-based': false,
  'password-repeated': false,
  'virtual-send-limit': false,
  'administrator-none': false,
  'sessions-too-many': false,
  'sync-nothing': false,
  'sync-kind-unsupported': false,
  'sync-frozen': false,
  'sync-incorrect': true,
  'sync-replayed': true,
  'sync-ambiguous': true,
  'sync-backwards': true,
};

/** Whether a refusal with this code counts towards the user's lock. */
export function countsTowardsLock(code: RefusalCode): boolean {
  return counts[code];
}

/** The refusal with this code, as plans and decisions return it. */
export function refusedFor(code: RefusalCode): Refused {
  return { code, counts: counts[code] };
}
