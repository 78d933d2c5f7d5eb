import type { DeviceInput } from './device.ts';
import { takesPin } from './generate.ts';
import {
  chooseApplication,
  keysInto,
  type Operation,
  pinRefusal,
  play,
  refusedAsIs,
  refusedAt,
  type RespondOptions,
  submitRefusal,
} from './operate.ts';
import { nodePorts, stretchingOnce } from './ports.ts';
import type { SignatureField } from './signature-fields.ts';
import type { VirtualToken } from './token.ts';

/** As for `respond`; the suites of signatures take no session data. */
export type SignOptions = Omit<RespondOptions, 'session'>;

/** The values of the data fields: in the device's order, or by their names. */
export type FieldValues = readonly string[] | Readonly<Record<string, string>>;

/**
 * Enters the data fields of a signature at a true time and reads the signature.
 *
 * @param values each as on the host's screen; the device refuses characters it has no key for
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function sign(
  token: VirtualToken,
  trueMs: number,
  values: FieldValues,
  options: SignOptions = {},
): Operation {
  const chosen = chooseApplication(token, 'sign', options.applicationName);
  if ('refusal' in chosen) return refusedAsIs(token, chosen.refusal);
  const { fields = [] } = chosen;
  const texts = textsOf(fields, values);
  if (texts === null) {
    return refusedAsIs(token, { code: 'field-names', names: fields.map(({ name }) => name) });
  }
  const { devicePin } = options;
  const refusal =
    submitRefusal(token, trueMs, options.submitDelayMs) ??
    pinRefusal(token, trueMs, devicePin, true);
  if (refusal !== null) return refusedAt(token, trueMs, refusal);
  // Where the device itself has a PIN, the suite gets that one or none.
  const forSuite = token.state.pin === null || takesPin(chosen) ? devicePin : undefined;
  const keys: DeviceInput[] = keysInto(token, chosen.name, trueMs, devicePin);
  if (chosen.mode === 'multi-mode') keys.push({ kind: 'sign' });
  for (const text of texts) {
    keys.push({ kind: 'type', text }, { kind: 'confirm', devicePin: forSuite });
  }
  return play(token, keys, trueMs, stretchingOnce(options.ports ?? nodePorts));
}

/** The texts in the device's order, or null when they are not one for each field. */
function textsOf(fields: readonly SignatureField[], values: FieldValues): readonly string[] | null {
  if (isList(values)) return values.length === fields.length ? values : null;
  const given = new Map(Object.entries(values));
  const texts = fields.flatMap(({ name }) => given.get(name) ?? []);
  return texts.length === fields.length && given.size === fields.length ? texts : null;
}

function isList(values: FieldValues): values is readonly string[] {
  return Array.isArray(values);
}
