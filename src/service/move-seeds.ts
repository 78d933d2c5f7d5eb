import type { Application, AuthenticatorWithApplications } from '../domain/model.ts';
import { TallystickError } from '../errors.ts';
import { doneOutcome, localOperator } from './audit-entries.ts';
import { defaultLimits } from './deps.ts';
import { fromModule, moduleWords, seedReference } from './module-calls.ts';
import type { Clock } from './ports.ts';
import type { CallOptions, Residency, SeedModule, SeedMove } from './seed-module.ts';
import type { AuditEntry, Store } from './store.ts';

/** How many seeds there are of each residency, by their rows. */
export type SeedCount = Readonly<Record<Residency, number>>;

/** A seed that stays where it is, and why, in the module's words. */
export interface StayedSeed {
  readonly serial: string;
  readonly application: string;
  readonly reason: string;
}

/** What moving all seeds came to. */
export interface SeedsMoved {
  readonly to: Residency;
  readonly moved: number;
  readonly already: number;
  readonly stayed: readonly StayedSeed[];
  /** Null when every seed was looked at; `error` is null when it was told to stop. */
  readonly stopped: { readonly left: number; readonly error: TallystickError | null } | null;
}

export interface MoveOrder {
  readonly to: Residency;
  /** Seeds that were to move and were looked at, of all that were to move. */
  readonly onProgress: (done: number, total: number) => void;
  /** Asked before each seed; the one at hand is always finished. */
  readonly mustStop: () => boolean;
}

export interface MoveParts {
  readonly store: Store;
  readonly module: SeedModule;
  readonly clock: Clock;
}

interface Place {
  readonly authenticator: AuthenticatorWithApplications['authenticator'];
  readonly application: Application;
}

/** `gone`: somebody deleted the authenticator meanwhile. */
type Fate = 'moved' | 'already' | 'gone' | StayedSeed;

const pageAuthenticators = 200;
const roundsMax = 4;
const background: CallOptions = {
  lane: 'background',
  deadlineMs: defaultLimits.backgroundDeadlineMs,
};

/** @throws TallystickError of the store */
export async function countSeeds(store: Store): Promise<SeedCount> {
  const count = { resident: 0, wrapped: 0 };
  for await (const { application } of everySeed(store)) count[application.seed.residency] += 1;
  return count;
}

/**
 * Moves every seed to one residency, one after the other. At each instant the row names a form that
 * serves: the new form is made, then the row names it, then the old one goes. Where it was killed, the
 * next run finds the new form and goes on, or, to the other side, removes it.
 *
 * One process at a time may do this with a database: the store's lock must see to it. A second one
 * could take for a leftover what the first is about to write down.
 *
 * @returns what was done; a failure that is not one seed's own ends it early
 * @throws TallystickError of the store, before anything was moved
 */
export async function moveSeeds(parts: MoveParts, order: MoveOrder): Promise<SeedsMoved> {
  const { to, onProgress, mustStop } = order;
  const { [otherThan(to)]: total } = await countSeeds(parts.store);
  const stayed: StayedSeed[] = [];
  const fates = { moved: 0, already: 0, gone: 0 };
  let done = 0;
  const result = (error: TallystickError | null, isStopped: boolean): SeedsMoved => {
    const { moved, already } = fates;
    const stopped = isStopped ? { left: Math.max(total - done, 0), error } : null;
    return { to, moved, already, stayed, stopped };
  };
  onProgress(done, total);
  try {
    for await (const place of everySeed(parts.store)) {
      if (mustStop()) return result(null, true);
      const fate = await moveOne(parts, to, place);
      if (typeof fate === 'string') fates[fate] += 1;
      else stayed.push(fate);
      if (place.application.seed.residency === to) continue;
      done += 1;
      onProgress(done, Math.max(done, total));
    }
  } catch (error) {
    if (error instanceof TallystickError) return result(error, true);
    throw error;
  }
  return result(null, false);
}

async function* everySeed(store: Store): AsyncGenerator<Place, void> {
  for (let after = ''; ;) {
    const page = await store.authenticators({ after, limit: pageAuthenticators });
    for (const { authenticator, applications } of page) {
      for (const application of applications) yield { authenticator, application };
      after = authenticator.serial;
    }
    if (page.length < pageAuthenticators) return;
  }
}

/** Until the row is the one that was read: administrators may work meanwhile. */
async function moveOne(parts: MoveParts, to: Residency, first: Place): Promise<Fate> {
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

async function tryOnce(parts: MoveParts, to: Residency, place: Place): Promise<Fate | 'conflict'> {
  if (to === 'resident' && place.application.seed.residency === to) return 'already';
  const move = await ask(parts.module, to, place);
  switch (move.outcome) {
    case 'made':
      return await writeDown(parts, to, place, move.stored.blob ?? null);
    case 'there':
      if (!move.undone) return 'already';
      await parts.store.administer([], moveEntry(parts.clock, place, otherThan(to), to));
      return 'moved';
    case 'stays':
      return staying(place, move.failure.detail);
    case 'damaged': {
      // A seed whose authenticator was deleted meanwhile is missing, and no matter for a report.
      const isGone = (await readAgain(parts.store, place)) === null;
      return isGone ? 'conflict' : staying(place, move.reason);
    }
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

function otherThan(residency: Residency): Residency {
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
