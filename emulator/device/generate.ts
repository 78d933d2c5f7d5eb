import {
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  appendLuhn,
  decodeOcra,
  type EventCounter,
  hostCodeMessage,
  movingFactorMax,
  type OcraDataInput,
  type Otp,
  parseEventCounter,
  parseOtp,
  parseTimeStep,
  readResponse,
  type ResponseAlgorithm,
  responseMessage,
  signatureText,
  type TimeStep,
  timeStepAt,
} from '../../src/oath/index.ts';
import { type DeviceApplication, hostCodeSuiteOf } from './application.ts';
import { hashPin, hashText, macOnce } from './mac.ts';
import type { Refusal } from './refusal.ts';
import type { Secret } from './secret.ts';

/** What the user adds beside the clock and the counter; which of it, the algorithm says. */
export interface UserInputs {
  readonly challenge?: string | undefined;
  /** The data fields to be signed, in place of a challenge. */
  readonly fields?: readonly string[] | undefined;
  readonly devicePin?: Secret | undefined;
  readonly session?: Uint8Array | undefined;
}

/** A response and the position it was made at; null where the algorithm has no such input. */
export interface Generated {
  readonly applicationName: string;
  /** As displayed, with its check digit if the application has one. */
  readonly response: Otp;
  readonly eventCounter: bigint | null;
  readonly timeStep: bigint | null;
  /** What the host has to show for it; null where the application has no host code. */
  readonly hostCode: Otp | null;
}

export type Generation =
  | { readonly ok: true; readonly generated: Generated }
  | { readonly ok: false; readonly refusal: Refusal };

/** Longest device PIN in bytes of UTF-8; keypads stop at eight digits. */
const devicePinBytesMax = 64;

/**
 * Makes one response, as the device does after the last key.
 *
 * @param eventCounter the next counter of the application; ignored by algorithms without one
 * @returns the response, or why the device shows none
 */
export function generate(
  application: DeviceApplication,
  eventCounter: bigint,
  deviceTimeMs: number,
  inputs: UserInputs,
): Generation {
  const { algorithm, name, seed } = application;
  if (seed === null) return refused({ code: 'not-paired' });
  const refusal =
    counterRefusal(algorithm, eventCounter) ??
    clockRefusal(algorithm, deviceTimeMs) ??
    pinRefusal(algorithm, inputs.devicePin) ??
    sessionRefusal(algorithm, inputs.session);
  if (refusal !== null) return refused(refusal);
  const counterUsed = algorithmInputs(algorithm).eventCounter ? eventCounter : null;
  const timeStep = timeStepOf(algorithm, deviceTimeMs);
  const position = {
    eventCounter: counterUsed === null ? undefined : parseEventCounter(counterUsed),
    timeStep: timeStep === null ? undefined : parseTimeStep(timeStep),
  };
  const question = questionOf(inputs);
  const pinHash = pinHashOf(algorithm, inputs.devicePin);
  const message = responseMessage(algorithm, {
    ...position,
    question,
    pinHash: pinHash?.exposeSecret(),
    session: inputs.session,
  });
  const mac = macOnce(algorithmHash(algorithm), seed, message);
  const read = readResponse(algorithm, mac);
  // The message holds the PIN hash, from which a short PIN can be guessed.
  message.fill(0);
  mac.fill(0);
  pinHash?.wipe();
  const generated = {
    applicationName: name,
    response: application.responseCheckDigit ? parseOtp(appendLuhn(read)) : read,
    eventCounter: counterUsed,
    timeStep,
    hostCode: hostCodeOf(application, seed, { ...position, response: read, challenge: question }),
  };
  return { ok: true, generated };
}

/** What is answered: the challenge as it was typed, or what stands for the fields (`emu-sign-1`). */
function questionOf({ challenge, fields }: UserInputs): string | undefined {
  return fields === undefined ? challenge : hashText('SHA1', signatureText(fields));
}

function hostCodeOf(
  application: DeviceApplication,
  seed: Secret,
  exchange: {
    readonly eventCounter: EventCounter | undefined;
    readonly timeStep: TimeStep | undefined;
    readonly response: Otp;
    readonly challenge: string | undefined;
  },
): Otp | null {
  const suite = hostCodeSuiteOf(application);
  if (suite === null) return null;
  const mac = macOnce(suite.hash, seed, hostCodeMessage(suite, exchange));
  const hostCode = decodeOcra(mac, suite);
  mac.fill(0);
  return hostCode;
}

/** Whether the PIN itself goes into the response (RFC 6287 section 5.1: P). */
export function takesPin({ algorithm }: Pick<DeviceApplication, 'algorithm'>): boolean {
  return dataInputOf(algorithm).pinHash !== undefined;
}

function timeStepOf(algorithm: ResponseAlgorithm, deviceTimeMs: number): bigint | null {
  const stepping = algorithmTimeStepping(algorithm);
  return stepping === undefined ? null : timeStepAt(deviceTimeMs, stepping);
}

function pinHashOf(algorithm: ResponseAlgorithm, devicePin: Secret | undefined): Secret | null {
  const hash = dataInputOf(algorithm).pinHash;
  return hash === undefined || devicePin === undefined ? null : hashPin(hash, devicePin);
}

function counterRefusal(algorithm: ResponseAlgorithm, eventCounter: bigint): Refusal | null {
  const isExhausted = algorithmInputs(algorithm).eventCounter && eventCounter > movingFactorMax;
  return isExhausted ? { code: 'event-counter-exhausted' } : null;
}

function clockRefusal(algorithm: ResponseAlgorithm, deviceTimeMs: number): Refusal | null {
  const timeStep = timeStepOf(algorithm, deviceTimeMs);
  return timeStep !== null && timeStep < 0n ? { code: 'clock-before-origin' } : null;
}

function pinRefusal(algorithm: ResponseAlgorithm, devicePin: Secret | undefined): Refusal | null {
  const isAsked = takesPin({ algorithm });
  if (devicePin === undefined) return isAsked ? { code: 'pin-missing' } : null;
  if (!isAsked) return { code: 'pin-superfluous' };
  const { length } = devicePin;
  const fits = length >= 1 && length <= devicePinBytesMax;
  return fits ? null : { code: 'pin-length', bytesMax: devicePinBytesMax };
}

function sessionRefusal(
  algorithm: ResponseAlgorithm,
  session: Uint8Array | undefined,
): Refusal | null {
  const bytesMax = dataInputOf(algorithm).sessionBytes;
  if (session === undefined) return bytesMax === undefined ? null : { code: 'session-missing' };
  if (bytesMax === undefined) return { code: 'session-superfluous' };
  return session.length <= bytesMax ? null : { code: 'session-length', bytesMax };
}

function dataInputOf(algorithm: ResponseAlgorithm): Partial<OcraDataInput> {
  return algorithm.kind === 'challenge-response' ? algorithm.suite.dataInput : {};
}

function refused(refusal: Refusal): Generation {
  return { ok: false, refusal };
}
