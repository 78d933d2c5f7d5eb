import type { ServerPin } from '../../src/domain/model.ts';
import { type PinPlan, pinMessage, unusedPin, wrongPins } from '../../src/domain/server-pin.ts';

/** A PIN of an application, and of its other rules what the test says. */
export function pinOf(
  applicationId: string,
  pin: string | null,
  set: Partial<ServerPin> = {},
): ServerPin {
  const salt = '0'.repeat(32);
  const mac = (text: string): string => macOfPin({ applicationId, salt, pin: text });
  const verifier = pin === null ? null : { length: pin.length, salt, mac: mac(pin) };
  return { ...unusedPin, isEnabled: true, verifier, ...set };
}

/** Stands in for the module: what is put in comes out. */
function macOfPin(of: { applicationId: string; salt: string; pin: string }): string {
  return Buffer.from(pinMessage(of.applicationId, of.salt, of.pin)).toString('hex');
}

/** What the service finds out of a plan's PINs. */
export function foundWrong(pins: PinPlan): ReadonlySet<string> {
  const macs = pins.checks.map(({ applicationId, verifier: { salt }, pin }) =>
    macOfPin({ applicationId, salt, pin }),
  );
  return wrongPins(pins, macs);
}
