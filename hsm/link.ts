import pkcs11 from 'pkcs11js';
import { checkCatalogue, findCatalogue, requireCatalogue } from './catalogue.ts';
import type { Catalogue } from './catalogue.ts';
import { attempt, fault } from './errors.ts';
import { listKeys } from './inventory.ts';
import { selectP11Slot } from './library.ts';
import type { Library } from './library.ts';
import { login } from './login.ts';
import type { Credentials } from './login.ts';
import { ResidentTable } from './resident.ts';
import { chooseWrapMechanism, testCatalogue, testHmacs } from './self-test.ts';
import { closeSession, openSession, SessionPool } from './sessions.ts';
import { hmacMechanisms, KeyMaker, secretKeyTemplate } from './templates.ts';
import type { HashName, P11TokenInfo, Residency } from './types.ts';
import { WrappedSeeds } from './wrapped.ts';

export interface LinkSettings {
  readonly residency: Residency;
  readonly maxSessions: number;
  readonly lruHandles: number;
  readonly monotonicMs: () => number;
}

/** A session that is logged in, on the one p11Token that was meant. */
export interface Login {
  readonly p11: pkcs11.PKCS11;
  readonly slot: pkcs11.Handle;
  readonly info: P11TokenInfo;
  /** Holds the login and every session object that outlives a call; never lent. */
  readonly anchor: pkcs11.Handle;
  close(): void;
}

/**
 * Everything that dies when the module is lost: sessions, handles, caches. After a recovery there is
 * a new link, and no handle of the old one is used again.
 */
export interface Link extends Login {
  readonly sessions: SessionPool;
  readonly maker: KeyMaker;
  readonly catalogue: Catalogue;
  /** Undefined when the module wraps in no way that we know. */
  readonly wrapMechanism: number | undefined;
  readonly resident: ResidentTable;
  readonly wrapped: WrappedSeeds;
  /** The key that stands for users nobody knows. */
  readonly decoy: pkcs11.Handle;
  /** Throws if the module no longer computes what it should. */
  selfTest(hash?: HashName): void;
}

/** Resolves when the event loop has turned. */
export function letGo(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Opens the anchor session and logs in.
 *
 * @returns undefined when no PIN is there yet
 */
export async function logIn(
  library: Library,
  credentials: Credentials,
): Promise<Login | undefined> {
  const { p11 } = library;
  const found = selectP11Slot(library, credentials.uri);
  const anchor = openSession(p11, found.slot);
  const close = (): void => closeSession(p11, anchor);
  try {
    if (await login(p11, anchor, found, credentials)) return { p11, ...found, anchor, close };
  } catch (error) {
    close();
    throw error;
  }
  close();
  return undefined;
}

/**
 * Logs in, finds and checks every key, reads the table of resident seeds and lets the module prove
 * itself.
 *
 * @returns undefined when no PIN is there yet
 */
export async function establish(
  library: Library,
  credentials: Credentials,
  settings: LinkSettings,
): Promise<Link | undefined> {
  const loggedIn = await logIn(library, credentials);
  if (loggedIn === undefined) return undefined;
  try {
    return await furnish(loggedIn, settings);
  } catch (error) {
    loggedIn.close();
    throw error;
  }
}

async function furnish(loggedIn: Login, settings: LinkSettings): Promise<Link> {
  const { p11, slot, anchor } = loggedIn;
  const objects = await listKeys(p11, anchor, letGo);
  const found = findCatalogue(objects);
  const catalogue = requireCatalogue(found);
  checkCatalogue(p11, anchor, found);
  const maker = new KeyMaker();
  const bench = { p11, session: anchor, maker };
  const offered = attempt('C_GetMechanismList', () => new Set(p11.C_GetMechanismList(slot)));
  testHmacs(bench);
  const wrapMechanism = chooseWrapMechanism(bench, offered);
  if (wrapMechanism === undefined && settings.residency === 'wrapped') {
    throw fault('contract', 'the module offers neither RFC 5649 nor RFC 3394 key wrapping');
  }
  testCatalogue(bench, catalogue, wrapMechanism);
  const resident = new ResidentTable(p11, settings.monotonicMs);
  resident.load(objects, true);
  const sessionsMax = sessionsAllowed(p11, slot, settings.maxSessions);
  const sessions = new SessionPool(p11, slot, sessionsMax);
  const selfTest = (hash: HashName = 'SHA1'): void => testHmacs(bench, [hash]);
  const handlesMax = settings.lruHandles;
  return {
    ...loggedIn,
    sessions,
    maker,
    catalogue,
    wrapMechanism,
    resident,
    wrapped: new WrappedSeeds({ p11, anchor, maker, catalogue, handlesMax, selfTest }),
    decoy: settings.residency === 'wrapped' ? passingDecoy(bench) : catalogue.decoy.handle,
    selfTest,
    close: () => {
      sessions.close();
      loggedIn.close();
    },
  };
}

/** The module's own limit, less the session that holds the login (0 means no limit). */
function sessionsAllowed(p11: pkcs11.PKCS11, slot: pkcs11.Handle, wanted: number): number {
  const info = attempt('C_GetTokenInfo', () => p11.C_GetTokenInfo(slot));
  const limits = [info.maxSessionCount, info.maxRwSessionCount].filter(
    // 0 is CK_EFFECTIVELY_INFINITE; all bits set is CK_UNAVAILABLE_INFORMATION.
    (limit) => limit > 0 && limit < 0xffff_ffff,
  );
  return Math.max(1, Math.min(wanted, ...limits.map((limit) => limit - 1)));
}

/**
 * With wrapped seeds the decoy is a session object as they are: a library that reads a persistent
 * object at every use (SoftHSM) would tell unknown users by the time it takes.
 */
function passingDecoy(bench: {
  readonly p11: pkcs11.PKCS11;
  readonly session: pkcs11.Handle;
  readonly maker: KeyMaker;
}): pkcs11.Handle {
  const shape = {
    isToken: false,
    uses: ['sign'],
    mechanisms: Object.values(hmacMechanisms),
  } as const;
  const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape, { bytes: 64 });
  const mechanism = { mechanism: pkcs11.CKM_GENERIC_SECRET_KEY_GEN };
  return bench.maker.make('C_GenerateKey', [template], (wanted = []) =>
    bench.p11.C_GenerateKey(bench.session, mechanism, wanted),
  );
}
