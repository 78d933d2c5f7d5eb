/**
 * Why a document of the offline scheme is not taken. `malformed`: not of this format; `forged`: the
 * signature or a seal does not fit; `foreign`: made for another agent or key.
 */
export type OfflineErrorCode = 'malformed' | 'forged' | 'foreign';

/** What `src/offline` throws about bytes that came from outside. Holds no secret. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError';
  readonly code: OfflineErrorCode;

  /** @param message which part, and what is allowed there */
  constructor(code: OfflineErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function malformed(part: string, allowed: string): OfflineError {
  return new OfflineError('malformed', `${part} must be ${allowed}`);
}
