import { timingSafeEqual } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { blobMacInput, decodeBlob, encodeBlob, encodeBlobHeader, hashCodes } from './blob.ts';
import type { SeedBlob } from './blob.ts';
import { wrapMechanisms } from './catalogue.ts';
import type { Catalogue } from './catalogue.ts';
import { attempt, fault, faultOf, ModuleFault } from './errors.ts';
import { computeHmac } from './mechanisms.ts';
import { blockBytes, digestBytes, hmacMechanisms, secretKeyTemplate } from './templates.ts';
import type { KeyMaker } from './templates.ts';
import type { HashName, SeedReference, SeedSpec } from './types.ts';

export interface WrappedSeedsOptions {
  readonly p11: pkcs11.PKCS11;
  /** Owns the unwrapped session objects: they live as long as the login does. */
  readonly anchor: pkcs11.Handle;
  readonly maker: KeyMaker;
  readonly catalogue: Catalogue;
  readonly handlesMax: number;
  /** Throws if the module no longer computes what it should. */
  readonly selfTest: () => void;
}

interface Unwrapped {
  readonly handle: pkcs11.Handle;
  readonly blob: Buffer;
  readonly owner: string;
  readonly profile: string;
}

const wrappedBytesMax = 512;

const unwrapTemplates: Readonly<Record<HashName, pkcs11.Attribute[]>> = {
  SHA1: unwrapTemplate('SHA1'),
  SHA256: unwrapTemplate('SHA256'),
  SHA512: unwrapTemplate('SHA512'),
};

function unwrapTemplate(hash: HashName): pkcs11.Attribute[] {
  const shape = { isToken: false, uses: ['sign'], mechanisms: [hmacMechanisms[hash]] } as const;
  return secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape);
}

/**
 * Seeds that live in the database under the storage key, and the most recently used of them as
 * session objects. A cached handle serves only a reference whose blob and binding are the ones it
 * was unwrapped for; everything else is checked again from the start.
 */
export class WrappedSeeds {
  readonly #options: WrappedSeedsOptions;
  readonly #unwrapped: Map<string, Unwrapped> = new Map();

  constructor(options: WrappedSeedsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#unwrapped.size;
  }

  /**
   * The handle of a wrapped seed.
   *
   * @param session where the blob's HMAC is computed
   * @throws ModuleFault `damaged` when the blob is not this seed's or was changed
   */
  find(session: pkcs11.Handle, reference: SeedReference, blob: Uint8Array): pkcs11.Handle {
    const cached = this.#unwrapped.get(reference.seedId);
    if (cached !== undefined && isFor(cached, reference, blob)) {
      // A Map keeps insertion order: to put it in again makes it the youngest.
      this.#unwrapped.delete(reference.seedId);
      this.#unwrapped.set(reference.seedId, cached);
      return cached.handle;
    }
    const handle = this.#unwrap(this.check(session, reference, blob), reference.seedId);
    this.forget(reference.seedId);
    while (this.#unwrapped.size >= this.#options.handlesMax) this.#evictOldest();
    this.#unwrapped.set(reference.seedId, {
      handle,
      blob: Buffer.from(blob),
      owner: reference.owner,
      profile: reference.profile,
    });
    return handle;
  }

  /**
   * Wraps an extractable session object under the storage key and binds it to its owner.
   *
   * @param lengths of the seed itself and of the key that stands for it
   */
  wrap(
    session: pkcs11.Handle,
    key: pkcs11.Handle,
    spec: SeedSpec,
    mechanism: number,
    lengths: { readonly seedBytes: number; readonly keyBytes: number },
  ): Uint8Array {
    const { p11, catalogue } = this.#options;
    const { storage } = catalogue;
    const wrapped = wrapUnder(p11, session, mechanism, storage.handle, key);
    const header = encodeBlobHeader({
      storageKeyId: storage.id,
      mechanism,
      hash: spec.hash,
      ...lengths,
    });
    const mac = this.#mac(session, header, spec, wrapped);
    return encodeBlob(header, wrapped, mac);
  }

  /**
   * Takes a blob apart that is this seed's and unchanged.
   *
   * @throws ModuleFault `damaged`
   */
  check(session: pkcs11.Handle, reference: SeedReference, bytes: Uint8Array): SeedBlob {
    const { catalogue } = this.#options;
    const blob = decodeBlob(bytes);
    const mac = this.#mac(session, blob.header, reference, blob.wrapped);
    if (!timingSafeEqual(mac, blob.mac)) {
      throw fault('damaged', `the wrapped seed ${reference.seedId} is damaged or another's`);
    }
    if (blob.hash !== reference.hash) {
      throw fault('damaged', `the wrapped seed ${reference.seedId} is for ${blob.hash}`);
    }
    if (!catalogue.storage.id.equals(blob.storageKeyId)) {
      throw fault('damaged', `seed ${reference.seedId} is wrapped under another storage key`);
    }
    if (!wrapMechanisms.includes(blob.mechanism) || !hasKeyLength(blob)) {
      throw fault('damaged', `the wrapped seed ${reference.seedId} has an impossible header`);
    }
    return blob;
  }

  /** Unwraps what was checked into an object of the caller's template, which is then the caller's. */
  unwrapAs(session: pkcs11.Handle, blob: SeedBlob, template: pkcs11.Attribute[]): pkcs11.Handle {
    const { p11, maker, catalogue } = this.#options;
    return maker.make('C_UnwrapKey', [template], (wanted = []) =>
      p11.C_UnwrapKey(
        session,
        { mechanism: blob.mechanism },
        catalogue.storage.handle,
        Buffer.from(blob.wrapped),
        wanted,
      ),
    );
  }

  forget(seedId: string): void {
    const cached = this.#unwrapped.get(seedId);
    if (cached === undefined) return;
    this.#unwrapped.delete(seedId);
    destroyObject(this.#options.p11, this.#options.anchor, cached.handle);
  }

  #evictOldest(): void {
    const oldest = this.#unwrapped.keys().next();
    if (oldest.done !== true) this.forget(oldest.value);
  }

  #unwrap(blob: SeedBlob, seedId: string): pkcs11.Handle {
    const { anchor } = this.#options;
    const template = unwrapTemplates[blob.hash];
    try {
      return this.unwrapAs(anchor, blob, template);
    } catch (error) {
      const cause = faultOf(error, 'C_UnwrapKey');
      if (cause.failure.kind === 'capacity') {
        // The bound was too high for this module: make room and try once more.
        for (let left = this.#unwrapped.size / 2; left > 0; left -= 1) this.#evictOldest();
        return this.unwrapAs(anchor, blob, template);
      }
      // This session is the one that holds the login: its loss means to log in again.
      if (cause.recovery === 'session') throw new ModuleFault(cause.failure, 'login', cause);
      throw this.#judged(cause, seedId);
    }
  }

  /**
   * A blob whose HMAC is right and which still does not unwrap: SoftHSM says CKR_GENERAL_ERROR, as
   * it would of itself. If the module passes its test, the blob is at fault.
   */
  #judged(cause: ModuleFault, seedId: string): ModuleFault {
    if (cause.recovery !== 'self-test') return cause;
    this.#options.selfTest();
    const detail = `the wrapped seed ${seedId} does not unwrap, though the module is well`;
    return new ModuleFault({ ...cause.failure, kind: 'damaged', detail }, 'none', cause);
  }

  #mac(
    session: pkcs11.Handle,
    header: Uint8Array,
    { owner, profile }: Pick<SeedSpec, 'owner' | 'profile'>,
    wrapped: Uint8Array,
  ): Uint8Array {
    const { p11, catalogue } = this.#options;
    const input = blobMacInput(header, owner, profile, wrapped);
    return computeHmac(p11, session, 'SHA256', catalogue['blob-mac'].handle, input);
  }
}

/** C_WrapKey of a secret under an AES key. */
export function wrapUnder(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  mechanism: number,
  wrappingKey: pkcs11.Handle,
  key: pkcs11.Handle,
): Buffer {
  const room = Buffer.alloc(wrappedBytesMax);
  return attempt('C_WrapKey', () => p11.C_WrapKey(session, { mechanism }, wrappingKey, key, room));
}

/** An object that cannot be destroyed is gone with its session, or already. */
export function destroyObject(
  p11: pkcs11.PKCS11,
  session: pkcs11.Handle,
  handle: pkcs11.Handle,
): void {
  try {
    p11.C_DestroyObject(session, handle);
  } catch {
    // See above.
  }
}

function isFor(cached: Unwrapped, reference: SeedReference, blob: Uint8Array): boolean {
  return (
    cached.owner === reference.owner &&
    cached.profile === reference.profile &&
    cached.blob.equals(blob) &&
    blob[1] === hashCodes[reference.hash]
  );
}

function hasKeyLength({ hash, keyBytes }: SeedBlob): boolean {
  return keyBytes >= digestBytes[hash] && keyBytes <= blockBytes[hash];
}
