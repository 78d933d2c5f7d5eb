import type { Channel, GatewaySettings } from '../domain/gateway.ts';
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
