/**
 * The ways by which one-time passwords leave: records that an administrator makes, tried in their
 * order. What is secret of one is sealed by the module and is not among its settings.
 */

/** How a person is reached: by his e-mail address, his mobile number or his telephone number. */
export type Channel = 'email' | 'sms' | 'voice';

export const channels: readonly Channel[] = ['email', 'sms', 'voice'];

/** A mail server, RFC 5321 and RFC 3207. The secret is the password of `userName`. */
export interface SmtpSettings {
  readonly kind: 'smtp';
  readonly host: string;
  readonly port: number;
  /** `none` only to loopback: the message is a one-time password. */
  readonly security: 'tls' | 'starttls' | 'none';
  /** Null: without authentication. */
  readonly userName: string | null;
  readonly from: string;
  readonly subject: string;
}

/** What a body is, which says how values are written into it. */
export type HttpContent = 'json' | 'form' | 'text';

/**
 * A web service. `{to}`, `{text}` and `{secret}` stand for the recipient, the message and the secret,
 * in the body and, but for the message, in headers. Answers other than 2xx are refusals.
 */
export interface HttpSettings {
  readonly kind: 'http';
  /** https, or http to loopback. */
  readonly url: string;
  readonly content: HttpContent;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Lines of JSON at the end of a file in the folder that the server's configuration names. */
export interface FileSettings {
  readonly kind: 'file';
  /** A plain name: the administrator of records does not choose where on the server files are. */
  readonly fileName: string;
}

export type GatewaySettings = SmtpSettings | HttpSettings | FileSettings;

export interface Gateway {
  readonly id: string;
  readonly name: string;
  readonly channel: Channel;
  /** Those of a channel are tried from the lowest. */
  readonly position: number;
  readonly settings: GatewaySettings;
  /** Sealed under `sensitive-data`; null where there is none. */
  readonly sealedSecret: Uint8Array | null;
  readonly isDisabled: boolean;
  readonly version: number;
}
