/**
 * The one taxonomy of broken contracts and failed dependencies. Expected results of an
 * authentication are not here: they are returned, as `src/domain/outcomes.ts` lists them.
 * Codes are never renamed or recycled; each edge maps them once, by a total switch.
 */
export type ErrorCode =
  // The request itself.
  | 'request-malformed'
  | 'request-invalid'
  | 'request-too-large'
  | 'request-key-reused'
  | 'media-type-unsupported'
  | 'not-found'
  | 'method-not-allowed'
  | 'unauthenticated'
  | 'forbidden'
  | 'conflict'
  | 'policy-refused'
  // What we depend on.
  | 'module-unavailable'
  | 'module-denied'
  | 'module-capacity'
  | 'module-contract'
  | 'seed-damaged'
  | 'store-unavailable'
  | 'store-read-only'
  | 'store-full'
  | 'store-contract'
  | 'delivery-failed'
  | 'back-end-unavailable'
  | 'overloaded'
  | 'shutting-down'
  // Start-up.
  | 'config-invalid'
  | 'instance-in-use'
  | 'address-in-use'
  | 'not-initialised'
  // Ourselves.
  | 'internal';

/** Details that may be shown to the caller beside the text: never a secret. */
export type ErrorFields = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/**
 * A broken contract or a failed dependency. `message` is safe to show to the caller of an
 * authenticated interface and says what was wrong and what is allowed; the cause stays inside.
 */
export class TallystickError extends Error {
  override readonly name = 'TallystickError';
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  constructor(
    code: ErrorCode,
    message: string,
    options: { fields?: ErrorFields; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

/** Why one gateway did not take a message: for the operator, and never its text, recipient or secret. */
export interface GatewayFailure {
  readonly channel: string;
  /** Null where none came into it. */
  readonly gateway: string | null;
  readonly kind: string;
  readonly cause: string;
}

/** No gateway took a message. An outage of something else: `failures` is all there is to know. */
export class DeliveryFailedError extends TallystickError {
  readonly failures: readonly GatewayFailure[];

  constructor(failures: readonly GatewayFailure[]) {
    super('delivery-failed', 'The one-time password could not be sent.');
    this.failures = failures;
  }
}
