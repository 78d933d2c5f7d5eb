import { checkProgram, type DeviceApplication } from './application.ts';
import { type Battery, checkBattery } from '../physics/battery.ts';
import { checkClock, type ClockParameters } from '../physics/clock-parameters.ts';
import { applicationsMax, initialState } from './device.ts';
import { EmulatorError } from '../errors.ts';
import { checkHull } from './hull.ts';
import { checkPinPolicy, createPinVerifier, pinFormRefusal, type PinVerifier } from './pin.ts';
import { type DevicePorts, nodePorts } from './ports.ts';
import type { Profile } from './profiles.ts';
import { refusalText } from './refusal.ts';
import { type Device, type DeviceState, openApplications } from './screens.ts';
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
  /** Null: it never needs one. */
  readonly battery: Battery | null;
  readonly pairing: Pairing;
  readonly state: DeviceState;
}

/** Same limits as the server's import; RFC 4226 section 4 asks for at least 128 bits. */
export const seedBytesMin = 16;
export const seedBytesMax = 128;

export interface TokenSpec {
  readonly serial: string;
  readonly profile: Pick<Profile, 'model' | 'hull' | 'applications' | 'initialPin'>;
  readonly clock: ClockParameters;
  readonly battery?: Battery | null | undefined;
}

/**
 * A token for use without a server, or with one that is given the same seeds.
 *
 * @param seeds one per application of the profile, in order, 16 to 128 bytes; owned by the token
 * @throws EmulatorError input-invalid naming what is out of range
 */
export function createToken(
  spec: TokenSpec,
  seeds: readonly Uint8Array[],
  ports: DevicePorts = nodePorts,
): VirtualToken {
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
    ports,
  );
}

/** A token without seeds, to be paired. Errors as for `createToken`. */
export function createUnpairedToken(
  spec: TokenSpec,
  pairing: Extract<Pairing, { status: 'requested' }>,
  ports: DevicePorts,
): VirtualToken {
  const applications = spec.profile.applications.map((program) => ({ ...program, seed: null }));
  return tokenOf(spec, applications, pairing, ports);
}

/** Overwrites the seeds, the private key and what tells the PIN; the token is of no use afterwards. */
export function wipeToken(token: VirtualToken): void {
  for (const { seed } of token.applications) seed?.wipe();
  const { screen, pin } = token.state;
  const newPin = screen.kind === 'confirm-pin' ? screen.newPin : null;
  for (const verifier of [token.initialPin, pin?.verifier, newPin]) verifier?.hash.wipe();
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
  ports: DevicePorts,
): VirtualToken {
  const { model, hull } = spec.profile;
  const battery = spec.battery ?? null;
  checkClock(spec.clock);
  if (battery !== null) checkBattery(battery);
  checkModel(model);
  checkSerial(spec.serial);
  checkDevice({ hull, applications });
  const device = { hull, applications, initialPin: initialPinOf(spec, ports) };
  return {
    serial: spec.serial,
    model,
    clock: spec.clock,
    battery,
    pairing,
    ...device,
    state: initialState(device),
  };
}

function initialPinOf({ profile }: TokenSpec, ports: DevicePorts): PinVerifier | null {
  const { hull, initialPin } = profile;
  if (initialPin === null) return null;
  const policy = hull.keys === 'keypad' ? hull.pin : null;
  if (policy === null) throw invalid('a token without device PIN has no initial PIN');
  const devicePin = new Secret(new TextEncoder().encode(initialPin));
  const refusal = pinFormRefusal(policy, devicePin);
  if (refusal !== null) throw invalid(`initial PIN: ${refusalText(refusal)}`);
  return createPinVerifier(devicePin, ports);
}

/** @throws EmulatorError input-invalid */
export function checkModel(model: string): string {
  if (/^[A-Z0-9]{1,8}$/.test(model)) return model;
  throw invalid('a model has 1 to 8 capital letters and digits');
}

/**
 * What every device must satisfy: 1 to 8 applications with names of their own that its body can be
 * used for, and an unlock application exactly where something can be unlocked.
 *
 * @throws EmulatorError input-invalid
 */
export function checkDevice(device: Pick<Profile, 'hull' | 'applications'>): void {
  const { hull, applications } = device;
  if (applications.length < 1 || applications.length > applicationsMax) {
    throw invalid(`a token has 1 to ${applicationsMax} applications`);
  }
  for (const application of applications) checkProgram(application);
  const names = new Set(applications.map(({ name }) => name));
  if (names.size !== applications.length) throw invalid('application names must differ');
  checkHull(hull, applications);
  checkUnlocking(device);
}

function checkUnlocking(device: Pick<Profile, 'hull' | 'applications'>): void {
  const { hull, applications } = device;
  const open = openApplications(device);
  const policy = hull.keys === 'keypad' ? hull.pin : null;
  if (policy !== null) checkPinPolicy(policy);
  if (open.length === 0)
    throw invalid('a token needs an application besides the one for unlocking');
  const unlockCount = applications.length - open.length;
  if (unlockCount > 1) {
    throw invalid('a token has at most one unlock application');
  }
  const mayUnlock = policy?.onLock === 'unlock';
  if (mayUnlock === (unlockCount === 1)) return;
  throw invalid(
    mayUnlock
      ? 'a token that can be unlocked needs an unlock application, such as UNLOCK=unlock:OCRA-1:HOTP-SHA1-8:QN08'
      : 'an unlock application is only for tokens with a device PIN that lock and can be unlocked',
  );
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
