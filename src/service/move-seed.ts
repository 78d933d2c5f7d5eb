import type { Application, AuthenticatorWithApplications } from '../domain/model.ts';
import { TallystickError } from '../errors.ts';
import { doneOutcome, localOperator } from './audit-entries.ts';
import { defaultLimits } from './deps.ts';
import { fromModule, moduleWords, seedReference } from './module-calls.ts';
import type { Clock } from './ports.ts';
import type { CallOptions, Residency, SeedModule, SeedMove } from './seed-module.ts';
import type { AuditEntry, Store } from './store.ts';

/** A seed's row, as it was read. */
export interface Place {
  readonly authenticator: AuthenticatorWithApplications['authenticator'];
  readonly application: Application;
}

/** A seed that stays where it is, and why, in the module's words. */
export interface StayedSeed {
  readonly serial: string;
  readonly application: string;
  readonly reason: string;
}

/**
 * `made`: the module says that it holds the object now, which its next opening must show before the
 * row may name it. `gone`: somebody deleted the authenticator meanwhile.
 */
export type Fate = 'moved' | 'already' | 'made' | 'gone' | StayedSeed;

export interface MoveParts {
  readonly store: Store;
  readonly module: SeedModule;
  readonly clock: Clock;
}

const roundsMax = 4;
const background: CallOptions = {
  lane: 'background',
  deadlineMs: defaultLimits.backgroundDeadlineMs,
};

/**
 * Moves one seed, again until its row is the one that was read: administrators may work meanwhile.
 *
 * @throws TallystickError for what is not this one seed's fault
 */
export async function moveSeed(parts: MoveParts, to: Residency, first: Place): Promise<Fate> {
  for (let round = 1, place: Place | null = first; round <= roundsMax; round += 1) {
    const fate = await tryOnce(parts, to, place);
    if (fate !== 'conflict') return fate;
    place = await readAgain(parts.store, place);
    if (place === null) {
      // Nobody's now: whoever deleted the row could not know what we were making.
      await fromModule(parts.module.destroySeed(first.application.seed.seedId, background));
      return 'gone';
    }
  }
  throw new TallystickError(
    'conflict',
    `The authenticator ${first.authenticator.serial} is being changed by somebody else.`,
  );
}

async function readAgain(
  store: Store,
  { authenticator, application }: Place,
): Promise<Place | null> {
  const found = await store.authenticatorBySerial(authenticator.serial);
  const same = found?.applications.find(({ id }) => id === application.id);
  if (found === null || same === undefined) return null;
  return { authenticator: found.authenticator, application: same };
}

async function isGone(store: Store, place: Place): Promise<boolean> {
  return (await readAgain(store, place)) === null;
}

async function tryOnce(parts: MoveParts, to: Residency, place: Place): Promise<Fate | 'conflict'> {
  if (to === 'resident' && place.application.seed.residency === to) return 'already';
  const move = await ask(parts.module, to, place);
  switch (move.outcome) {
    case 'made':
      if (move.isKept) return await writeDown(parts, to, place, move.stored.blob ?? null);
      return (await isGone(parts.store, place)) ? 'conflict' : 'made';
    case 'there':
      if (!move.undone) return 'already';
      await parts.store.administer([], moveEntry(parts.clock, place, otherThan(to), to));
      return 'moved';
    case 'stays':
      return staying(place, move.failure.detail);
    case 'damaged':
      // A seed whose authenticator was deleted meanwhile is missing, and no matter for a report.
      return (await isGone(parts.store, place)) ? 'conflict' : staying(place, move.reason);
  }
}

/** What the module made of it; that one seed is damaged ends nothing. */
async function ask(
  module: SeedModule,
  to: Residency,
  { authenticator, application }: Place,
): Promise<SeedMove | { readonly outcome: 'damaged'; readonly reason: string }> {
  const { seedBytes, keyCheckValue } = application.seed;
  const reference = seedReference(authenticator, application);
  try {
    return await fromModule(
      module.moveSeed(reference, { seedBytes, keyCheckValue }, to, background),
    );
  } catch (error) {
    if (!(error instanceof TallystickError) || error.code !== 'seed-damaged') throw error;
    return { outcome: 'damaged', reason: moduleWords(error) ?? error.message };
  }
}

async function writeDown(
  { store, module, clock }: MoveParts,
  to: Residency,
  place: Place,
  blob: Uint8Array | null,
): Promise<Fate | 'conflict'> {
  const { id, version, seed } = place.application;
  const { status } = await store.administer(
    [
      {
        change: 'update',
        kind: 'application',
        id,
        expectedVersion: version,
        set: { seed: { ...seed, residency: to, blob } },
      },
    ],
    moveEntry(clock, place, seed.residency, to),
  );
  switch (status) {
    case 'committed':
      // A blob went with its row.
      if (to === 'wrapped') await fromModule(module.destroySeed(seed.seedId, background));
      return 'moved';
    case 'conflict':
    case 'missing':
      return 'conflict';
    case 'exists':
    case 'referenced':
      throw new RangeError('an update of a seed breaks no constraint');
  }
}

function staying({ authenticator, application }: Place, reason: string): StayedSeed {
  return { serial: authenticator.serial, application: application.name, reason };
}

/** There are two. */
export function otherThan(residency: Residency): Residency {
  return residency === 'resident' ? 'wrapped' : 'resident';
}

function moveEntry(
  clock: Clock,
  { authenticator, application }: Place,
  from: Residency,
  to: Residency,
): AuditEntry {
  return {
    atMs: clock.nowMs(),
    action: 'seed.reside',
    outcome: doneOutcome,
    actor: localOperator,
    subject: authenticator.serial,
    requestId: '',
    details: { application: application.name, from, to },
  };
}
