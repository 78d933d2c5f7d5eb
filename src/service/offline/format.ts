import { TallystickError } from '../../errors.ts';
import type { Context } from '../deps.ts';
import { fromModule } from '../module-calls.ts';
import type { OfflineFormat } from '../ports.ts';
import { invalidMember } from '../problems.ts';

/**
 * The format in which server and workstations write to each other.
 *
 * @throws TallystickError `policy-refused` where the composition root handed none in
 */
export function formatOf({ offline }: Context): OfflineFormat {
  if (offline !== null) return offline;
  throw notPermitted('This server makes nothing for logons without it.');
}

/** What the policy, or this server, does not allow at all. */
export function notPermitted(message: string): TallystickError {
  return new TallystickError('policy-refused', message, {
    fields: { reason: 'offline-not-permitted' },
  });
}

/**
 * Reads what came from a workstation.
 *
 * @throws TallystickError `request-invalid` for the member, in the format's own words
 */
export function readOffline<Value>(member: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && error.name === 'OfflineError') {
      throw invalidMember(member, error.message);
    }
    throw error;
  }
}

/** HMAC in the module under the key from which all secrets of this kind hang; the caller overwrites it. */
export async function offlineMac(
  { module, background }: Context,
  message: Uint8Array,
): Promise<Uint8Array> {
  const [mac] = await fromModule(module.hmac('offline-mac', [message], background));
  if (mac !== undefined) return mac;
  throw new TallystickError('module-contract', 'The security module gave no HMAC.');
}

/** SubjectPublicKeyInfo of the key that packages and answers are signed with. */
export function signingKeyOf({ module, background }: Context): Promise<Uint8Array> {
  return fromModule(module.publicKey('offline-sign', background));
}

export function signOffline(
  { module, background }: Context,
  message: Uint8Array,
): Promise<Uint8Array> {
  return fromModule(module.sign('offline-sign', message, background));
}

/** Lets everything else that waits have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
