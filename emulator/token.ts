import type { ClockParameters } from './clock.ts';
import { checkClock } from './clock.ts';
import {
  applicationsMax,
  type Device,
  type DeviceState,
  type Hull,
  initialState,
} from './device.ts';
import { EmulatorError } from './errors.ts';
import type { DeviceApplication } from './generate.ts';
import { checkApplicationName, type Profile } from './profiles.ts';
import { Secret } from './secret.ts';

/**
 * Where the seeds came from. `stand-alone`: given or drawn here; `requested`: none yet, a key pair
 * waits for the bundle; `paired`: sent by the server, the private key is gone.
 */
export type Pairing =
  | { readonly status: 'stand-alone' }
  | {
      readonly status: 'requested';
      /** PKCS#8 DER. */
      readonly privateKey: Secret;
      /** SubjectPublicKeyInfo DER. */
      readonly publicKey: Uint8Array;
      readonly requestedAtMs: number;
    }
  | {
      readonly status: 'paired';
      readonly publicKeySha256: string;
      readonly pairedAtMs: number;
    };

/** A virtual token: a device with its serial number, its clock and its present state. */
export interface VirtualToken extends Device {
  readonly serial: string;
  readonly model: string;
  readonly clock: ClockParameters;
  readonly pairing: Pairing;
  readonly state: DeviceState;
}

/** Same limits as the server's import; RFC 4226 section 4 asks for at least 128 bits. */
export const seedBytesMin = 16;
export const seedBytesMax = 128;

export interface TokenSpec {
  readonly serial: string;
  readonly profile: Pick<Profile, 'model' | 'hull' | 'applications'>;
  readonly clock: ClockParameters;
}

/**
 * A token for use without a server, or with one that is given the same seeds.
 *
 * @param seeds one per application of the profile, in order, 16 to 128 bytes; owned by the token
 * @throws EmulatorError input-invalid naming what is out of range
 */
export function createToken(spec: TokenSpec, seeds: readonly Uint8Array[]): VirtualToken {
  const { applications } = spec.profile;
  if (seeds.length !== applications.length) {
    throw invalid(
      `one seed per application is needed: ${applications.length}, not ${seeds.length}`,
    );
  }
  return tokenOf(
    spec,
    applications.map((application, index) => ({
      ...application,
      seed: checkSeed(seeds[index] ?? new Uint8Array()),
    })),
    { status: 'stand-alone' },
  );
}

/** A token without seeds, to be paired. Errors as for `createToken`. */
export function createUnpairedToken(
  spec: TokenSpec,
  pairing: Extract<Pairing, { status: 'requested' }>,
): VirtualToken {
  const applications = spec.profile.applications.map((program) => ({ ...program, seed: null }));
  return tokenOf(spec, applications, pairing);
}

/** Overwrites the seeds and the private key; the token is of no use afterwards. */
export function wipeToken(token: VirtualToken): void {
  for (const { seed } of token.applications) seed?.wipe();
  if (token.pairing.status === 'requested') token.pairing.privateKey.wipe();
}

/**
 * A serial number: 4 to 16 capital letters and digits, and `-1` to `-99` for an instance.
 *
 * @throws EmulatorError input-invalid
 */
export function checkSerial(serial: string): string {
  if (/^[A-Z0-9]{4,16}(?:-[1-9][0-9]?)?$/.test(serial)) return serial;
  throw invalid(
    'a serial has 4 to 16 capital letters and digits, with -1 to -99 after it for an instance',
  );
}

/** @throws EmulatorError input-invalid for a seed shorter than 16 or longer than 128 bytes */
export function checkSeed(seed: Uint8Array): Secret {
  if (seed.length >= seedBytesMin && seed.length <= seedBytesMax) return new Secret(seed);
  throw invalid(`a seed has ${seedBytesMin} to ${seedBytesMax} bytes`);
}

function tokenOf(
  spec: TokenSpec,
  applications: readonly DeviceApplication[],
  pairing: Pairing,
): VirtualToken {
  checkClock(spec.clock);
  checkModel(spec.profile.model);
  checkDevice({ hull: spec.profile.hull, applications });
  const device = { hull: spec.profile.hull, applications };
  return {
    serial: checkSerial(spec.serial),
    model: spec.profile.model,
    clock: spec.clock,
    pairing,
    ...device,
    state: initialState(device),
  };
}

/** @throws EmulatorError input-invalid */
export function checkModel(model: string): string {
  if (/^[A-Z0-9]{1,8}$/.test(model)) return model;
  throw invalid('a model has 1 to 8 capital letters and digits');
}

/**
 * What every device must satisfy: 1 to 8 applications with names of their own, and nothing but one
 * Response-Only application behind a single button.
 *
 * @throws EmulatorError input-invalid
 */
export function checkDevice(device: {
  hull: Hull;
  applications: readonly DeviceApplication[];
}): void {
  const { hull, applications } = device;
  if (applications.length < 1 || applications.length > applicationsMax) {
    throw invalid(`a token has 1 to ${applicationsMax} applications`);
  }
  const names = new Set(applications.map(({ name }) => checkApplicationName(name)));
  if (names.size !== applications.length) throw invalid('application names must differ');
  const isResponseOnly = applications.every(
    ({ algorithm }) => algorithm.kind !== 'challenge-response',
  );
  if (hull.keys === 'one-button' && !(applications.length === 1 && isResponseOnly)) {
    throw invalid('a one-button token has exactly one Response-Only application');
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
