import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import pkcs11 from 'pkcs11js';
import { initialiseModule } from '../../hsm/index.ts';
import type { CallOptions, MacResult, SeedReference, StoredSeed } from '../../hsm/index.ts';
import { freshSoftHsm } from '../support/softhsm.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';

export const soon: CallOptions = { lane: 'logon', deadlineMs: 30_000 };

const run = promisify(execFile);

/** A throw-away p11Token with the whole key catalogue. */
export async function initialisedSoftHsm(): Promise<SoftHsmToken> {
  const hsm = await freshSoftHsm();
  await initialiseModule({ uri: hsm.uri });
  return hsm;
}

/** A seed of its own for every test. */
export function freshSpec(
  hash: SeedReference['hash'] = 'SHA1',
  owner = `serial ${randomUUID().slice(0, 8)}`,
): { seedId: string; hash: SeedReference['hash']; owner: string; profile: string } {
  return { seedId: randomUUID(), hash, owner, profile: 'HOTP-SHA1-6' };
}

/** The reference to a stored seed: what the database would hand back. */
export function referenceTo(
  spec: Omit<SeedReference, 'blob'>,
  stored: Pick<StoredSeed, 'blob'>,
): SeedReference {
  return stored.blob === undefined ? spec : { ...spec, blob: stored.blob };
}

export function macsOf(result: MacResult | undefined): string[] {
  if (result?.ok !== true) throw new Error(`no MACs: ${JSON.stringify(result)}`);
  return result.macs.map((mac) => Buffer.from(mac).toString('hex'));
}

/** What a promise was rejected with; fails if it was not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (reason) {
    return reason;
  }
  throw new Error('expected a rejection');
}

/** OpenSC's view of the p11Token: somebody else's code is the judge. */
export async function pkcs11Tool(hsm: SoftHsmToken, ...options: string[]): Promise<string> {
  const pin = (await readFile(hsm.userPinFile, 'utf8')).trim();
  const { stdout } = await run(
    'pkcs11-tool',
    ['--module', hsm.modulePath, '--token-label', hsm.tokenLabel, '--login', '--pin', pin].concat(
      options,
    ),
    { env: { ...process.env, SOFTHSM2_CONF: hsm.confFile } },
  );
  return stdout;
}

/**
 * The library behind the module's back, in this process: for what an operator, another program or
 * a failing device could do to it.
 */
export class OtherHand {
  readonly p11: pkcs11.PKCS11 = new pkcs11.PKCS11();
  readonly slot: pkcs11.Handle;
  readonly session: pkcs11.Handle;

  /** Only while a module is open: the library must be initialised and logged in. */
  constructor(hsm: SoftHsmToken) {
    this.p11.load(hsm.modulePath);
    const slots = this.p11.C_GetSlotList(true);
    const mine = slots.find(
      (slot) => this.p11.C_GetTokenInfo(slot).label.trimEnd() === hsm.tokenLabel,
    );
    if (mine === undefined) throw new Error('no such p11Token');
    this.slot = mine;
    this.session = this.p11.C_OpenSession(mine, 6);
  }

  find(template: pkcs11.Template): pkcs11.Handle[] {
    this.p11.C_FindObjectsInit(this.session, template);
    const found = this.p11.C_FindObjects(this.session, 10_000);
    this.p11.C_FindObjectsFinal(this.session);
    return found;
  }

  labelled(label: string): pkcs11.Handle[] {
    return this.find([{ type: pkcs11.CKA_LABEL, value: label }]);
  }

  flag(object: pkcs11.Handle, type: number): boolean {
    return this.p11.C_GetAttributeValue(this.session, object, [{ type }])[0]?.value[0] === 1;
  }
}
