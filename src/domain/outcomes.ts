/**
 * The one union of expected outcomes. Outside, most refusals look alike; the audit event always
 * has the exact code. Each edge maps the union once, by a total switch.
 */
export type RefusalCode =
  // Who asks.
  | 'component-unknown'
  | 'nothing-verifies'
  // The account, in the order in which it is examined.
  | 'user-unknown'
  | 'user-disabled'
  | 'user-expired'
  | 'user-inactive'
  | 'user-locked'
  // The authenticator and its applications.
  | 'authenticator-none'
  | 'authenticator-not-assigned'
  | 'authenticator-ambiguous'
  | 'authenticator-not-permitted'
  | 'authenticator-disabled'
  | 'authenticator-expired'
  | 'application-inactive'
  | 'application-locked'
  // A right response of a device that an emergency code stands in for.
  | 'emergency-in-force'
  // The challenge.
  | 'challenge-required'
  | 'challenge-not-permitted'
  | 'challenge-malformed'
  | 'challenge-unknown'
  | 'challenge-expired'
  | 'challenge-superseded'
  // The response.
  | 'response-malformed'
  | 'response-incorrect'
  | 'response-replayed'
  // Only after everything else was right: what was asked for beside it cannot be had.
  | 'host-code-none'
  // The server PIN; all but the first only after PIN and response were both right.
  | 'pin-incorrect'
  | 'pin-change-required'
  | 'pin-change-not-allowed'
  | 'pin-not-supported'
  | 'pin-confirmation-mismatch'
  | 'pin-too-short'
  | 'pin-too-long'
  | 'pin-malformed'
  | 'pin-weak'
  | 'pin-unchanged'
  // The static password.
  | 'password-incorrect'
  | 'password-none'
  | 'password-not-permitted'
  | 'password-expired'
  // A new one; all but the first after the old one was right.
  | 'back-end-none'
  | 'back-end-refused'
  | 'password-too-young'
  | 'password-confirmation-mismatch'
  | 'password-too-short'
  | 'password-too-long'
  | 'password-malformed'
  | 'password-too-simple'
  | 'password-user-name-based'
  | 'password-repeated'
  // A one-time password that was asked for.
  | 'virtual-send-limit'
  // An administrator who signs in.
  | 'administrator-none'
  | 'sessions-too-many'
  // Synchronisation.
  | 'sync-nothing'
  | 'sync-kind-unsupported'
  | 'sync-frozen'
  | 'sync-incorrect'
  | 'sync-replayed'
  | 'sync-ambiguous'
  | 'sync-backwards';

/** Where in its sequence a response stood. Counters and steps are bigint, strings in JSON. */
export interface Position {
  readonly eventCounter: bigint | null;
  readonly timeStep: bigint | null;
}

export interface Refused {
  readonly code: RefusalCode;
  /** True when the refusal counts towards the user's lock. */
  readonly counts: boolean;
}
