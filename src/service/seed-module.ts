import type { HashName } from '../oath/index.ts';

/**
 * The port to the PKCS#11 module. Everything that crosses it is plain cloneable data, so that an
 * in-process and a worker implementation pass one contract suite. The module knows keys and MACs,
 * not one-time passwords.
 */

/** Where a seed lives: a persistent object in the module, or a blob under the storage key. */
export type Residency = 'resident' | 'wrapped';

/** `logon` goes before `sync`, `sync` before `background`. */
export type Lane = 'logon' | 'sync' | 'background';

export interface CallOptions {
  readonly lane: Lane;
  /** Relative to the call, by the monotonic clock; when it passes the call fails as `unavailable`. */
  readonly deadlineMs: number;
}

/**
 * One seed. `owner` (authenticator serial and application name) and `profile` (algorithm, digits,
 * time step as one canonical line) are what the seed is bound to: a resident seed carries `owner`
 * in its label, a wrapped one authenticates both in its blob; a mismatch is `damaged`.
 */
export interface SeedReference {
  /** UUID text; the module stores its 16 bytes as CKA_ID. */
  readonly seedId: string;
  /** Present for wrapped residency only. */
  readonly blob?: Uint8Array;
  readonly hash: HashName;
  readonly owner: string;
  readonly profile: string;
}

/** The reference whose MACs cost the same as a real seed's and match nothing: unknown users. */
export const DECOY_SEED_ID: string = '00000000-0000-0000-0000-000000000000';

export interface MacJob {
  readonly seed: SeedReference;
  readonly messages: readonly Uint8Array[];
}

/**
 * `unavailable`: no module, session or time; `denied`: the module's PIN was refused or is missing;
 * `capacity`: the module is full; `damaged`: this seed or blob, not the module; `contract`: a
 * mechanism or template the module does not honour, or a programming error on our side.
 */
export type ModuleFailureKind = 'unavailable' | 'denied' | 'capacity' | 'damaged' | 'contract';

/** What the module rejects with: plain data (PKCS#11 return value by number, 0 if none). */
export interface ModuleFailure {
  readonly kind: ModuleFailureKind;
  /** PKCS#11 v2.40 section 11.1 return value; 0 when the failure was found on our side. */
  readonly ckr: number;
  /** For the operator: which call, what was expected. Never a secret. */
  readonly detail: string;
}

export type MacResult =
  | { readonly ok: true; readonly macs: readonly Uint8Array[] }
  | { readonly ok: false; readonly failure: ModuleFailure };

export interface SeedSpec {
  readonly seedId: string;
  readonly hash: HashName;
  readonly owner: string;
  readonly profile: string;
}

/** What the database keeps of a stored seed. */
export interface StoredSeed {
  readonly residency: Residency;
  readonly blob?: Uint8Array;
  /** The seed's own length, before any zero padding to the digest length (RFC 2104 section 2). */
  readonly seedBytes: number;
  readonly padded: boolean;
  /** Hex of 4 bytes of HMAC(seed, fixed label): shows that two parties hold the same seed. */
  readonly keyCheckValue: string;
}

/** A fresh seed kept by the module and, once, wrapped for a virtual authenticator. */
export interface PairedSeed extends StoredSeed {
  /** RSA-OAEP (SHA-1, MGF1-SHA-1, no label) of the seed under the recipient's RSA key. */
  readonly envelope: Uint8Array;
}

/** What the database knows of a stored seed beside its reference. */
export type KnownSeed = Pick<StoredSeed, 'seedBytes' | 'keyCheckValue'>;

/** How far a seed got on its way to the other residency. */
export type SeedMove =
  /**
   * The other form serves beside the old one. Once it is written down the old one goes: a blob with
   * its row, an object by `destroySeed`. Not before it is certain to be kept: modules have said of
   * an object that they made it and had not written it, so only one that was there when the module
   * was opened is.
   */
  | { readonly outcome: 'made'; readonly stored: StoredSeed; readonly isKept: boolean }
  /** It was there already; `undone` if the object of an interrupted move had to go. */
  | { readonly outcome: 'there'; readonly undone: boolean }
  /** The module holds it and lets it out in no form. */
  | { readonly outcome: 'stays'; readonly failure: ModuleFailure };

/** HMAC-SHA-256 keys of the catalogue, each with one use. */
export type HmacKeyName =
  'pin-mac' | 'password-mac' | 'request-mac' | 'virtual-otp-mac' | 'offline-mac' | 'emergency-mac';
export type SignKeyName = 'offline-sign' | 'audit-sign';
export type SealKeyName = 'sensitive-data';

export interface ModuleStatus {
  readonly state: 'ready' | 'needs-pin' | 'failed' | 'closed';
  /** Why, in the operator's words, when not ready. */
  readonly reason: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly p11TokenLabel: string;
  readonly p11TokenSerial: string;
  readonly residency: Residency;
  readonly residentSeeds: number;
  readonly sessionsOpen: number;
  readonly macsComputed: number;
}

/** Every method rejects with a `ModuleFailure` (plain object), never with a library's error. */
export interface SeedModule {
  /** One result per job, in order: a damaged seed fails its own job alone. */
  mac(jobs: readonly MacJob[], options: CallOptions): Promise<readonly MacResult[]>;
  /** HMAC-SHA-256 inside the module under a catalogue key. */
  hmac(
    key: HmacKeyName,
    messages: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<readonly Uint8Array[]>;
  /** ECDSA P-256 over the SHA-256 of `message`; r || s, 64 bytes. */
  sign(key: SignKeyName, message: Uint8Array, options: CallOptions): Promise<Uint8Array>;
  /** SubjectPublicKeyInfo (DER) of the public half, which anybody may have. */
  publicKey(key: SignKeyName, options: CallOptions): Promise<Uint8Array>;
  /** AES-GCM; the result holds its own nonce. `context` is authenticated, not stored. */
  seal(
    key: SealKeyName,
    context: Uint8Array,
    plain: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array>;
  open(
    key: SealKeyName,
    context: Uint8Array,
    sealed: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array>;
  /** A fresh seed of the digest's length, generated in the module and never extractable. */
  generateSeed(spec: SeedSpec, options: CallOptions): Promise<StoredSeed>;
  /**
   * A fresh seed, extractable only as a session object while it is wrapped for the recipient
   * (RSA >= 3072, SubjectPublicKeyInfo DER) and copied into its residency.
   */
  generatePairedSeed(
    spec: SeedSpec,
    recipientPublicKey: Uint8Array,
    options: CallOptions,
  ): Promise<PairedSeed>;
  /** Imports bytes the caller then overwrites; 16 to 128 bytes, shorter than the digest is padded. */
  importSeed(spec: SeedSpec, seed: Uint8Array, options: CallOptions): Promise<StoredSeed>;
  /**
   * Makes the seed's form of the other residency, without its passing through this process. To
   * `resident` the blob is unwrapped into an object that is as a generated seed is; what an earlier
   * move left is recognised (label, flags, key check value) and not made twice. To `wrapped` a seed
   * that still has its blob is only rid of such an object; any other the module is asked for.
   * Rejects with `damaged`, and leaves everything as it was, when the seed is not the one that is
   * known.
   */
  moveSeed(
    seed: SeedReference,
    known: KnownSeed,
    to: Residency,
    options: CallOptions,
  ): Promise<SeedMove>;
  /** Removes a resident seed, forgets the handle of a wrapped one. Unknown ids are no error. */
  destroySeed(seedId: string, options: CallOptions): Promise<void>;
  /** Bytes of the module's random generator, 1 to 1024. */
  random(length: number, options: CallOptions): Promise<Uint8Array>;
  status(): ModuleStatus;
  close(): Promise<void>;
}
