import type { Logger } from './logger.ts';
import { DeliveryFailedError, type TallystickError } from '../errors.ts';

/** Which request it was, and whose: the key's name and the TCP peer; null while nobody is known. */
export interface FailedRequest {
  readonly requestId: string;
  readonly route: string;
  readonly keyName: string | null;
  readonly peerAddress: string | null;
}

/**
 * What the answer's bland text left out: the cause with the module's or the driver's own words,
 * and who asked. A caller who may not do what he asked for is a warning, with the role or address
 * that was missing; so is a message that no gateway took, with what each of them said: where in our
 * code that was found out helps nobody.
 */
export function logFailure(logger: Logger, error: TallystickError, request: FailedRequest): void {
  const { code, message, fields } = error;
  if (code === 'forbidden') logger.warn({ ...fields, ...request, errorCode: code }, message);
  else if (error instanceof DeliveryFailedError) {
    logger.warn({ ...request, errorCode: code, failures: error.failures }, message);
  } else logger.error({ ...request, errorCode: code, error }, message);
}
