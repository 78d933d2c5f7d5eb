import type { Application, PinVerifier, ServerPin } from '../../src/domain/model.ts';
import { pinMessage } from '../../src/domain/server-pin.ts';
import type { SeedModule } from '../../src/service/seed-module.ts';
import type { Store } from '../../src/service/store.ts';

/** Where PINs are kept and what they are checked by. */
export interface PinPlace {
  readonly store: Store;
  readonly module: SeedModule;
}

const salt = 'a5'.repeat(16);

async function macOf(place: PinPlace, of: readonly [string, string, string]): Promise<string> {
  const options = { lane: 'logon', deadlineMs: 1000 } as const;
  const [mac] = await place.module.hmac('pin-mac', [pinMessage(...of)], options);
  return Buffer.from(mac!).toString('hex');
}

async function verifierFor(
  place: PinPlace,
  applicationId: string,
  pin: string,
): Promise<PinVerifier> {
  return { length: pin.length, salt, mac: await macOf(place, [applicationId, salt, pin]) };
}

export async function isPinOf(
  place: PinPlace,
  { id, pin: { verifier } }: Application,
  pin: string,
): Promise<boolean> {
  return verifier !== null && (await macOf(place, [id, verifier.salt, pin])) === verifier.mac;
}

export async function applicationOf({ store }: PinPlace, serial: string): Promise<Application> {
  return (await store.authenticatorBySerial(serial))!.applications[0]!;
}

/** Gives the only application of an authenticator a PIN, in any state that there is. */
export async function givePin(
  place: PinPlace,
  serial: string,
  pin: string | null,
  set: Partial<ServerPin> = {},
): Promise<void> {
  const { id, version: expectedVersion, pin: own } = await applicationOf(place, serial);
  const verifier = pin === null ? null : await verifierFor(place, id, pin);
  const changed = { ...own, isEnabled: true, verifier, ...set, version: own.version + 1 };
  const audit = { atMs: 0, action: 'test', outcome: 'done', actor: '', subject: serial };
  const result = await place.store.administer(
    [{ change: 'update', kind: 'application', id, expectedVersion, set: { pin: changed } }],
    { ...audit, requestId: '', details: {} },
  );
  if (result.status !== 'committed') throw new Error(result.status);
}
