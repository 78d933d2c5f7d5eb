import {
  catalogueNames,
  checkCatalogue,
  createCatalogueKey,
  findCatalogue,
  requireCatalogue,
} from './catalogue.ts';
import { fault, plainly } from './errors.ts';
import { listKeys } from './inventory.ts';
import { openLibrary } from './library.ts';
import { letGo, logIn } from './link.ts';
import type { Login } from './link.ts';
import { KeyMaker } from './templates.ts';
import type { InitialisedModule, ModuleAddress } from './types.ts';
import { requirePkcs11Uri } from './uri.ts';

/**
 * Creates the keys of the catalogue that are missing, and checks the others: run it as often as you
 * like. RSA-3072 for the transport key takes about a second in software.
 *
 * @returns rejects with a `ModuleFailure` as `openModule` does
 */
export function initialiseModule(address: ModuleAddress): Promise<InitialisedModule> {
  return plainly('initialiseModule', () => withLogin(address, createMissingKeys));
}

/** Logs in, lends the session and gives everything back. @throws ModuleFault */
export async function withLogin<T>(
  address: ModuleAddress,
  use: (login: Login) => Promise<T>,
): Promise<T> {
  const uri = requirePkcs11Uri(address.uri);
  const library = openLibrary(uri.modulePath);
  try {
    const login = await logIn(library, { address, uri });
    if (login === undefined) throw fault('denied', 'the module needs its PIN');
    try {
      return await use(login);
    } finally {
      login.close();
    }
  } finally {
    library.release();
  }
}

async function createMissingKeys({ p11, anchor }: Login): Promise<InitialisedModule> {
  const before = findCatalogue(await listKeys(p11, anchor, letGo));
  checkCatalogue(p11, anchor, before);
  const created = catalogueNames.filter((name) => !before.has(name));
  const maker = new KeyMaker();
  for (const name of created) {
    createCatalogueKey(p11, anchor, maker, name);
    await letGo();
  }
  // Looked up again: a second "hsm init" at the same moment would show as two keys of one name.
  const after = findCatalogue(await listKeys(p11, anchor, letGo));
  requireCatalogue(after);
  checkCatalogue(p11, anchor, after);
  return { created, present: catalogueNames.filter((name) => before.has(name)) };
}
