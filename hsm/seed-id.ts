import { fault } from './errors.ts';

const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** @throws ModuleFault `contract` unless it is lower-case UUID text */
export function requireSeedId(seedId: string): void {
  if (!uuidText.test(seedId)) throw fault('contract', 'a seed id is a UUID in lower case');
}

/**
 * The 16 bytes of a UUID, as CKA_ID holds them.
 *
 * @throws ModuleFault `contract` unless it is lower-case UUID text
 */
export function seedIdBytes(seedId: string): Buffer {
  requireSeedId(seedId);
  return Buffer.from(seedId.replaceAll('-', ''), 'hex');
}

/** The UUID text of a CKA_ID, undefined if it is not 16 bytes. */
export function seedIdOf(id: Buffer): string | undefined {
  if (id.length !== 16) return undefined;
  const hex = id.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
