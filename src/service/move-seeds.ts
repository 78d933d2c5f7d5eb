import { TallystickError } from '../errors.ts';
import {
  type Fate,
  moveSeed,
  type MoveParts,
  otherThan,
  type Place,
  type StayedSeed,
} from './move-seed.ts';
import type { Residency, SeedModule } from './seed-module.ts';
import type { Store } from './store.ts';

/** How many seeds there are of each residency, by their rows. */
export type SeedCount = Readonly<Record<Residency, number>>;

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
  /** Opens the module, as a new process would: it shows what it really keeps. */
  readonly openModule: () => Promise<SeedModule>;
  /** Seeds that were to move and were seen to, of all that were to move. */
  readonly onProgress: (done: number, total: number) => void;
  /** Asked before each seed; the one at hand is always finished. */
  readonly mustStop: () => boolean;
}

const pageAuthenticators = 200;
/** Between two openings of the module, which take the longer the more it holds. */
const batchSeedsMin = 64;
const batchSeedsMax = 4096;

/** @throws TallystickError of the store */
export async function countSeeds(store: Store): Promise<SeedCount> {
  const count = { resident: 0, wrapped: 0 };
  for await (const { application } of everySeed(store)) count[application.seed.residency] += 1;
  return count;
}

/**
 * Moves every seed to one residency. At each instant the row names a form that serves: the new form is
 * made, the module is opened again and shows it, the row names it, the old form goes. Where it was
 * killed, the next run finds the new form and goes on, or, to the other side, removes it.
 *
 * One process at a time may do this with a database: the store's lock must see to it. A second one
 * could take for a leftover what the first is about to write down.
 *
 * @returns what was done; a failure that is not one seed's own ends it early
 * @throws TallystickError before anything was moved
 */
export async function moveSeeds(
  parts: Omit<MoveParts, 'module'>,
  order: MoveOrder,
): Promise<SeedsMoved> {
  const { [otherThan(order.to)]: total } = await countSeeds(parts.store);
  const run = new Run(parts, order, total, await order.openModule());
  try {
    for await (const batch of batches(parts.store)) await run.moveBatch(batch);
    return run.result(null);
  } catch (error) {
    if (error instanceof Stopped) return run.result({ error: null });
    if (error instanceof TallystickError) return run.result({ error });
    throw error;
  } finally {
    await run.close();
  }
}

/** Somebody wants it to stop. */
class Stopped extends Error {}

class Run {
  readonly #parts: Omit<MoveParts, 'module'>;
  readonly #order: MoveOrder;
  readonly #total: number;
  readonly #fates = { moved: 0, already: 0, gone: 0 };
  readonly #stayed: StayedSeed[] = [];
  #module: SeedModule;
  #done = 0;
  #made = 0;

  constructor(
    parts: Omit<MoveParts, 'module'>,
    order: MoveOrder,
    total: number,
    module: SeedModule,
  ) {
    this.#parts = parts;
    this.#order = order;
    this.#total = total;
    this.#module = module;
    this.#report();
  }

  async moveBatch(batch: readonly Place[]): Promise<void> {
    const made: Place[] = [];
    const failure = await fullModule(this.#pass(batch, made));
    // What a module took before it was full is written down all the same.
    if (made.length > 0) await this.#writeDown(made);
    if (failure !== null) throw failure;
  }

  result(stopped: { readonly error: TallystickError | null } | null): SeedsMoved {
    const { moved, already } = this.#fates;
    const left = Math.max(this.#total - this.#done, 0);
    return {
      to: this.#order.to,
      moved,
      already,
      stayed: this.#stayed,
      stopped: stopped && { left, ...stopped },
    };
  }

  close(): Promise<void> {
    return this.#module.close();
  }

  async #writeDown(made: readonly Place[]): Promise<void> {
    await this.#module.close();
    this.#module = await this.#order.openModule();
    for (const place of made) {
      const fate = await this.#move(place);
      if (fate === 'made') {
        const lost = 'The security module does not keep what it says it made.';
        throw new TallystickError('module-capacity', lost);
      }
      this.#made -= 1;
      this.#note(place, fate);
    }
  }

  /** @param made gets those whose new form the module must show before they are moved */
  async #pass(places: readonly Place[], made: Place[]): Promise<void> {
    for (const place of places) {
      const fate = await this.#move(place);
      if (fate === 'made') made.push(place);
      this.#note(place, fate);
    }
  }

  #move(place: Place): Promise<Fate> {
    const { to, mustStop } = this.#order;
    if (mustStop()) throw new Stopped();
    return moveSeed({ ...this.#parts, module: this.#module }, to, place);
  }

  #note({ application }: Place, fate: Fate): void {
    if (fate === 'made') this.#made += 1;
    else if (typeof fate === 'string') this.#fates[fate] += 1;
    else this.#stayed.push(fate);
    if (fate !== 'made' && application.seed.residency !== this.#order.to) this.#done += 1;
    this.#report();
  }

  /** What is made is half done. */
  #report(): void {
    const done = this.#done + Math.floor(this.#made / 2);
    this.#order.onProgress(done, Math.max(done, this.#total));
  }
}

async function fullModule(work: Promise<void>): Promise<TallystickError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof TallystickError && error.code === 'module-capacity') return error;
    throw error;
  }
}

async function* batches(store: Store): AsyncGenerator<readonly Place[], void> {
  let size = batchSeedsMin;
  let batch: Place[] = [];
  for await (const place of everySeed(store)) {
    if (batch.push(place) < size) continue;
    yield batch;
    batch = [];
    size = Math.min(2 * size, batchSeedsMax);
  }
  if (batch.length > 0) yield batch;
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
