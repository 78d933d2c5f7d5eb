import {
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  type Otp,
  parseEventCounter,
  parseTimeStep,
  readResponse,
  type ResponseAlgorithm,
  type ResponseInputs,
  responseMessage,
} from '../../src/oath/index.ts';
import { EmulatorError } from '../errors.ts';
import { createMacKey } from './mac.ts';

/** Makes the responses of one application without a device around it. */
export interface Responder {
  /** @throws OathError for inputs that the algorithm does not take */
  respond(inputs: ResponseInputs): Otp;
  /** Forgets the seed; further use throws. */
  wipe(): void;
}

/**
 * For tests and simulations that need responses by the thousand: the seed's key blocks are hashed
 * once, every response then costs two compressions.
 *
 * @param seed not kept; the caller still owns and wipes it
 */
export function createResponder(algorithm: ResponseAlgorithm, seed: Uint8Array): Responder {
  const key = createMacKey(algorithmHash(algorithm), seed);
  return {
    respond: (inputs) => readResponse(algorithm, key.mac(responseMessage(algorithm, inputs))),
    wipe: () => key.wipe(),
  };
}

/**
 * The responses at consecutive positions: event counters, or time steps for an algorithm with a
 * clock and no counter. An OCRA suite with both moves the counter and takes the step from `fixed`.
 *
 * @param first 0 to 2^64-1; so must the last one be
 * @param fixed further inputs, the same for every response: challenge, PIN hash, session
 * @throws OathError for inputs that the algorithm does not take; EmulatorError input-invalid for an
 *   algorithm without counter and clock
 */
export function* responses(
  algorithm: ResponseAlgorithm,
  seed: Uint8Array,
  first: bigint,
  count: number,
  fixed: ResponseInputs = {},
): Generator<Otp, void> {
  const hasCounter = algorithmInputs(algorithm).eventCounter;
  if (!hasCounter && algorithmTimeStepping(algorithm) === undefined) {
    throw new EmulatorError('input-invalid', 'this algorithm has neither counter nor clock');
  }
  const responder = createResponder(algorithm, seed);
  // One object for all positions: an allocation per response would be felt at this speed.
  const inputs: Writable<ResponseInputs> = { ...fixed };
  try {
    for (let index = 0; index < count; index += 1) {
      const position = first + BigInt(index);
      if (hasCounter) inputs.eventCounter = parseEventCounter(position);
      else inputs.timeStep = parseTimeStep(position);
      yield responder.respond(inputs);
    }
  } finally {
    responder.wipe();
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
