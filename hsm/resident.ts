import type pkcs11 from 'pkcs11js';
import { seedLabelPrefix } from './catalogue.ts';
import { fault } from './errors.ts';
import { findSecretKeysById } from './inventory.ts';
import type { FoundObject } from './inventory.ts';
import { seedIdBytes, seedIdOf } from './seed-id.ts';

export interface ResidentSeed {
  readonly handle: pkcs11.Handle;
  readonly label: string;
  /** Why it may not be used; empty if it may. */
  readonly flaw: string;
  /** Read when the module was opened: from where it keeps its objects, not from what it made since. */
  readonly isKept: boolean;
}

const missMs = 1000;
const missesMax = 4096;
const vainSearchesPerSecond = 20;

export function seedLabel(owner: string): string {
  return `${seedLabelPrefix}${owner}`;
}

/**
 * Seed id -> handle of the persistent seed objects, filled once when the module is opened: a search
 * costs a library like SoftHSM milliseconds per thousand objects. Only a miss searches, because
 * another instance may have created the seed; misses are remembered for a moment and vain searches
 * counted, so that made-up ids cannot keep the module busy.
 */
export class ResidentTable {
  readonly #p11: pkcs11.PKCS11;
  readonly #monotonicMs: () => number;
  readonly #entries: Map<string, ResidentSeed> = new Map();
  readonly #misses: Map<string, number> = new Map();
  #searchesLeft = vainSearchesPerSecond;
  #refilledAt = 0;

  constructor(p11: pkcs11.PKCS11, monotonicMs: () => number) {
    this.#p11 = p11;
    this.#monotonicMs = monotonicMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(seedId: string): boolean {
    return this.#entries.has(seedId);
  }

  get(seedId: string): ResidentSeed | undefined {
    return this.#entries.get(seedId);
  }

  /** @param isOpening whether these are all objects of a module that is being opened */
  load(objects: readonly FoundObject[], isOpening: boolean): void {
    for (const object of objects) {
      if (!object.label.startsWith(seedLabelPrefix)) continue;
      const seedId = seedIdOf(object.id);
      if (seedId !== undefined) this.#add(seedId, object, isOpening);
    }
  }

  add(seedId: string, owner: string, handle: pkcs11.Handle, isKept = false): void {
    this.#misses.delete(seedId);
    const label = seedLabel(owner);
    this.#entries.set(seedId, { handle, label, flaw: '', isKept });
  }

  /** So that the next use looks the object up again. */
  forget(seedId: string): void {
    this.#entries.delete(seedId);
    this.#misses.delete(seedId);
  }

  /**
   * @throws ModuleFault `damaged` when there is no such seed, it is another owner's, there are two,
   *   or it is not protected as a seed must be; `unavailable` when too much is searched for
   */
  find(session: pkcs11.Handle, seedId: string, owner: string): pkcs11.Handle {
    const entry = this.#entries.get(seedId) ?? this.#search(session, seedId);
    if (entry === undefined) throw fault('damaged', `the module holds no seed ${seedId}`);
    if (entry.flaw !== '') throw fault('damaged', `seed ${seedId} ${entry.flaw}`);
    if (entry.label !== seedLabel(owner)) {
      throw fault('damaged', `seed ${seedId} belongs to another authenticator or application`);
    }
    return entry.handle;
  }

  /** Every object that stands for this seed: none, one, or more if something went wrong. */
  objectsOf(session: pkcs11.Handle, seedId: string): FoundObject[] {
    return findSecretKeysById(this.#p11, session, seedIdBytes(seedId)).filter(({ label }) =>
      label.startsWith(seedLabelPrefix),
    );
  }

  #add(seedId: string, { handle, label, isGuarded }: FoundObject, isKept: boolean): void {
    const flaw = this.#entries.has(seedId)
      ? 'is in the module twice'
      : isGuarded
        ? ''
        : 'is not private, sensitive and unextractable as it must be';
    this.#entries.set(seedId, { handle, label, flaw, isKept });
  }

  #search(session: pkcs11.Handle, seedId: string): ResidentSeed | undefined {
    const now = this.#monotonicMs();
    if ((this.#misses.get(seedId) ?? -Infinity) + missMs > now) return undefined;
    this.#requireSearch(now);
    this.load(findSecretKeysById(this.#p11, session, seedIdBytes(seedId)), false);
    const entry = this.#entries.get(seedId);
    // What is found is searched for once: a thousand seeds that another process made are no attack.
    if (entry === undefined) {
      this.#searchesLeft -= 1;
      if (this.#misses.size >= missesMax) this.#misses.clear();
      this.#misses.set(seedId, now);
    }
    return entry;
  }

  #requireSearch(now: number): void {
    if (now - this.#refilledAt >= 1000) {
      this.#refilledAt = now;
      this.#searchesLeft = vainSearchesPerSecond;
    }
    if (this.#searchesLeft <= 0) {
      throw fault('unavailable', `more than ${vainSearchesPerSecond} unknown seeds in one second`);
    }
  }
}
