import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  algorithmHash,
  type HashName,
  OathError,
  type OathErrorCode,
  type Otp,
  readResponse,
  type ResponseAlgorithm,
  type ResponseInputs,
  responseMessage,
} from '../../src/oath/index.ts';

export function vectorFile(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
}

export function bytesOfHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function hmac(hash: HashName, key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac(hash, key).update(message).digest());
}

export function hashOfPin(hash: HashName, pin: string): Uint8Array {
  return new Uint8Array(createHash(hash).update(pin, 'utf8').digest());
}

export const rfcKey: Uint8Array = new TextEncoder().encode('12345678901234567890');

/** What a device with this key shows: the sandwich of message, HMAC and reading. */
export function respond(
  algorithm: ResponseAlgorithm,
  inputs: ResponseInputs,
  key: Uint8Array = rfcKey,
): Otp {
  const mac = hmac(algorithmHash(algorithm), key, responseMessage(algorithm, inputs));
  return readResponse(algorithm, mac);
}

/** Runs `act` and returns the error's code and part; anything but an OathError is rethrown. */
export function refusalOf(act: () => unknown): { code: OathErrorCode; part: string } {
  const { code, part } = errorOf(act);
  return { code, part };
}

export function errorOf(act: () => unknown): OathError {
  try {
    act();
  } catch (error) {
    if (error instanceof OathError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
