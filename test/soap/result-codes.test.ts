import { describe, expect, it } from 'vitest';
import { failureCodes, type ResultCodes, type StatusName } from '../../src/soap/codes.ts';
import {
  codesOfChallenge,
  codesOfFailure,
  codesOfSuccess,
  type FailureCode,
  meaningOfError,
  type OperationName,
  operationNames,
  type SuccessOutcome,
} from '../../src/soap/result-codes.ts';
import type { ErrorCode } from '../../src/errors.ts';

/** What each refusal must look like outside; total, so that a new one asks for its row here too. */
const statuses: Readonly<Record<FailureCode, StatusName>> = {
  refused: 'STAT_INVCREDENTIALS',
  'component-unknown': 'STAT_NOT_FOUND',
  'nothing-verifies': 'STAT_LOCALAUTH',
  'user-unknown': 'STAT_USER_UNKNOWN',
  'user-disabled': 'STAT_DISABLED',
  'user-expired': 'STAT_USER_EXPIRED',
  'user-inactive': 'STAT_USER_INACTIVE',
  'user-locked': 'STAT_LOCKED',
  'authenticator-none': 'STAT_LOCAL_PASSWORD_MISMATCH',
  'authenticator-not-assigned': 'STAT_NOT_FOUND',
  'authenticator-ambiguous': 'STAT_INVPARAM',
  'authenticator-not-permitted': 'STAT_LOCALAUTH',
  'authenticator-disabled': 'STAT_LOCALAUTH',
  'authenticator-expired': 'STAT_LOCALAUTH',
  'application-inactive': 'STAT_DPERROR',
  'application-locked': 'STAT_DPERROR',
  'emergency-in-force': 'STAT_DPERROR',
  'host-code-none': 'STAT_DPERROR',
  'challenge-required': 'STAT_DPERROR',
  'challenge-not-permitted': 'STAT_LOCALAUTH',
  'challenge-malformed': 'STAT_DPERROR',
  'challenge-unknown': 'STAT_EXP_CHALLENGE',
  'challenge-expired': 'STAT_EXP_CHALLENGE',
  'challenge-superseded': 'STAT_EXP_CHALLENGE',
  'response-malformed': 'STAT_OTP_INCORRECT',
  'response-incorrect': 'STAT_OTP_INCORRECT',
  'response-replayed': 'STAT_OTP_ALREADY_USED',
  'pin-change-required': 'STAT_PIN_CHANGE_REQUIRED',
  'pin-change-not-allowed': 'STAT_DPERROR',
  'pin-not-supported': 'STAT_DPERROR',
  'pin-confirmation-mismatch': 'STAT_DPERROR',
  'pin-too-short': 'STAT_DPERROR',
  'pin-too-long': 'STAT_DPERROR',
  'pin-malformed': 'STAT_DPERROR',
  'pin-weak': 'STAT_DPERROR',
  'pin-unchanged': 'STAT_DPERROR',
  'password-incorrect': 'STAT_LOCAL_PASSWORD_MISMATCH',
  'password-none': 'STAT_LOCAL_PASSWORD_MISMATCH',
  'password-not-permitted': 'STAT_GRACE_PERIOD_EXPIRED',
  'password-expired': 'STAT_PASSWORD_EXPIRED',
  'back-end-none': 'STAT_LOCALAUTH',
  'back-end-refused': 'STAT_PASSWORD_REFUSED',
  'password-too-young': 'STAT_PASSWORD_REFUSED',
  'password-confirmation-mismatch': 'STAT_PASSWORD_REFUSED',
  'password-too-short': 'STAT_PASSWORD_REFUSED',
  'password-too-long': 'STAT_PASSWORD_REFUSED',
  'password-malformed': 'STAT_PASSWORD_REFUSED',
  'password-too-simple': 'STAT_PASSWORD_REFUSED',
  'password-user-name-based': 'STAT_PASSWORD_REFUSED',
  'password-repeated': 'STAT_PASSWORD_REFUSED',
  'virtual-send-limit': 'STAT_DPERROR',
  'administrator-none': 'STAT_PERMISSION',
  'sessions-too-many': 'STAT_ERROR',
  'sync-nothing': 'STAT_INVPARAM',
  'sync-kind-unsupported': 'STAT_INVPARAM',
  'sync-frozen': 'STAT_DPERROR',
  'sync-incorrect': 'STAT_OTP_INCORRECT',
  'sync-replayed': 'STAT_OTP_ALREADY_USED',
  'sync-ambiguous': 'STAT_OTP_INCORRECT',
  'sync-backwards': 'STAT_DPERROR',
  'field-missing': 'STAT_MISSINGFLD',
  'field-invalid': 'STAT_INVDATA',
  'nothing-to-cancel': 'STAT_NOT_FOUND',
  'offline-data-none': 'STAT_NOT_FOUND',
  'session-unknown': 'STAT_ADMIN_SESSION_STOPPED',
};

const failures = Object.keys(statuses) as FailureCode[];

const errors: Readonly<Record<ErrorCode, StatusName | 'clients' | 'ours'>> = {
  'request-malformed': 'clients',
  'request-invalid': 'STAT_INVDATA',
  'request-too-large': 'clients',
  'request-key-reused': 'ours',
  'media-type-unsupported': 'clients',
  'not-found': 'STAT_NOT_FOUND',
  'method-not-allowed': 'clients',
  unauthenticated: 'STAT_PERMISSION',
  forbidden: 'STAT_PERMISSION',
  conflict: 'STAT_EXISTS',
  'policy-refused': 'STAT_PERMISSION',
  'module-unavailable': 'STAT_COMMS',
  'module-denied': 'STAT_COMMS',
  'module-capacity': 'STAT_COMMS',
  'module-contract': 'STAT_COMMS',
  'seed-damaged': 'STAT_NOT_FOUND',
  'store-unavailable': 'STAT_COMMS',
  'store-read-only': 'STAT_COMMS',
  'store-full': 'STAT_COMMS',
  'store-contract': 'STAT_COMMS',
  'instance-in-use': 'STAT_COMMS',
  'delivery-failed': 'STAT_COMMS',
  'back-end-unavailable': 'STAT_COMMS',
  overloaded: 'STAT_COMMS',
  'shutting-down': 'STAT_COMMS',
  'config-invalid': 'ours',
  'address-in-use': 'ours',
  'not-initialised': 'ours',
  internal: 'ours',
};

const numbers: Readonly<Record<StatusName, number>> = {
  STAT_SUCCESS: 0,
  STAT_ERROR: -1,
  STAT_INVPARAM: -2,
  STAT_COMMS: -10,
  STAT_NOT_FOUND: -13,
  STAT_EXISTS: -14,
  STAT_INVDATA: -15,
  STAT_MISSINGFLD: -16,
  STAT_DPERROR: -20,
  STAT_ADMIN_SESSION_STOPPED: -140,
  STAT_PIN_CHANGE_REQUIRED: -141,
  STAT_PASSWORD_REFUSED: -142,
  STAT_PASSWORD_EXPIRED: -143,
  STAT_INVCREDENTIALS: 1000,
  STAT_EXP_CHALLENGE: 1004,
  STAT_PERMISSION: 1005,
  STAT_LOCALAUTH: 1006,
  STAT_LOCKED: 1007,
  STAT_OTP_ALREADY_USED: 1008,
  STAT_DISABLED: 1009,
  STAT_USER_UNKNOWN: 1010,
  STAT_LOCAL_PASSWORD_MISMATCH: 1011,
  STAT_OTP_INCORRECT: 1012,
  STAT_GRACE_PERIOD_EXPIRED: 1023,
  STAT_USER_EXPIRED: 1025,
  STAT_USER_INACTIVE: 1033,
};

const successes: Readonly<Record<SuccessOutcome, true>> = {
  accepted: true,
  synchronised: true,
  'signature-accepted': true,
  'password-changed': true,
  'signed-in': true,
  'signed-out': true,
  'offline-data-shown': true,
  'offline-data-deleted': true,
  'session-alive': true,
};

describe('the table of result codes', () => {
  it.each(Object.entries(statuses))('has %s as %s', (code, status) => {
    const codes = codesOfFailure('authUser', code as FailureCode);
    expect(codes).toMatchObject({ returnCodeEnum: 'RET_FAILURE', returnCode: -1 });
    expect(codes.statusCodeEnum).toBe(status);
  });

  it.each(Object.entries(errors))('has the error %s as %s', (code, expected) => {
    const meaning = meaningOfError(code as ErrorCode);
    expect(typeof meaning === 'string' ? meaning : meaning.statusCodeEnum).toBe(expected);
  });

  it.each(Object.entries(numbers))('has the number of %s', (name, number) => {
    if (name === 'STAT_SUCCESS') expect(codesOfSuccess('accepted').statusCode).toBe(number);
    else expect(failureCodes(name as 'STAT_ERROR', 'x').statusCode).toBe(number);
  });

  it('says of a synchronisation what its own contract asks for', () => {
    const own: Readonly<Partial<Record<FailureCode, StatusName>>> = {
      'component-unknown': 'STAT_NOT_FOUND',
      'authenticator-none': 'STAT_INVPARAM',
      'authenticator-ambiguous': 'STAT_INVPARAM',
      'authenticator-not-assigned': 'STAT_NOT_FOUND',
      'authenticator-not-permitted': 'STAT_LOCALAUTH',
      'authenticator-expired': 'STAT_LOCALAUTH',
      'sync-kind-unsupported': 'STAT_INVPARAM',
      'sync-incorrect': 'STAT_OTP_INCORRECT',
      'sync-replayed': 'STAT_OTP_ALREADY_USED',
    };
    for (const [code, status] of Object.entries(own)) {
      const codes = codesOfFailure('syncTokenAndHost', code as FailureCode);
      expect.soft(codes.statusCodeEnum, code).toBe(status);
    }
  });

  it('has a text for every failure, and the one that a program looks for', () => {
    for (const operation of operationNames) {
      for (const code of failures) {
        expect.soft(codesOfFailure(operation, code).text, code).toMatch(/^\S.{10,}\S$/);
      }
    }
    expect(codesOfFailure('authUser', 'pin-too-long').text).toBe('PIN Is Too Long');
  });

  it('tells an issued challenge as it is configured, and getChallenge of its own', () => {
    for (const kind of ['challenge', 'virtual-otp'] as const) {
      const text = kind === 'challenge' ? /^A challenge/ : /^A one-time password/;
      expect(codesOfChallenge('authUser', 'failure', kind)).toMatchObject({
        returnCodeEnum: 'RET_FAILURE',
        returnCode: -1,
        statusCodeEnum: 'STAT_SUCCESS',
        statusCode: 0,
        text: expect.stringMatching(text) as string,
      });
      expect(codesOfChallenge('authUser', 'challenge', kind)).toMatchObject({
        returnCodeEnum: 'RET_CHALLENGE',
        returnCode: 1,
        statusCodeEnum: 'STAT_SUCCESS',
        statusCode: 0,
        text: expect.stringMatching(text) as string,
      });
    }
    const handedOut = codesOfChallenge('getChallenge', 'failure', 'challenge');
    expect(handedOut).toEqual(codesOfSuccess('accepted'));
  });

  it('says success with success of nothing but what was completed', () => {
    const isSuccess = ({ returnCodeEnum, statusCodeEnum }: ResultCodes): boolean =>
      returnCodeEnum === 'RET_SUCCESS' && statusCodeEnum === 'STAT_SUCCESS';
    const looksSuccessful: string[] = [];
    const look = (operation: OperationName, what: string, codes: ResultCodes): void => {
      if (isSuccess(codes)) looksSuccessful.push(`${operation} ${what}`);
      // Neither half alone for a failure that is none: only a challenge has one.
      else if (codes.returnCode === 0) looksSuccessful.push(`${operation} ${what} by half`);
    };
    for (const operation of operationNames) {
      for (const code of failures) look(operation, code, codesOfFailure(operation, code));
      for (const code of Object.keys(errors)) {
        const meaning = meaningOfError(code as ErrorCode);
        if (typeof meaning !== 'string') look(operation, code, meaning);
      }
      for (const profile of ['failure', 'challenge'] as const) {
        look(operation, 'challenge-issued', codesOfChallenge(operation, profile, 'challenge'));
      }
    }
    expect(new Set(looksSuccessful)).toEqual(new Set(['getChallenge challenge-issued']));
    for (const outcome of Object.keys(successes) as SuccessOutcome[]) {
      expect(isSuccess(codesOfSuccess(outcome))).toBe(true);
    }
  });
});
