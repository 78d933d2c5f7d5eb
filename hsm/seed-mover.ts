import pkcs11 from 'pkcs11js';
import { attempt, fault, faultOf, ModuleFault } from './errors.ts';
import type { FoundObject } from './inventory.ts';
import type { Link } from './link.ts';
import { seedLabel } from './resident.ts';
import {
  described,
  keyBytesOf,
  requireKeyCheckValue,
  residentTemplate,
  seedShape,
  settle,
  wrapSeed,
} from './seed-maker.ts';
import { requiredFlags, requireFlags } from './templates.ts';
import type { KnownSeed, Residency, SeedMove, SeedReference, StoredSeed } from './types.ts';

interface Move {
  readonly seed: SeedReference;
  readonly known: KnownSeed;
  readonly to: Residency;
  /** An earlier attempt at this very move failed, and may have left an object. */
  readonly isRepeat: boolean;
}

interface MoveOfBlob extends Move {
  readonly blob: Uint8Array;
}

/** What a module answers that holds a key and does not wrap it. */
const stayRefusals: readonly number[] = [
  pkcs11.CKR_KEY_UNEXTRACTABLE,
  pkcs11.CKR_KEY_NOT_WRAPPABLE,
];

/**
 * Makes a seed's other form, in one synchronous breath. The old form is not touched: until the
 * database names the new one, the old one is what serves.
 *
 * @throws ModuleFault `damaged` when the seed is not what is known of it
 */
export function moveSeed(link: Link, session: pkcs11.Handle, move: Move): SeedMove {
  const { seed, to } = move;
  if (seed.blob === undefined) {
    const object = findResident(link, session, seed);
    if (to === 'resident') return { outcome: 'there', undone: false };
    return askOut(link, session, move, object);
  }
  const moveOfBlob = { ...move, blob: seed.blob };
  return to === 'resident'
    ? moveIn(link, session, moveOfBlob)
    : undoMoveIn(link, session, moveOfBlob);
}

/** Unwraps the blob into a persistent object, unless an interrupted move has done so. */
function moveIn(link: Link, session: pkcs11.Handle, move: MoveOfBlob): SeedMove {
  const { seed, known, blob } = move;
  // Before anything is recognised by a check value, which is short: the blob is this seed's.
  const checked = link.wrapped.check(session, seed, blob);
  const left = mayHaveLeft(link, move) ? recognise(link, session, move) : undefined;
  if (left !== undefined) return left;
  const template = residentTemplate(link, seed);
  let object: pkcs11.Handle;
  try {
    object = link.wrapped.unwrapAs(session, checked, template);
  } catch (error) {
    throw judged(link, session, move, faultOf(error, 'C_UnwrapKey'));
  }
  const { seedBytes, keyCheckValue } = known;
  const stored = settle(link, session, seed, object, seedBytes, keyCheckValue);
  return { outcome: 'made', stored, isKept: false };
}

/**
 * A library on a full disk says no more than that it failed. If the blob unwraps into an object that
 * need not be kept, it is the keeping that fails.
 */
function judged(
  link: Link,
  session: pkcs11.Handle,
  { seed, blob, isRepeat }: MoveOfBlob,
  cause: ModuleFault,
): ModuleFault {
  const mayBeRoom = cause.recovery === 'self-test' || (cause.recovery === 'retry' && isRepeat);
  if (!mayBeRoom) return cause;
  link.wrapped.find(session, seed, blob);
  const detail = `${cause.failure.detail}: the module keeps no further object, and may be full`;
  return new ModuleFault({ ...cause.failure, kind: 'capacity', detail }, 'none', cause);
}

/**
 * A search costs milliseconds per thousand objects, so the table decides whether one is needed: it
 * was filled when the module was opened, after whatever an interrupted move had left.
 */
function mayHaveLeft(link: Link, { seed, isRepeat }: Move): boolean {
  return isRepeat || link.resident.has(seed.seedId);
}

/** Of the objects that bear this seed's id, enters the first that is right; the others go. */
function recognise(link: Link, session: pkcs11.Handle, move: MoveOfBlob): SeedMove | undefined {
  const { seed, known, isRepeat } = move;
  const entry = link.resident.get(seed.seedId);
  const isKept = entry?.flaw === '' && entry.isKept && !isRepeat;
  const objects = ownObjects(link, session, move);
  link.resident.forget(seed.seedId);
  let right: SeedMove | undefined;
  for (const { handle } of objects) {
    const stored = right === undefined ? ifRight(link, session, seed, handle, known) : undefined;
    if (stored === undefined) {
      destroy(link, session, handle);
      continue;
    }
    link.resident.add(seed.seedId, seed.owner, handle, isKept);
    right = { outcome: 'made', stored, isKept };
  }
  return right;
}

/**
 * All objects that bear this seed's id. An entry without a flaw is the only one, unless an attempt
 * failed since it was made.
 *
 * @throws ModuleFault `damaged` when one is another owner's
 */
function ownObjects(
  link: Link,
  session: pkcs11.Handle,
  { seed, isRepeat }: Move,
): readonly Pick<FoundObject, 'handle' | 'label'>[] {
  const entry = link.resident.get(seed.seedId);
  const isOnly = entry?.flaw === '' && !isRepeat;
  const objects = isOnly ? [entry] : link.resident.objectsOf(session, seed.seedId);
  if (objects.every(({ label }) => label === seedLabel(seed.owner))) return objects;
  throw fault('damaged', `the module holds seed ${seed.seedId} for another owner`);
}

/** A making that was killed may leave an object without its value, or with other attributes. */
function ifRight(
  link: Link,
  session: pkcs11.Handle,
  seed: SeedReference,
  handle: pkcs11.Handle,
  known: KnownSeed,
): StoredSeed | undefined {
  try {
    const required = requiredFlags(pkcs11.CKO_SECRET_KEY, seedShape(seed));
    requireFlags(link.p11, session, handle, `seed ${seed.seedId}`, required);
    const stored = described(link, session, 'resident', seed, handle, known.seedBytes);
    requireKeyCheckValue(seed, stored, known.keyCheckValue);
    return stored;
  } catch (error) {
    const cause = faultOf(error, 'C_Sign');
    if (cause.failure.kind === 'contract' || cause.failure.kind === 'damaged') return undefined;
    if (cause.recovery !== 'self-test') throw cause;
    link.selfTest();
    return undefined;
  }
}

/** Asks the module for an object; those that were born as ours are stay inside. */
function askOut(
  link: Link,
  session: pkcs11.Handle,
  { seed, known }: Move,
  object: pkcs11.Handle,
): SeedMove {
  const { seedBytes, keyCheckValue } = known;
  try {
    const keyBytes = keyBytesOf(seed.hash, seedBytes);
    const blob = wrapSeed(link, session, seed, object, seedBytes, keyBytes);
    const unwrapped = link.wrapped.find(session, seed, blob);
    const stored = described(link, session, 'wrapped', seed, unwrapped, seedBytes);
    requireKeyCheckValue(seed, stored, keyCheckValue);
    return { outcome: 'made', stored: { ...stored, blob }, isKept: true };
  } catch (error) {
    const { failure } = faultOf(error, 'C_WrapKey');
    if (stayRefusals.includes(failure.ckr)) return { outcome: 'stays', failure };
    throw error;
  }
}

/** As for a MAC, but uncounted: this id comes from an operator's database, not from a request. */
function findResident(
  { resident }: Link,
  session: pkcs11.Handle,
  { seedId, owner }: SeedReference,
): pkcs11.Handle {
  if (!resident.has(seedId)) resident.load(resident.objectsOf(session, seedId), false);
  if (!resident.has(seedId)) throw fault('damaged', `the module holds no seed ${seedId}`);
  return resident.find(session, seedId, owner);
}

/** Removes what an interrupted move had made, once the blob has shown that it can serve alone. */
function undoMoveIn(link: Link, session: pkcs11.Handle, move: MoveOfBlob): SeedMove {
  const { seed, known, blob } = move;
  if (!mayHaveLeft(link, move)) return { outcome: 'there', undone: false };
  const unwrapped = link.wrapped.find(session, seed, blob);
  const stored = described(link, session, 'wrapped', seed, unwrapped, known.seedBytes);
  requireKeyCheckValue(seed, stored, known.keyCheckValue);
  const objects = ownObjects(link, session, move);
  for (const { handle } of objects) destroy(link, session, handle);
  link.resident.forget(seed.seedId);
  return { outcome: 'there', undone: objects.length > 0 };
}

/** Unlike what is destroyed in passing, this must be gone before the move goes on. */
function destroy({ p11 }: Link, session: pkcs11.Handle, handle: pkcs11.Handle): void {
  attempt('C_DestroyObject', () => p11.C_DestroyObject(session, handle));
}
