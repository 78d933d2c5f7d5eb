/**
 * What went wrong, for code that branches on it. Codes are never renamed or recycled.
 *
 * - `input-invalid`: a value that the caller gave is outside what is allowed.
 * - `refused`: the device itself refuses, as a real one would (see `Refusal`).
 * - `untouched`: a key waited to be touched, and nobody did.
 * - `token-unknown`, `token-exists`: no virtual token of that serial, or one too many.
 * - `message-unknown`: no message, or none with a one-time password, is in the inbox.
 * - `pairing-refused`: a bundle that does not answer this token's request.
 * - `state-busy`: another process holds the token's lock.
 * - `state-damaged`: a state file that cannot be trusted.
 * - `state-conflict`: the state file changed since it was read.
 * - `fleet-differs`: a file, or a server, does not agree with what a fleet makes.
 * - `command-failed`: a command that the caller named did not end well.
 * - `stopped`: the caller was asked to end before the work was done.
 * - `storage-failed`: the operating system refused to read or write, or a server does not answer.
 * - `hid-unavailable`: what reaches keys that are plugged in is not installed.
 * - `hid-failed`: a key that is plugged in cannot be opened, or does not answer as it should.
 */
export type EmulatorErrorCode =
  | 'input-invalid'
  | 'refused'
  | 'untouched'
  | 'token-unknown'
  | 'token-exists'
  | 'message-unknown'
  | 'pairing-refused'
  | 'state-busy'
  | 'state-damaged'
  | 'state-conflict'
  | 'fleet-differs'
  | 'command-failed'
  | 'stopped'
  | 'storage-failed'
  | 'hid-unavailable'
  | 'hid-failed';

/**
 * The only error this room throws on purpose. The message says what was wrong and what is allowed;
 * seeds, responses, challenges and PINs never appear in it.
 */
export class EmulatorError extends Error {
  override readonly name: string = 'EmulatorError';
  readonly code: EmulatorErrorCode;

  constructor(code: EmulatorErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
