import { createHmac } from 'node:crypto';
import { createPinVerifier, pinFormRefusal, type PinPolicy, weaknessOf } from '../device/pin.ts';
import type { DevicePorts } from '../device/ports.ts';
import type { Profile } from '../device/profiles.ts';
import { type Refusal, refusalText } from '../device/refusal.ts';
import { Secret } from '../device/secret.ts';
import { type Draws, labelledRandomness, type Randomness } from '../physics/random.ts';

/** What a device of this kind asks of its PIN; null for one without. */
export function pinPolicyOf({ hull }: Pick<Profile, 'hull'>): PinPolicy | null {
  return hull.keys === 'keypad' ? hull.pin : null;
}

/** A PIN as it is typed. */
export function secretPin(devicePin: string): Secret {
  return new Secret(new TextEncoder().encode(devicePin));
}

/**
 * Ports for devices by the thousand. Who knows the scenario knows their PINs: they are stretched as
 * fast as may be, and what the device draws for itself follows from its own key.
 */
export function fleetPorts(serial: string, key: string): DevicePorts {
  let randomness: Randomness | undefined;
  let count = 0;
  return {
    randomBytes: (length) => {
      // Most devices never draw anything.
      randomness ??= labelledRandomness(key, serial, 'device');
      const draws = randomness.at(count);
      count += 1;
      return Uint8Array.from({ length }, () => Math.floor(draws.uniform() * 256));
    },
    stretchPin: (devicePin, salt) =>
      new Uint8Array(createHmac('sha256', salt).update(devicePin).digest()),
  };
}

/** Why no owner could set this PIN on a device of this kind, in words; null if one can. */
export function devicePinRefusal(
  profile: Pick<Profile, 'hull' | 'initialPin'>,
  devicePin: string,
): string | null {
  const policy = pinPolicyOf(profile);
  if (policy === null) return null;
  const refusal = refusalOf(policy, profile.initialPin, devicePin);
  return refusal === null ? null : refusalText(refusal);
}

/** The PIN that the owner of a device has set: the first drawn one that the device takes. */
export function drawDevicePin(
  { hull, initialPin }: Pick<Profile, 'hull' | 'initialPin'>,
  seed: string,
  serial: string,
): string | null {
  const policy = pinPolicyOf({ hull });
  if (policy === null) return null;
  const randomness = labelledRandomness(seed, serial, 'device PIN');
  for (let index = 0; ; index += 1) {
    const devicePin = drawDigits(randomness.at(index), policy.digitsMin);
    if (refusalOf(policy, initialPin, devicePin) === null) return devicePin;
  }
}

/** So many decimal digits. */
export function drawDigits(draws: Draws, count: number): string {
  return Array.from({ length: count }, () => Math.floor(draws.uniform() * 10)).join('');
}

function refusalOf(
  policy: PinPolicy,
  initialPin: string | null,
  devicePin: string,
): Refusal | null {
  const typed = secretPin(devicePin);
  const malformed = pinFormRefusal(policy, typed);
  if (malformed !== null) return malformed;
  const ports = fleetPorts('none', 'none');
  const initial = initialPin === null ? null : createPinVerifier(secretPin(initialPin), ports);
  const rule = weaknessOf(policy, initial, typed, ports);
  return rule === null ? null : { code: 'pin-weak', rule };
}
