import { codes, failureCodes, type ResultCodes, type ReturnName } from './codes.ts';
import type { ErrorCode } from '../errors.ts';
import type {
  AuthenticateAnswer,
  ChallengeAnswer,
  IssuedAnswer,
  LogonAnswer,
  PasswordChangeAnswer,
  SignatureAnswer,
  SynchroniseAnswer,
  ToldCode,
} from '../service/api.ts';

/**
 * The one table from our outcomes to the codes of OneSpan Authentication Server, total by its types:
 * a new code does not compile before it has a row.
 */

export const operationNames = [
  'authUser',
  'getChallenge',
  'updatePassword',
  'changeBackendPassword',
  'cancelAuthUser',
  'syncTokenAndHost',
  'logon',
  'logoff',
  'sessionalive',
  'offlinedataExecute',
  'authSignature',
] as const;
export type OperationName = (typeof operationNames)[number];

/** What the edge itself finds wrong with a request that it could read. */
export type EdgeRefusal =
  'field-missing' | 'field-invalid' | 'session-unknown' | 'nothing-to-cancel' | 'offline-data-none';

/** Whatever a user or program may be told when he is not let in. */
export type FailureCode = ToldCode | EdgeRefusal;

/** What ends well. `challenge-issued` is no end yet: nobody was verified. */
export type SuccessOutcome =
  | Exclude<
      (
        | AuthenticateAnswer
        | ChallengeAnswer
        | SynchroniseAnswer
        | LogonAnswer
        | PasswordChangeAnswer
        | SignatureAnswer
      )['outcome'],
      'refused' | 'challenge-issued'
    >
  | 'signed-out'
  | 'session-alive'
  | 'offline-data-shown'
  | 'offline-data-deleted';

const success = codes('RET_SUCCESS', 'STAT_SUCCESS', '');

const successes: Readonly<Record<SuccessOutcome, ResultCodes>> = {
  accepted: success,
  'signature-accepted': success,
  synchronised: success,
  'password-changed': success,
  'signed-in': success,
  'signed-out': success,
  'session-alive': success,
  'offline-data-shown': success,
  'offline-data-deleted': success,
};

const wrongResponse = failureCodes('STAT_OTP_INCORRECT', 'The one-time password is incorrect.');
const usedResponse = failureCodes(
  'STAT_OTP_ALREADY_USED',
  'The one-time password was used already.',
);
const wrongSignature = failureCodes('STAT_OTP_INCORRECT', 'The signature is incorrect.');
const goneChallenge = failureCodes(
  'STAT_EXP_CHALLENGE',
  'The challenge is unknown or has expired.',
);
const notPermitted = failureCodes(
  'STAT_LOCALAUTH',
  'The policy does not permit the authenticator, or it is disabled or has expired.',
);
const notSynchronisable = failureCodes(
  'STAT_INVPARAM',
  'This authenticator application cannot be synchronised.',
);

type PasswordCode = Extract<FailureCode, `password-${string}` | `back-end-${string}`>;

const refusedPassword = (text: string): ResultCodes => failureCodes('STAT_PASSWORD_REFUSED', text);

const passwordFailures: Readonly<Record<PasswordCode, ResultCodes>> = {
  'password-incorrect': failureCodes('STAT_LOCAL_PASSWORD_MISMATCH', 'The password is incorrect.'),
  'password-none': failureCodes('STAT_LOCAL_PASSWORD_MISMATCH', 'No password verifies the user.'),
  'password-not-permitted': failureCodes(
    'STAT_GRACE_PERIOD_EXPIRED',
    'A static password lets nobody in here, or no longer.',
  ),
  'password-expired': failureCodes('STAT_PASSWORD_EXPIRED', 'The password has expired: change it.'),
  'back-end-none': failureCodes('STAT_LOCALAUTH', 'No back end is connected.'),
  'back-end-refused': refusedPassword('The back end does not take the new password.'),
  'password-too-young': refusedPassword('The password was changed too recently.'),
  'password-confirmation-mismatch': refusedPassword(
    'The new password and its confirmation differ.',
  ),
  'password-too-short': refusedPassword('The new password is too short.'),
  'password-too-long': refusedPassword('The new password is too long.'),
  'password-malformed': refusedPassword('The new password has control characters.'),
  'password-too-simple': refusedPassword('The new password is too simple.'),
  'password-user-name-based': refusedPassword('The new password holds the name of the user.'),
  'password-repeated': refusedPassword('The new password is one of the last.'),
};

const failures: Readonly<Record<FailureCode, ResultCodes>> = {
  refused: failureCodes('STAT_INVCREDENTIALS', 'The user could not be verified.'),
  'component-unknown': failureCodes(
    'STAT_NOT_FOUND',
    'No component lets programs of this type in without a key from this address.',
  ),
  'nothing-verifies': failureCodes(
    'STAT_LOCALAUTH',
    'The policy names nothing that could verify this request.',
  ),
  'user-unknown': failureCodes('STAT_USER_UNKNOWN', 'There is no such user.'),
  'user-disabled': failureCodes('STAT_DISABLED', 'The user is disabled.'),
  'user-expired': failureCodes('STAT_USER_EXPIRED', 'The user has expired.'),
  'user-inactive': failureCodes('STAT_USER_INACTIVE', 'The user was inactive for too long.'),
  'user-locked': failureCodes('STAT_LOCKED', 'The user is locked.'),
  'authenticator-none': failureCodes(
    'STAT_LOCAL_PASSWORD_MISMATCH',
    'The user has no authenticator, and no password verifies him.',
  ),
  'authenticator-not-assigned': failureCodes(
    'STAT_NOT_FOUND',
    'The authenticator is not assigned to this user.',
  ),
  'authenticator-ambiguous': failureCodes(
    'STAT_INVPARAM',
    'The user has several authenticators: name the serial number.',
  ),
  'authenticator-not-permitted': notPermitted,
  'authenticator-disabled': notPermitted,
  'authenticator-expired': notPermitted,
  'application-inactive': failureCodes(
    'STAT_DPERROR',
    'The authenticator application was not used for too long: it must be reset.',
  ),
  'application-locked': failureCodes(
    'STAT_DPERROR',
    'The authenticator application had too many wrong responses: it must be reset.',
  ),
  'emergency-in-force': failureCodes(
    'STAT_DPERROR',
    'An emergency code stands in for the authenticator: ask the help desk.',
  ),
  'challenge-required': failureCodes('STAT_DPERROR', 'A challenge is needed.'),
  'challenge-not-permitted': failureCodes(
    'STAT_LOCALAUTH',
    'The policy permits no such challenge.',
  ),
  'challenge-malformed': failureCodes(
    'STAT_DPERROR',
    'The challenge does not fit the authenticator application.',
  ),
  'challenge-unknown': goneChallenge,
  'challenge-expired': goneChallenge,
  'challenge-superseded': goneChallenge,
  'response-malformed': wrongResponse,
  'response-incorrect': wrongResponse,
  'response-replayed': usedResponse,
  'host-code-none': failureCodes(
    'STAT_DPERROR',
    'The authenticator application has no host code, or none was used.',
  ),
  'pin-change-required': failureCodes(
    'STAT_PIN_CHANGE_REQUIRED',
    'PIN Must Be Changed: send a new one with the next one-time password.',
  ),
  'pin-change-not-allowed': failureCodes('STAT_DPERROR', 'PIN Change Is Not Allowed'),
  'pin-not-supported': failureCodes('STAT_DPERROR', 'PIN Is Not Supported'),
  'pin-confirmation-mismatch': failureCodes(
    'STAT_DPERROR',
    'PIN And Confirmation Differ: send the same new PIN twice.',
  ),
  'pin-too-short': failureCodes(
    'STAT_DPERROR',
    'PIN Is Too Short For Its Authenticator: 8 characters are always enough.',
  ),
  'pin-too-long': failureCodes('STAT_DPERROR', 'PIN Is Too Long'),
  'pin-malformed': failureCodes(
    'STAT_DPERROR',
    'PIN Has Characters That Are Not Allowed: digits, and letters if the policy says so.',
  ),
  'pin-weak': failureCodes(
    'STAT_DPERROR',
    'PIN Is Too Easy To Guess: no repetition and no even run, such as 1111 or 2468.',
  ),
  'pin-unchanged': failureCodes('STAT_DPERROR', 'PIN Must Be Changed: the new one is the old one.'),
  ...passwordFailures,
  'virtual-send-limit': failureCodes(
    'STAT_DPERROR',
    'Too many one-time passwords were sent: try again later.',
  ),
  'administrator-none': failureCodes('STAT_PERMISSION', 'The user is no administrator.'),
  'sessions-too-many': failureCodes(
    'STAT_ERROR',
    'The administrator has too many open sessions: end one first.',
  ),
  'sync-nothing': notSynchronisable,
  'sync-kind-unsupported': notSynchronisable,
  'sync-frozen': failureCodes(
    'STAT_DPERROR',
    'The drift of the authenticator is frozen: an administrator must thaw it.',
  ),
  'sync-incorrect': failureCodes(
    'STAT_OTP_INCORRECT',
    'The two one-time passwords are not consecutive ones of the authenticator.',
  ),
  'sync-replayed': failureCodes(
    'STAT_OTP_ALREADY_USED',
    'One of the two one-time passwords was used already.',
  ),
  'sync-ambiguous': failureCodes(
    'STAT_OTP_INCORRECT',
    'The two one-time passwords fit more than one position: try with the next two.',
  ),
  'sync-backwards': failureCodes(
    'STAT_DPERROR',
    'The clock seems to have moved back too far: an administrator must reset it.',
  ),
  'field-missing': failureCodes('STAT_MISSINGFLD', 'A mandatory field is missing.'),
  'field-invalid': failureCodes('STAT_INVDATA', 'A field has a value that is not allowed.'),
  'nothing-to-cancel': failureCodes(
    'STAT_NOT_FOUND',
    'Nothing waits to be confirmed on a device: there is nothing to cancel.',
  ),
  'offline-data-none': failureCodes('STAT_NOT_FOUND', 'There is no such offline data.'),
  'session-unknown': failureCodes(
    'STAT_ADMIN_SESSION_STOPPED',
    'There is no such administrative session: it was ended, or it has expired.',
  ),
};

/** Where the contract of one operation has a status of its own for a refusal. */
const ownFailures: Readonly<
  Partial<Record<OperationName, Readonly<Partial<Record<FailureCode, ResultCodes>>>>>
> = {
  authSignature: {
    'authenticator-none': failureCodes('STAT_INVPARAM', 'The user has no authenticator.'),
    'response-malformed': wrongSignature,
    'response-incorrect': wrongSignature,
    'response-replayed': failureCodes('STAT_OTP_ALREADY_USED', 'The signature was used already.'),
  },
  syncTokenAndHost: {
    'authenticator-none': failureCodes('STAT_INVPARAM', 'The user has no authenticator.'),
  },
};

export function codesOfSuccess(outcome: SuccessOutcome): ResultCodes {
  return successes[outcome];
}

/** What a refusal or a wrong field is told as; a few differ from operation to operation. */
export function codesOfFailure(operation: OperationName, code: FailureCode): ResultCodes {
  return ownFailures[operation]?.[code] ?? failures[code];
}

/** How authUser tells that it issued a challenge: no public trace shows it, so it can be chosen. */
export type ChallengeIssuedProfile = 'failure' | 'challenge';

const issuedReturns: Readonly<Record<ChallengeIssuedProfile, ReturnName>> = {
  failure: 'RET_FAILURE',
  challenge: 'RET_CHALLENGE',
};

const issuedTexts: Readonly<Record<IssuedAnswer['kind'], string>> = {
  challenge: 'A challenge was issued: answer it.',
  'virtual-otp': 'A one-time password was sent: answer with it.',
};

/**
 * A challenge that was asked for by getChallenge is a success; any other verified nobody, and must
 * not look like success to a program that tests for both codes.
 */
export function codesOfChallenge(
  operation: OperationName,
  profile: ChallengeIssuedProfile,
  kind: IssuedAnswer['kind'],
): ResultCodes {
  return operation === 'getChallenge'
    ? success
    : codes(issuedReturns[profile], 'STAT_SUCCESS', issuedTexts[kind]);
}

const ourFault = 'ours';
const clientsFault = 'clients';

/** An error as a fault, whose mistake it was, or as a result. */
export type ErrorMeaning = typeof ourFault | typeof clientsFault | ResultCodes;

const broken = failureCodes(
  'STAT_COMMS',
  'The server cannot do this now: a part of it does not answer.',
);
const busy = failureCodes('STAT_COMMS', 'The server has too much to do now: try again.');
const notAllowed = failureCodes('STAT_PERMISSION', 'This is not allowed.');

/**
 * What is technical is a result of its own, told from any wrong response: a program must not take a
 * broken module for a mistyped code.
 */
const meanings: Readonly<Record<ErrorCode, ErrorMeaning>> = {
  'request-malformed': clientsFault,
  'request-invalid': failures['field-invalid'],
  'request-too-large': clientsFault,
  // The programs send no request keys.
  'request-key-reused': ourFault,
  'media-type-unsupported': clientsFault,
  'not-found': failureCodes('STAT_NOT_FOUND', 'There is no such record.'),
  'method-not-allowed': clientsFault,
  unauthenticated: notAllowed,
  forbidden: notAllowed,
  conflict: failureCodes('STAT_EXISTS', 'The request conflicts with what is stored.'),
  'policy-refused': notAllowed,
  'module-unavailable': broken,
  'module-denied': broken,
  'module-capacity': broken,
  'module-contract': broken,
  'seed-damaged': failureCodes(
    'STAT_NOT_FOUND',
    'The key of the authenticator application could not be found.',
  ),
  'store-unavailable': broken,
  'store-read-only': broken,
  'store-full': broken,
  'store-contract': broken,
  'instance-in-use': broken,
  'delivery-failed': failureCodes(
    'STAT_COMMS',
    'The one-time password could not be sent; nothing has changed.',
  ),
  'back-end-unavailable': broken,
  overloaded: busy,
  'shutting-down': busy,
  // Start-up failures end the process before it listens; here they are a mistake of ours.
  'config-invalid': ourFault,
  'address-in-use': ourFault,
  'not-initialised': ourFault,
  internal: ourFault,
};

/** Whether an error of the server is a fault, and whose, or a result with codes. */
export function meaningOfError(code: ErrorCode): ErrorMeaning {
  return meanings[code];
}
