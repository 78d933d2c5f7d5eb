/**
 * The shapes that cross the door of this room. They are declared here and not imported: the room
 * satisfies the service's port structurally, and a compile-time check at the composition root
 * notices when the two drift apart.
 */

/** RFC 2104 hash of a seed's HMAC; also decides how long a fresh seed is (20, 32, 64 bytes). */
export type HashName = 'SHA1' | 'SHA256' | 'SHA512';

/** Where a seed lives: a persistent object in the module, or a blob under the storage key. */
export type Residency = 'resident' | 'wrapped';

/** `logon` goes before `sync`, `sync` before `background`. */
export type Lane = 'logon' | 'sync' | 'background';

export interface CallOptions {
  readonly lane: Lane;
  /** Relative to the call, by the monotonic clock; when it passes the call fails as `unavailable`. */
  readonly deadlineMs: number;
}

/** One seed and what it is bound to; `blob` is present for wrapped seeds only. */
export interface SeedReference {
  readonly seedId: string;
  readonly blob?: Uint8Array;
  readonly hash: HashName;
  readonly owner: string;
  readonly profile: string;
}

/** The reference that stands for a user nobody knows: same cost, matches nothing. */
export const DECOY_SEED_ID: string = '00000000-0000-0000-0000-000000000000';

export interface MacJob {
  readonly seed: SeedReference;
  readonly messages: readonly Uint8Array[];
}

/** See the table in `errors.ts`. */
export type ModuleFailureKind = 'unavailable' | 'denied' | 'capacity' | 'damaged' | 'contract';

/** What every method rejects with: plain data that survives a structured clone. */
export interface ModuleFailure {
  readonly kind: ModuleFailureKind;
  /** PKCS#11 v2.40 section 11.1 return value; 0 when the failure was found on our side. */
  readonly ckr: number;
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

export interface StoredSeed {
  readonly residency: Residency;
  readonly blob?: Uint8Array;
  /** The seed's own length, before any zero padding to the digest length (RFC 2104 section 2). */
  readonly seedBytes: number;
  readonly padded: boolean;
  /** Hex of 4 bytes of HMAC(seed, fixed label). */
  readonly keyCheckValue: string;
}

export interface PairedSeed extends StoredSeed {
  /** RSA-OAEP (SHA-1, MGF1-SHA-1, no label) of the seed under the recipient's RSA key. */
  readonly envelope: Uint8Array;
}

/** What the database knows of a stored seed beside its reference. */
export type KnownSeed = Pick<StoredSeed, 'seedBytes' | 'keyCheckValue'>;

/** How far a seed got on its way to the other residency. */
export type SeedMove =
  /** The other form serves beside the old one; an object is kept if the module's opening showed it. */
  | { readonly outcome: 'made'; readonly stored: StoredSeed; readonly isKept: boolean }
  /** It was there already; `undone` if the object of an interrupted move had to go. */
  | { readonly outcome: 'there'; readonly undone: boolean }
  /** The module holds it and lets it out in no form. */
  | { readonly outcome: 'stays'; readonly failure: ModuleFailure };

export type HmacKeyName =
  'pin-mac' | 'password-mac' | 'request-mac' | 'virtual-otp-mac' | 'offline-mac' | 'emergency-mac';
export type SignKeyName = 'offline-sign' | 'audit-sign';
export type SealKeyName = 'sensitive-data';

export interface ModuleStatus {
  readonly state: 'ready' | 'needs-pin' | 'failed' | 'closed';
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

/** An open module. The first block is the service's port, the second is for operators. */
export interface HsmModule {
  mac(jobs: readonly MacJob[], options: CallOptions): Promise<readonly MacResult[]>;
  hmac(
    key: HmacKeyName,
    messages: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<readonly Uint8Array[]>;
  sign(key: SignKeyName, message: Uint8Array, options: CallOptions): Promise<Uint8Array>;
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
  generateSeed(spec: SeedSpec, options: CallOptions): Promise<StoredSeed>;
  generatePairedSeed(
    spec: SeedSpec,
    recipientPublicKey: Uint8Array,
    options: CallOptions,
  ): Promise<PairedSeed>;
  importSeed(spec: SeedSpec, seed: Uint8Array, options: CallOptions): Promise<StoredSeed>;
  moveSeed(
    seed: SeedReference,
    known: KnownSeed,
    to: Residency,
    options: CallOptions,
  ): Promise<SeedMove>;
  destroySeed(seedId: string, options: CallOptions): Promise<void>;
  random(length: number, options: CallOptions): Promise<Uint8Array>;
  status(): ModuleStatus;
  close(): Promise<void>;

  /** SubjectPublicKeyInfo (DER) of a signing key, for those who check its signatures. */
  publicKey(key: SignKeyName, options: CallOptions): Promise<Uint8Array>;
  /** Hands over the PIN to a module that was opened without one. A refused PIN is tried once. */
  unlock(pin: string): Promise<void>;
  /** Session objects that hold unwrapped seeds just now; never more than `lruHandles`. */
  unwrappedSeeds(): number;
}

/**
 * Where the PIN comes from. Never an argument of a command: those are visible to every user of the
 * machine. An environment variable is read by the composition root and arrives here as a value.
 */
export type PinSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string; readonly value: string | undefined }
  | { readonly kind: 'provider'; readonly name: string; readonly provide: () => Promise<string> }
  /** No PIN yet: the module opens as `needs-pin` and waits for `unlock`. */
  | { readonly kind: 'later' };

/** How to reach one p11Token and log in to it. */
export interface ModuleAddress {
  /** RFC 7512, with `module-path`; exactly one p11Token must match. */
  readonly uri: string;
  /** Goes before the URI's `pin-source`. */
  readonly pinSource?: PinSource;
  /**
   * Remembers a refused PIN across restarts; default: beside the PIN file, `.refused` appended. Must
   * be writable: otherwise the PIN is not tried.
   */
  readonly refusedPinMarkerPath?: string;
}

export interface ModuleOptions extends ModuleAddress {
  readonly residency: Residency;
  /** Work sessions beside the one that holds the login; 1 to 64, default 4. */
  readonly maxSessions?: number;
  /** Unwrapped seeds kept as session objects; 1 to 100,000, default 4096. */
  readonly lruHandles?: number;
  /** Calls that may wait; more are refused as `unavailable`. Default 10,000. */
  readonly queueLimit?: number;
  /** The longest stretch of work without letting the event loop turn. Default 2. */
  readonly sliceMs?: number;
  /** Milliseconds that never run backwards; default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/** What `hsm init` found and did, by catalogue name. */
export interface InitialisedModule {
  readonly created: readonly string[];
  readonly present: readonly string[];
}

/** One object of the module as an operator sees it: never a value. */
export interface ListedObject {
  readonly objectClass: string;
  readonly label: string;
  /** Hex of CKA_ID. */
  readonly id: string;
  readonly keyType: string;
  /** Absent for objects that have no such attribute (public keys, certificates). */
  readonly sensitive?: boolean;
  readonly extractable?: boolean;
}

/** One p11Token that the library shows. */
export interface P11TokenInfo {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly slotId: number;
  readonly initialised: boolean;
}
