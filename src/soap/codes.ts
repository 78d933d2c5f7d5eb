/**
 * The names and numbers of return and status. Programs were seen to test names and `returnCode`; numbers
 * that no public page has are our assignment (docs/soap.md).
 */

const returnNumbers = { RET_SUCCESS: 0, RET_CHALLENGE: 1, RET_FAILURE: -1 } as const;

const statusNumbers = {
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
} as const;

export type ReturnName = keyof typeof returnNumbers;
export type StatusName = keyof typeof statusNumbers;

/** Every name that an answer may hold, for the schemas. */
export const returnNames = Object.keys(returnNumbers) as readonly ReturnName[];
export const statusNames = Object.keys(statusNumbers) as readonly StatusName[];

export interface ResultCodes {
  readonly returnCodeEnum: ReturnName;
  readonly statusCodeEnum: StatusName;
  readonly returnCode: number;
  readonly statusCode: number;
  /** For people, in English; shown unless all is well. */
  readonly text: string;
}

/** A return and a status with their numbers. */
export function codes(
  returnCodeEnum: ReturnName,
  statusCodeEnum: StatusName,
  text: string,
): ResultCodes {
  return {
    returnCodeEnum,
    statusCodeEnum,
    returnCode: returnNumbers[returnCodeEnum],
    statusCode: statusNumbers[statusCodeEnum],
    text,
  };
}

/** A failure of this status; every one has a text. */
export function failureCodes(
  status: Exclude<StatusName, 'STAT_SUCCESS'>,
  text: string,
): ResultCodes {
  return codes('RET_FAILURE', status, text);
}
