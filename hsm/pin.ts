import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fault, ModuleFault, plainly } from './errors.ts';
import type { ModuleAddress, PinSource } from './types.ts';
import type { Pkcs11Uri } from './uri.ts';

const pinBytesMax = 255;
const derive = promisify(scrypt) as (
  secret: string,
  salt: Buffer,
  length: number,
) => Promise<Buffer>;

interface Marker {
  readonly serial: string;
  readonly salt: string;
  readonly hash: string;
  /** The try was about to be made; how it ended is not noted. */
  readonly begun: boolean;
}

/** What this process was refused, by serial number of the p11Token and source. */
const refusedHere = new Map<string, Marker>();

/** Where the PIN comes from: what the caller said, else the URI's `pin-source`, else `later`. */
export function pinSourceOf(address: ModuleAddress, uri: Pkcs11Uri): PinSource {
  if (address.pinSource !== undefined) return address.pinSource;
  if (uri.pinSourcePath !== undefined) return { kind: 'file', path: uri.pinSourcePath };
  return { kind: 'later' };
}

/** A source as an operator would name it; never its content. */
export function describePinSource(source: PinSource): string {
  switch (source.kind) {
    case 'file':
      return `the file ${source.path}`;
    case 'env':
      return `the environment variable ${source.name}`;
    case 'provider':
      return source.name;
    case 'later':
      return 'the unlock endpoint';
  }
}

/**
 * Reads a PIN source, for those who want to know beforehand whether there is a PIN.
 *
 * @returns undefined when the PIN is to come later; rejects with a `ModuleFailure`, `denied`
 */
export function readPinSource(source: PinSource): Promise<string | undefined> {
  return plainly('readPinSource', () => pinFrom(source));
}

/**
 * Reads the PIN. A text cannot be overwritten in JavaScript; it is kept no longer than the login.
 *
 * @returns undefined when the PIN is to come later
 * @throws ModuleFault `denied` when the source has no PIN
 */
export async function pinFrom(source: PinSource): Promise<string | undefined> {
  const from = describePinSource(source);
  switch (source.kind) {
    case 'later':
      return undefined;
    case 'env':
      return checkedPin(source.value ?? '', from);
    case 'provider':
      return checkedPin(await source.provide(), from);
    case 'file':
      return checkedPin((await pinFile(source.path)).replace(/\r?\n$/, ''), from);
  }
}

/** @throws ModuleFault `denied` when it cannot be a PIN */
export function checkedPin(pin: string, from: string): string {
  if (pin === '') throw fault('denied', `there is no PIN in ${from}`);
  if (Buffer.byteLength(pin) > pinBytesMax || /[\0\r\n]/.test(pin)) {
    throw fault(
      'denied',
      `what is in ${from} cannot be a PIN: one line, at most ${pinBytesMax} bytes`,
    );
  }
  return pin;
}

/**
 * Remembers a refused PIN, so that a service that restarts does not use up the module's tries: a
 * salted scrypt hash, in this process and, when there is a path, in a file beside the source. The
 * file is written before the try: where nothing can be remembered, nothing is tried.
 */
export class RefusedPin {
  readonly markerPath: string | undefined;
  readonly #serial: string;
  readonly #key: string;
  readonly #from: string;
  #marker: Marker | undefined;

  constructor(address: ModuleAddress, source: PinSource, serial: string) {
    const besideFile = source.kind === 'file' ? `${source.path}.refused` : undefined;
    // A PIN that comes later comes from a person, who must not overwrite what is known of the file.
    this.markerPath =
      source.kind === 'later' ? undefined : (address.refusedPinMarkerPath ?? besideFile);
    this.#serial = serial;
    this.#from = describePinSource(source);
    this.#key = `${serial} ${this.#from}`;
  }

  /**
   * What is known of this very PIN at this p11Token. `begun`: somebody was about to try it and did
   * not live to note the outcome.
   */
  async recall(pin: string): Promise<'unknown' | 'begun' | 'refused'> {
    const marker = refusedHere.get(this.#key) ?? (await this.#readMarker());
    if (marker?.serial !== this.#serial) return 'unknown';
    const hash = await derive(pin, Buffer.from(marker.salt, 'hex'), 32);
    const known = Buffer.from(marker.hash, 'hex');
    if (known.length !== hash.length || !timingSafeEqual(known, hash)) return 'unknown';
    return marker.begun ? 'begun' : 'refused';
  }

  /**
   * To be called before the PIN is tried.
   *
   * @throws ModuleFault `denied` when a refusal could not be remembered across restarts
   */
  async begin(pin: string): Promise<void> {
    const salt = randomBytes(16);
    const hash = await derive(pin, salt, 32);
    this.#marker = {
      serial: this.#serial,
      salt: salt.toString('hex'),
      hash: hash.toString('hex'),
      begun: true,
    };
    if (this.markerPath === undefined) return;
    try {
      await writeMarker(this.markerPath, this.#marker);
    } catch (error) {
      // A full disk may have room by the next start; a folder that is closed stays so.
      const isFull = ['ENOSPC', 'EDQUOT'].includes(codeOf(error));
      throw fault(
        isFull ? 'unavailable' : 'denied',
        `the PIN from ${this.#from} is not tried, because its refusal could not be remembered in ` +
          `${this.markerPath} (${codeOf(error)}): ` +
          (isFull
            ? 'the disk is full'
            : 'make that folder writable, or name another file by module.refusedPinMarkerPath'),
      );
    }
  }

  /** The PIN that was begun with was refused. */
  async remember(): Promise<void> {
    if (this.#marker === undefined) throw new Error('no try of a PIN was begun');
    const marker: Marker = { ...this.#marker, begun: false };
    refusedHere.set(this.#key, marker);
    if (this.markerPath === undefined) return;
    try {
      await writeMarker(this.markerPath, marker);
    } catch {
      // The one from before the try is still there, and the p11Token counts wrong PINs.
    }
  }

  /** The PIN works. */
  async forget(): Promise<void> {
    refusedHere.delete(this.#key);
    await this.withdraw();
  }

  /** The PIN was not tried after all. */
  async withdraw(): Promise<void> {
    if (this.markerPath === undefined) return;
    try {
      await rm(this.markerPath, { force: true });
    } catch {
      // A marker of a begun try alone keeps no PIN from being tried again.
    }
  }

  async #readMarker(): Promise<Marker | undefined> {
    if (this.markerPath === undefined) return undefined;
    try {
      return markerFrom(JSON.parse(await readFile(this.markerPath, 'utf8')));
    } catch {
      return undefined;
    }
  }
}

function markerFrom(value: unknown): Marker | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { serial, salt, hash, begun } = value as Partial<Record<keyof Marker, unknown>>;
  if (typeof serial !== 'string' || typeof salt !== 'string' || typeof hash !== 'string') {
    return undefined;
  }
  return { serial, salt, hash, begun: begun === true };
}

async function writeMarker(path: string, marker: Marker): Promise<void> {
  // A name of its own: a server and a command may log in at the same time.
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    await writeFile(fresh, `${JSON.stringify(marker)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** @throws ModuleFault `denied` when it cannot be read, or others than its owner can reach it */
async function pinFile(path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    requireOwnerOnly(path, (await file.stat()).mode);
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof ModuleFault) throw error;
    throw fault('denied', `the PIN file ${path} cannot be read: ${codeOf(error)}`);
  } finally {
    await file?.close();
  }
}

function requireOwnerOnly(path: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw fault(
    'denied',
    `the PIN file ${path} is open to others than its owner (mode ${octal}): chmod 600 ${path}`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no reason given';
}
