import {
  type CodeForm,
  codeOf,
  type EmergencyCode,
  emergencyMessage,
  emergencySealContext,
} from '../../domain/emergency.ts';
import type { Context } from '../deps.ts';
import { drawTexts } from '../draw.ts';
import { fromModule } from '../module-calls.ts';
import type { CallOptions } from '../seed-module.ts';

/** A code in the clear goes through these functions only; none of them keeps it. */

type Of = Pick<EmergencyCode, 'id' | 'userId'>;

/**
 * Codes of uniformly random characters, by the module's generator.
 *
 * @throws TallystickError when the module fails
 */
export async function drawCodes(
  context: Context,
  { characters, length }: CodeForm,
  count: number,
): Promise<readonly string[]> {
  if (characters === 'digits') {
    return drawTexts(
      context,
      Array.from({ length: count }, () => ({ length, hasCheckDigit: false })),
    );
  }
  const random = await fromModule(context.module.random(length * count, context.logon));
  const codes = Array.from({ length: count }, (_, index) =>
    codeOf(random.subarray(index * length, (index + 1) * length)),
  );
  random.fill(0);
  return codes;
}

/** A code as it is to be compared: of which row, of whose device, normalised. */
export interface MessageParts {
  readonly of: Of;
  readonly serial: string;
  readonly text: string;
}

/**
 * Hex of the MACs that are kept of codes, or compared with these, by one call of the module.
 *
 * @throws TallystickError when the module fails
 */
export async function emergencyMacs(
  { module }: Context,
  parts: readonly MessageParts[],
  options: CallOptions,
): Promise<readonly string[]> {
  const messages = parts.map(({ of, serial, text }) => emergencyMessage(of, serial, text));
  try {
    const macs = await fromModule(module.hmac('emergency-mac', messages, options));
    return macs.map((mac) => Buffer.from(mac).toString('hex'));
  } finally {
    for (const message of messages) message.fill(0);
  }
}

/** @throws TallystickError when the module fails */
export async function sealCode(
  { module, logon }: Context,
  of: Of,
  serial: string,
  code: string,
): Promise<Uint8Array> {
  const plain = new TextEncoder().encode(code);
  try {
    const context = emergencySealContext(of, serial);
    return await fromModule(module.seal('sensitive-data', context, plain, logon));
  } finally {
    plain.fill(0);
  }
}

/** @throws TallystickError when the module fails, or somebody changed the row */
export async function openCode(
  { module, logon }: Context,
  of: Of,
  serial: string,
  sealed: Uint8Array,
): Promise<string> {
  const context = emergencySealContext(of, serial);
  const plain = await fromModule(module.open('sensitive-data', context, sealed, logon));
  try {
    return Buffer.from(plain).toString('latin1');
  } finally {
    plain.fill(0);
  }
}
