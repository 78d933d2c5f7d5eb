import type { ErrorCode } from '../errors.ts';

/** Exit codes of `tallystick`; docs/cli.md has them as a table for those who write scripts. */
export const exitCodes: Readonly<
  Record<
    | 'done'
    | 'refused'
    | 'usage'
    | 'notInitialised'
    | 'pinRefused'
    | 'instanceInUse'
    | 'addressInUse'
    | 'moduleUnavailable'
    | 'storeUnavailable'
    | 'serverUnavailable'
    | 'unanswered'
    | 'internal'
    | 'interrupted',
    number
  >
> = {
  done: 0,
  /** The server refused, or a check found something wrong. */
  refused: 1,
  /** Wrong arguments or configuration. */
  usage: 2,
  notInitialised: 3,
  /** The module refused its PIN: starting again would burn another try. */
  pinRefused: 4,
  instanceInUse: 5,
  addressInUse: 6,
  moduleUnavailable: 7,
  storeUnavailable: 8,
  /** The server cannot be reached, or answers that it cannot do its work now. */
  serverUnavailable: 9,
  /** Something was issued that has to be answered first: nobody is verified yet. */
  unanswered: 10,
  /** A mistake in this program. */
  internal: 70,
  /** A signal ended long work early; the same command goes on. What shells say of Ctrl-C. */
  interrupted: 130,
};

const byCode: Readonly<Record<ErrorCode, number>> = {
  'request-malformed': exitCodes.usage,
  'request-invalid': exitCodes.usage,
  'request-too-large': exitCodes.usage,
  'request-key-reused': exitCodes.refused,
  'media-type-unsupported': exitCodes.usage,
  'not-found': exitCodes.refused,
  'method-not-allowed': exitCodes.refused,
  unauthenticated: exitCodes.refused,
  forbidden: exitCodes.refused,
  conflict: exitCodes.refused,
  'policy-refused': exitCodes.refused,
  'module-unavailable': exitCodes.moduleUnavailable,
  'module-denied': exitCodes.pinRefused,
  'module-capacity': exitCodes.moduleUnavailable,
  'module-contract': exitCodes.moduleUnavailable,
  'seed-damaged': exitCodes.moduleUnavailable,
  'store-unavailable': exitCodes.storeUnavailable,
  'store-read-only': exitCodes.storeUnavailable,
  'store-full': exitCodes.storeUnavailable,
  'store-contract': exitCodes.storeUnavailable,
  'delivery-failed': exitCodes.serverUnavailable,
  'back-end-unavailable': exitCodes.serverUnavailable,
  overloaded: exitCodes.serverUnavailable,
  'shutting-down': exitCodes.serverUnavailable,
  'config-invalid': exitCodes.usage,
  'instance-in-use': exitCodes.instanceInUse,
  'address-in-use': exitCodes.addressInUse,
  'not-initialised': exitCodes.notInitialised,
  internal: exitCodes.internal,
};

/** The exit code for an error of this process. */
export function exitCodeOf(code: ErrorCode): number {
  return byCode[code];
}
