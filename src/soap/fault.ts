import { TallystickError } from '../errors.ts';

/** SOAP 1.1 section 4.4.1: the client's mistake, ours, or something that is not understood. */
export type FaultCode = 'Client' | 'Server' | 'MustUnderstand' | 'VersionMismatch';

type SentFaultCode = Exclude<FaultCode, 'Server'>;

/**
 * A request that is no request: answered by a fault. The message says what was wrong and what is
 * allowed, and never quotes what was sent, which may hold a response.
 */
export function requestFault(faultCode: SentFaultCode, message: string): TallystickError {
  return new TallystickError('request-malformed', message, { fields: { faultCode } });
}

/** What the client did wrong. */
export function clientFault(message: string): TallystickError {
  return requestFault('Client', message);
}

/** The code of a request's fault; whatever else is the client's mistake is `Client`. */
export function faultCodeOf({ fields }: TallystickError): SentFaultCode {
  const code = fields['faultCode'];
  return code === 'MustUnderstand' || code === 'VersionMismatch' ? code : 'Client';
}
