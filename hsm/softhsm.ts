import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pkcs11 from 'pkcs11js';
import { attempt, fault, plainly } from './errors.ts';
import { listP11Slots, openLibrary } from './library.ts';
import type { Library, P11Slot } from './library.ts';
import { closeSession, openSession } from './sessions.ts';
import { encodeUriValue } from './uri.ts';

export interface SoftHsmTokenOptions {
  /** Holds everything: configuration, p11Token, PINs. Created with mode 0700. */
  readonly directory: string;
  /** At most 32 bytes. */
  readonly label: string;
  /** Text of softhsm2.conf with @TOKEN_FOLDER@ where the folder goes. */
  readonly confTemplate: string;
  /** Default: the first of the usual places that exists. */
  readonly modulePath?: string;
  /**
   * Sets a variable of this process's environment. SoftHSM finds its configuration by SOFTHSM2_CONF
   * when it is initialised, and only composition roots touch the environment.
   */
  readonly setEnvironment: (name: string, value: string) => void;
}

export interface SoftHsmToken {
  /** False if it was there already and nothing was changed. */
  readonly created: boolean;
  readonly modulePath: string;
  readonly confPath: string;
  readonly userPinPath: string;
  readonly soPinPath: string;
  /** RFC 7512, with module-path and pin-source. */
  readonly uri: string;
}

const labelBytesMax = 32;
const pinBytes = 16;
const usualPaths = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** Where SoftHSM is installed; undefined if it is not. */
export function findSoftHsm(): string | undefined {
  return usualPaths.find((path) => existsSync(path));
}

/**
 * A SoftHSM p11Token with random PINs in files of mode 0600. Run again it finishes what was
 * interrupted, and otherwise changes nothing.
 *
 * @returns rejects with a `ModuleFailure`: `unavailable` when SoftHSM is not installed, `contract`
 *   when the p11Token is there but its PINs are not
 */
export function createSoftHsmToken(options: SoftHsmTokenOptions): Promise<SoftHsmToken> {
  return plainly('createSoftHsmToken', async () => {
    const modulePath = options.modulePath ?? findSoftHsm();
    if (modulePath === undefined) {
      throw fault('unavailable', `SoftHSM is not installed: none of ${usualPaths.join(', ')}`);
    }
    if (options.label === '' || Buffer.byteLength(options.label) > labelBytesMax) {
      throw fault('contract', `the label of a p11Token has 1 to ${labelBytesMax} bytes`);
    }
    const directory = resolve(options.directory);
    const confPath = join(directory, 'softhsm2.conf');
    const userPinPath = join(directory, 'user.pin');
    const soPinPath = join(directory, 'so.pin');
    await prepareFolder(directory, confPath, options.confTemplate);
    options.setEnvironment('SOFTHSM2_CONF', confPath);
    const library = openLibrary(modulePath);
    try {
      const created = await initialiseP11Token(library, options.label, userPinPath, soPinPath);
      const uri =
        `pkcs11:token=${encodeUriValue(options.label)}` +
        `?module-path=${encodeUriValue(modulePath)}&pin-source=file:${encodeUriValue(userPinPath)}`;
      return { created, modulePath, confPath, userPinPath, soPinPath, uri };
    } finally {
      library.release();
    }
  });
}

async function prepareFolder(directory: string, confPath: string, template: string): Promise<void> {
  const tokenFolder = join(directory, 'tokens');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mkdir(tokenFolder, { recursive: true, mode: 0o700 });
  if (existsSync(confPath)) return;
  await writeAtOnce(confPath, template.replaceAll('@TOKEN_FOLDER@', tokenFolder));
}

/** Never half a file: a reader sees all of it or nothing. */
async function writeAtOnce(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, path);
}

async function initialiseP11Token(
  library: Library,
  label: string,
  userPinPath: string,
  soPinPath: string,
): Promise<boolean> {
  const { p11 } = library;
  const there = findLabelled(library, label);
  if (there !== undefined && hasUserPin(p11, there)) {
    if (existsSync(userPinPath)) return false;
    throw fault('contract', `p11Token "${label}" exists, but its PIN file ${userPinPath} does not`);
  }
  // The PINs first: a crash after this leaves PINs without a p11Token, never the other way round.
  const soPin = await pinIn(soPinPath, there !== undefined);
  const userPin = await pinIn(userPinPath, false);
  const { slot } = there ?? initialiseFreeSlot(library, label, soPin);
  const session = openSession(p11, slot);
  try {
    attempt('C_Login of the security officer', () => p11.C_Login(session, pkcs11.CKU_SO, soPin));
    attempt('C_InitPIN', () => p11.C_InitPIN(session, userPin));
    attempt('C_Logout', () => p11.C_Logout(session));
  } finally {
    closeSession(p11, session);
  }
  return true;
}

function initialiseFreeSlot(library: Library, label: string, soPin: string): P11Slot {
  const { p11 } = library;
  const free = listP11Slots(library).find(({ info }) => !info.initialised);
  if (free === undefined) throw fault('unavailable', 'SoftHSM shows no slot that is free');
  // 32 bytes, blank-padded: the library reads that many whatever it is given (section 5.5).
  const padded = label + ' '.repeat(labelBytesMax - Buffer.byteLength(label));
  attempt('C_InitToken', () => p11.C_InitToken(free.slot, soPin, padded));
  const made = findLabelled(library, label);
  if (made === undefined) throw fault('unavailable', `p11Token "${label}" did not appear`);
  return made;
}

function findLabelled(library: Library, label: string): P11Slot | undefined {
  const labelled = listP11Slots(library).filter(
    ({ info }) => info.initialised && info.label === label,
  );
  if (labelled.length > 1) throw fault('contract', `there are two p11Tokens called "${label}"`);
  return labelled[0];
}

function hasUserPin(p11: pkcs11.PKCS11, { slot }: P11Slot): boolean {
  const { flags } = attempt('C_GetTokenInfo', () => p11.C_GetTokenInfo(slot));
  return (flags & pkcs11.CKF_USER_PIN_INITIALIZED) !== 0;
}

async function pinIn(path: string, mustExist: boolean): Promise<string> {
  if (existsSync(path)) return (await readFile(path, 'utf8')).trimEnd();
  if (mustExist) throw fault('contract', `the PIN file ${path} is missing`);
  const pin = randomBytes(pinBytes).toString('hex');
  await writeAtOnce(path, `${pin}\n`);
  return pin;
}
