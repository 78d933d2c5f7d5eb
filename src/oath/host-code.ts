import {
  algorithmDigits,
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  type ResponseAlgorithm,
  responseCharacters,
} from './algorithm.ts';
import { mutualQuestions, ocraMessage } from './ocra-message.ts';
import { type OcraDigits, type OcraSuite, ocraSuiteOf } from './ocra-suite.ts';
import type { EventCounter, Otp, TimeStep } from './types.ts';

/** The name of the convention below, which is ours alone. */
export const hostCodeScheme = 'emu-host-1';

/** Digits of the host code where the response is a whole MAC in hex. */
const digitsOfUntruncated = 8;
const questionCharactersMax = 64;

/** What a host code answers: a response and where it was made. */
export interface HostCodeExchange {
  /** Without a check digit; to the host, it is the question that the device asks. */
  readonly response: Otp;
  /** The host's question, as it was typed; undefined where nothing was. */
  readonly challenge: string | undefined;
  readonly eventCounter: EventCounter | undefined;
  readonly timeStep: TimeStep | undefined;
}

/**
 * The suite of an application's host codes by the convention `emu-host-1`, or null where OCRA cannot
 * express one: a time step such as 90 s, a response of more than 64 characters. It is mutual OCRA
 * (RFC 6287 section 7.2) in which the response is the device's question, of hash, counter and clock
 * of the application and, by default, of as many digits. S holds the convention's name: no suite
 * with S verifies anybody, so that a host code is never a response.
 *
 * @param digits in place of the response's
 */
export function hostCodeSuite(
  algorithm: ResponseAlgorithm,
  digits: OcraDigits = algorithmDigits(algorithm) || digitsOfUntruncated,
): OcraSuite | null {
  const { eventCounter, timeStep } = algorithmInputs(algorithm);
  const timeStepSeconds = algorithmTimeStepping(algorithm)?.timeStepSeconds;
  if (responseCharacters(algorithm) > questionCharactersMax) return null;
  try {
    return ocraSuiteOf({
      hash: algorithmHash(algorithm),
      digits,
      dataInput: {
        counter: eventCounter,
        question: { format: 'A', maxLength: questionCharactersMax },
        sessionBytes: hostCodeScheme.length,
        ...(timeStep && timeStepSeconds !== undefined ? { timeStepSeconds } : {}),
      },
    });
  } catch {
    // All that it throws says that there is no such suite.
    return null;
  }
}

/**
 * The bytes to be MACed for a host code, under the seed of the application; `decodeOcra` reads the MAC.
 *
 * @throws OathError ERR_OATH_INPUT, part `question`, for a challenge of more than 64 characters, or
 *   one that has more than 128 bytes together with the response
 */
export function hostCodeMessage(suite: OcraSuite, exchange: HostCodeExchange): Uint8Array {
  const { response, challenge, eventCounter, timeStep } = exchange;
  return ocraMessage(suite, {
    eventCounter,
    timeStep,
    question:
      challenge === undefined
        ? response
        : mutualQuestions('server', { client: response, server: challenge }),
    session: new TextEncoder().encode(hostCodeScheme),
  });
}
