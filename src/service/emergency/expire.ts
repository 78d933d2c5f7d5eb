import type { EmergencyCode } from '../../domain/emergency.ts';
import { doneOutcome, serverItself } from '../audit-entries.ts';
import type { Context } from '../deps.ts';
import type { Store } from '../store.ts';
import { endingChange } from './make.ts';

/** At one time; the rest waits for the next. */
const codesMax = 100;

/**
 * Ends the emergency codes whose time is over: what is kept of them goes. They were good for nothing since
 * then, so it does not matter when this runs, or how often.
 */
export async function expireEmergencyCodes({ store, clock }: Context): Promise<void> {
  const nowMs = clock.nowMs();
  for (const code of await store.emergencyCodesOver(nowMs, codesMax)) {
    // Another instance, or an administrator, may have ended it meanwhile: so much the better.
    await store.administer([endingChange(code, 'expired')], {
      atMs: nowMs,
      action: 'emergency.expire',
      outcome: doneOutcome,
      actor: serverItself,
      subject: await subjectOf(store, code),
      requestId: '',
      details: { code: code.id, kind: code.kind, useCount: code.useCount },
    });
  }
}

/** The serial; of a device that was taken from its user since, its id. */
async function subjectOf(
  store: Store,
  { userId, authenticatorId }: EmergencyCode,
): Promise<string> {
  const owned = await store.authenticatorsOfUser(userId);
  const owner = owned.find(({ authenticator }) => authenticator.id === authenticatorId);
  return owner?.authenticator.serial ?? authenticatorId;
}
