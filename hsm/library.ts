import { existsSync, realpathSync } from 'node:fs';
import { Module } from 'graphene-pk11';
import pkcs11 from 'pkcs11js';
import { attempt, fault } from './errors.ts';
import type { P11TokenInfo } from './types.ts';
import { matchesUri } from './uri.ts';
import type { Pkcs11Uri } from './uri.ts';

/** A PKCS#11 library that is loaded and initialised. */
export interface Library {
  readonly p11: pkcs11.PKCS11;
  readonly path: string;
  /** Whether somebody else in this process uses it too. */
  isShared(): boolean;
  /** Finalises and initialises again; refused while it is shared. */
  restart(): void;
  /** Gives the library back; the last one to do so finalises it. */
  release(): void;
}

/** A p11Token together with the slot it sits in. */
export interface P11Slot {
  readonly slot: pkcs11.Handle;
  readonly info: P11TokenInfo;
}

interface Loaded {
  readonly module: Module;
  users: number;
}

/**
 * C_Initialize and C_Finalize hold for the whole process (PKCS#11 v2.40 section 5.4), so whoever
 * opens the same file shares one initialisation. A loaded library is never unloaded: its exit
 * handlers would run into freed code.
 */
const loadedLibraries = new Map<string, Loaded>();

/**
 * @throws ModuleFault `unavailable` naming the path when there is no such library or it fails
 */
export function openLibrary(path: string): Library {
  if (!existsSync(path)) throw fault('unavailable', `there is no PKCS#11 library at ${path}`);
  const key = realpathSync(path);
  const loaded = loadedLibraries.get(key) ?? { module: load(key), users: 0 };
  loadedLibraries.set(key, loaded);
  if (loaded.users === 0) initialise(loaded.module);
  loaded.users += 1;
  let released = false;
  return {
    p11: loaded.module.lib,
    path,
    isShared: () => loaded.users > 1,
    restart: () => {
      if (loaded.users > 1) {
        throw fault('unavailable', 'the PKCS#11 library is in use elsewhere in this process');
      }
      finalise(loaded.module);
      initialise(loaded.module);
    },
    release: () => {
      if (released) return;
      released = true;
      loaded.users -= 1;
      if (loaded.users === 0) finalise(loaded.module);
    },
  };
}

/** Every p11Token that the library shows, uninitialised ones included. */
export function listP11Slots(library: Library): P11Slot[] {
  const { p11 } = library;
  return attempt('C_GetSlotList', () => p11.C_GetSlotList(true)).map((slot) => {
    const token = attempt('C_GetTokenInfo', () => p11.C_GetTokenInfo(slot));
    return {
      slot,
      info: {
        label: unpadded(token.label),
        serial: unpadded(token.serialNumber),
        manufacturer: unpadded(token.manufacturerID),
        model: unpadded(token.model),
        slotId: Number(slot.readBigUInt64LE(0)),
        initialised: (token.flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0,
      },
    };
  });
}

/**
 * The one initialised p11Token that the URI describes.
 *
 * @throws ModuleFault `unavailable` when none matches, `contract` when several do; both list what
 *   is there
 */
export function selectP11Slot(library: Library, uri: Pkcs11Uri): P11Slot {
  const all = listP11Slots(library).filter(({ info }) => info.initialised);
  const matching = all.filter(({ info }) => matchesUri(uri, info));
  const [only] = matching;
  if (only === undefined) {
    throw fault(
      'unavailable',
      `no p11Token at ${library.path} matches the pkcs11: URI; there is ${described(all)}`,
    );
  }
  if (matching.length > 1) {
    throw fault(
      'contract',
      `${matching.length} p11Tokens at ${library.path} match the pkcs11: URI, exactly one must: ` +
        described(matching),
    );
  }
  return only;
}

function load(path: string): Module {
  try {
    return Module.load(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    throw fault('unavailable', `the PKCS#11 library at ${path} cannot be loaded: ${reason}`);
  }
}

/** Accepts CKR_CRYPTOKI_ALREADY_INITIALIZED, as graphene does: somebody was here before us. */
function initialise(module: Module): void {
  attempt('C_Initialize', () => module.initialize({ flags: pkcs11.CKF_OS_LOCKING_OK }));
}

function finalise(module: Module): void {
  try {
    module.finalize();
  } catch {
    // Nothing is left that could be given back.
  }
}

function unpadded(text: string): string {
  return text.replace(/[ \0]+$/, '');
}

function described(slots: readonly P11Slot[]): string {
  if (slots.length === 0) return 'none';
  return slots
    .map(
      ({ info }) =>
        `"${info.label}" (serial ${info.serial}, manufacturer "${info.manufacturer}", ` +
        `slot-id ${info.slotId})`,
    )
    .join(', ');
}
