import type { Channel, GatewaySettings } from '../domain/gateway.ts';
import type { KeyMode, OfflineEventMode } from '../domain/offline-settings.ts';
import type { AuditEntry } from './store.ts';

export type {
  Channel,
  FileSettings,
  GatewaySettings,
  HttpSettings,
  SmtpSettings,
} from '../domain/gateway.ts';

/**
 * The only source of time. A use case reads `nowMs` once and passes it down, retries included; only how
 * long something sent is good is counted from when it had gone.
 */
export interface Clock {
  /** Unix milliseconds, an integer. */
  nowMs(): number;
  /** Never runs backwards; for time-outs and durations only. */
  monotonicMs(): number;
}

/** The arithmetic of the audit chain; `src/audit` satisfies it, the committer calls it. */
export interface AuditChain {
  /** Canonical JSON of an entry: sorted members, no white space. */
  body(entry: AuditEntry): string;
  /** Hex of SHA-256 over instance, sequence, previous hash and body. */
  hash(instance: string, sequence: number, previousHash: string, body: string): string;
}

/** One message to one person. `text` holds a one-time password: it is in no log and no error. */
export interface Message {
  readonly channel: Channel;
  /** E-mail address, or telephone number in the form of E.164 with its plus sign. */
  readonly to: string;
  readonly text: string;
}

/**
 * Why a message was not taken. `refused`: the gateway said no; `unreachable`: no connection, or it broke;
 * `timeout`: no answer within the deadline; `contract`: the settings or the configuration of this
 * server do not allow it.
 */
export interface DeliveryFailure {
  readonly kind: 'refused' | 'unreachable' | 'timeout' | 'contract';
  /** For the operator: never the message, its recipient or the secret. */
  readonly detail: string;
}

/** Rejects with a `DeliveryFailure` (plain object) and never with a library's error. */
export interface Delivery {
  /**
   * Why nothing can leave by such settings as this server is configured, and what to do about it; null
   * when it can.
   */
  obstacleTo(settings: GatewaySettings): string | null;

  /**
   * Resolves once the gateway has taken the message over.
   *
   * @param secret of the gateway, opened; the caller overwrites it
   */
  send(
    settings: GatewaySettings,
    secret: Uint8Array | null,
    message: Message,
    options: { readonly deadlineMs: number },
  ): Promise<void>;
}

/** Whom a back end knows by a password. */
export interface BackEndAccount {
  readonly userName: string;
  readonly domainName: string;
}

/**
 * A directory or another server that knows passwords. Rejects with an error when it cannot be asked:
 * nobody is let in, and nobody is wrong.
 */
export interface BackEnd {
  /** Never asked with an empty password. */
  verify(account: BackEndAccount, password: string): Promise<'right' | 'wrong'>;
  /** `refused`: the old one was right, and the new one is not taken. */
  changePassword(
    account: BackEndAccount,
    password: string,
    newPassword: string,
  ): Promise<'changed' | 'wrong' | 'refused'>;
}

/** Makes trying passwords slow. Bounded: what waits too long, or too many at once, is `overloaded`. */
export interface PasswordHash {
  /** 32 bytes; the caller overwrites them. */
  derive(password: string, salt: Uint8Array): Promise<Uint8Array>;
}

/** What a package for logons without a server says of itself, see `src/offline`. */
export interface OfflineHeader {
  readonly v: number;
  readonly kid: string;
  readonly packageId: string;
  readonly agentId: string;
  readonly agentKeyId: string;
  readonly userId: string;
  readonly userName: string;
  readonly domainName: string;
  readonly serial: string;
  readonly applicationName: string;
  /** As `algorithmText` writes it. */
  readonly algorithm: string;
  readonly kind: 'time' | 'event' | 'challenge';
  readonly first: bigint;
  readonly count: number;
  readonly driftSeconds: number;
  readonly windowBackSteps: number;
  readonly windowForwardSteps: number;
  readonly lookAhead: number;
  readonly eventMode: OfflineEventMode | null;
  readonly sequence: number;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly eventsMax: number;
  readonly failuresMax: number;
  readonly warnDays: number;
  readonly warnEvents: number;
  readonly clockBackMaxSeconds: number;
  readonly keyMode: KeyMode;
  readonly tagBits: number;
  readonly pinMode: 'none' | 'server';
  readonly isPasswordRequired?: true | undefined;
  readonly kdf: {
    readonly algorithm: 'scrypt';
    readonly n: number;
    readonly r: number;
    readonly p: number;
    readonly salt: Buffer;
  };
  readonly policyHash: string;
  readonly emergency: readonly {
    readonly codeId: string;
    readonly kind: 'tokencode' | 'passcode';
    readonly isPinRequired: boolean;
    readonly notAfterMs: number;
    readonly usesMax: number;
  }[];
}

/** Fills a package entry by entry; holds secrets until `toSign`. */
export interface OfflineBuilder {
  add(response: string): void;
  toSign(): Uint8Array;
  finish(signature: Uint8Array): Uint8Array;
  /** Overwrites what is secret, when it comes to nothing. */
  discard(): void;
}

/** One record of an agent's log. */
export interface OfflineRecord {
  readonly n: number;
  readonly kind: string;
  readonly packageId: string | null;
  readonly index: bigint | null;
  readonly codeId: string | null;
  readonly atMs: number;
  readonly bootMs: number;
  readonly bootId: string;
}

export interface OfflineLine {
  readonly record: Buffer;
  readonly mac: Buffer;
}

/** Where a chain of lines stands. */
export interface OfflineLogHead {
  readonly n: number;
  readonly head: Buffer;
  /** Of the next line; the caller overwrites it. */
  readonly key: Buffer;
}

/** An agent's report, read. */
export interface OfflineReportDocument {
  readonly reportId: string;
  readonly agentId: string;
  readonly from: number;
  readonly headBefore: string;
  readonly lines: readonly OfflineLine[];
  readonly packages: readonly {
    readonly packageId: string;
    readonly state: 'installed' | 'locked' | 'wiped';
    readonly eventsUsed: number;
  }[];
  readonly clockMs: number;
  readonly bootMs: number;
  readonly bootId: string;
}

/** The server's answer to a report, before it is signed. */
export interface OfflineAcknowledgement {
  readonly kid: string;
  readonly agentId: string;
  readonly reportId: string;
  readonly agentState: 'active' | 'revoked';
  readonly through: number;
  readonly head: string;
  readonly serverTimeMs: number;
  readonly packageIds: readonly string[];
}

/** What an agent signs to show that it has its key. */
export interface OfflineProvenRequest {
  readonly agentId: string;
  readonly method: string;
  readonly path: string;
  readonly nonce: string;
  readonly body: Uint8Array;
}

/**
 * How server and workstation write to each other; `src/offline` satisfies it. What is read from outside
 * and is not of this format is thrown as an error named `OfflineError`, which says what is allowed.
 */
export interface OfflineFormat {
  /** Entries of one package at the most. */
  readonly entriesMax: number;
  /** Hex of the SHA-256 of a SubjectPublicKeyInfo; throws unless it is a P-256 key. */
  requireKey(spki: Uint8Array): string;
  isProven(spki: Uint8Array, request: OfflineProvenRequest, signature: Uint8Array): boolean;
  /** Messages whose HMACs under `offline-mac` are secrets of one use each. */
  nonceMessage(keyId: string, issuedAtMs: number, random: Uint8Array): Uint8Array;
  logKeyMessage(agentId: string): Uint8Array;
  shareMessage(agentId: string): Uint8Array;
  packageKeyMessage(about: {
    readonly packageId: string;
    readonly agentId: string;
    readonly serial: string;
    readonly applicationName: string;
    readonly sequence: number;
  }): Uint8Array;
  /** Seals for the holder of a key: `ovp1/log` or `ovp1/share` of that agent. */
  sealTo(spki: Uint8Array, use: 'log' | 'share', agentId: string, secret: Uint8Array): Uint8Array;
  /** Blocks of a package: each has a challenge of its own where challenges are answered. */
  blockRange(header: Pick<OfflineHeader, 'kind' | 'algorithm' | 'first' | 'count'>): {
    readonly first: number;
    readonly last: number;
  };
  /** The block of an index. */
  blocksOf(header: Pick<OfflineHeader, 'kind' | 'algorithm'>): (index: bigint) => number;
  newSalt(): Buffer;
  /** The builder overwrites the key. */
  buildPackage(
    header: OfflineHeader,
    secrets: { readonly challenges: readonly string[]; readonly emergencyCodes: readonly string[] },
    packageKey: Uint8Array,
    spki: Uint8Array,
  ): OfflineBuilder;
  readReport(bytes: Uint8Array): OfflineReportDocument;
  /** The key so many lines later. */
  advanceLogKey(key: Uint8Array, lines: number): Buffer;
  /** Null: not the next line of this chain. */
  readRecord(
    log: OfflineLogHead,
    line: OfflineLine,
  ): { readonly record: OfflineRecord; readonly log: OfflineLogHead } | null;
  writeAcknowledgement(acknowledgement: OfflineAcknowledgement): Uint8Array;
  /** What is signed of it. */
  acknowledgementMessage(payload: Uint8Array): Uint8Array;
}
