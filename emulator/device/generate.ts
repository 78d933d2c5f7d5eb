import {
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  appendLuhn,
  movingFactorMax,
  type OcraDataInput,
  type Otp,
  parseEventCounter,
  parseOtp,
  parseTimeStep,
  readResponse,
  type ResponseAlgorithm,
  responseMessage,
  timeStepAt,
} from '../../src/oath/index.ts';
import type { DeviceApplication } from './application.ts';
import { hashPin, macOnce } from './mac.ts';
import type { Refusal } from './refusal.ts';
import type { Secret } from './secret.ts';

/** What the user adds beside the clock and the counter; which of it, the algorithm says. */
export interface UserInputs {
  readonly challenge?: string | undefined;
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
  const pinHash = pinHashOf(algorithm, inputs.devicePin);
  const message = responseMessage(algorithm, {
    eventCounter: counterUsed === null ? undefined : parseEventCounter(counterUsed),
    timeStep: timeStep === null ? undefined : parseTimeStep(timeStep),
    question: inputs.challenge,
    pinHash: pinHash?.exposeSecret(),
    session: inputs.session,
  });
  const mac = macOnce(algorithmHash(algorithm), seed, message);
  const read = readResponse(algorithm, mac);
  const response = application.responseCheckDigit ? parseOtp(appendLuhn(read)) : read;
  // The message holds the PIN hash, from which a short PIN can be guessed.
  message.fill(0);
  mac.fill(0);
  pinHash?.wipe();
  const generated = { applicationName: name, response, eventCounter: counterUsed, timeStep };
  return { ok: true, generated };
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
