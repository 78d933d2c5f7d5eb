import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fault, plainly } from './errors.ts';
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
 * salted scrypt hash, in this process and, when there is a path, in a file beside the source.
 */
export class RefusedPin {
  readonly markerPath: string | undefined;
  readonly #serial: string;
  readonly #key: string;

  constructor(address: ModuleAddress, source: PinSource, serial: string) {
    const besideFile = source.kind === 'file' ? `${source.path}.refused` : undefined;
    this.markerPath = address.refusedPinMarkerPath ?? besideFile;
    this.#serial = serial;
    this.#key = `${serial} ${describePinSource(source)}`;
  }

  /** True if this very PIN was refused by this p11Token before. */
  async isRemembered(pin: string): Promise<boolean> {
    const marker = refusedHere.get(this.#key) ?? (await this.#readMarker());
    if (marker?.serial !== this.#serial) return false;
    const hash = await derive(pin, Buffer.from(marker.salt, 'hex'), 32);
    const known = Buffer.from(marker.hash, 'hex');
    return known.length === hash.length && timingSafeEqual(known, hash);
  }

  /** Keeps it in the process even if the file cannot be written. */
  async remember(pin: string): Promise<void> {
    const salt = randomBytes(16);
    const hash = await derive(pin, salt, 32);
    const marker: Marker = {
      serial: this.#serial,
      salt: salt.toString('hex'),
      hash: hash.toString('hex'),
    };
    refusedHere.set(this.#key, marker);
    if (this.markerPath === undefined) return;
    const fresh = `${this.markerPath}.new`;
    try {
      await writeFile(fresh, `${JSON.stringify(marker)}\n`, { mode: 0o600 });
      await rename(fresh, this.markerPath);
    } catch {
      // A read-only folder: then the memory of this process has to do.
    }
  }

  async forget(): Promise<void> {
    refusedHere.delete(this.#key);
    if (this.markerPath === undefined) return;
    try {
      await rm(this.markerPath, { force: true });
    } catch {
      // A stale marker names another PIN than the one that works now: harmless.
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
  const { serial, salt, hash } = value as Partial<Record<keyof Marker, unknown>>;
  if (typeof serial !== 'string' || typeof salt !== 'string' || typeof hash !== 'string') {
    return undefined;
  }
  return { serial, salt, hash };
}

async function pinFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw fault('denied', `the PIN file ${path} cannot be read: ${code}`);
  }
  return text;
}
