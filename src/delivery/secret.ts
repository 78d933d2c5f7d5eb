import { fault } from './failure.ts';

/**
 * The secret of a gateway as text. Strings cannot be overwritten: this one lives until it is
 * collected.
 *
 * @returns null where there is none or an empty one
 * @throws DeliveryFault `contract` for bytes that are not UTF-8
 */
export function secretText(secret: Uint8Array | null): string | null {
  if (secret === null || secret.length === 0) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(secret);
  } catch {
    throw fault('contract', "the gateway's secret is not UTF-8 text");
  }
}
