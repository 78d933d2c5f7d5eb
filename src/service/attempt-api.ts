import type { PresentedCredential } from '../domain/credential.ts';
import type { AdministratorRole } from '../domain/model.ts';
import type { RefusalCode } from '../domain/outcomes.ts';

/** What people ask who show responses, and what they are answered. */

/** A repeat with the same key and body gets the same answer; with another body it is refused. */
export interface RequestKey {
  /** 1 to 128 visible ASCII characters, scoped to the calling key. */
  readonly requestKey: string | null;
}

export interface AuthenticateRequest extends RequestKey {
  readonly userName: string;
  /** Default: the domain that the key is bound to, else the one named `master`. */
  readonly domainName: string | null;
  readonly credential: PresentedCredential;
  readonly challenge: string | null;
  /** `IssuedChallenge.handle` in place of the challenge's text; not both. */
  readonly challengeKey: string | null;
  /** Narrow the search to one authenticator or application. */
  readonly serial: string | null;
  readonly applicationName: string | null;
  /** Whether the answer is to hold what shows the user that the host accepted him; default none. */
  readonly hostCode?: HostCodeWish | undefined;
}

/** `required`: nobody is accepted whose device has no host code. */
export type HostCodeWish = 'none' | 'optional' | 'required';

export interface AcceptedAnswer {
  readonly outcome: 'accepted';
  readonly userName: string;
  readonly domainName: string;
  readonly organisationalUnit: string | null;
  /** What was shown: a device's response, what was sent, a static password, or an emergency code. */
  readonly by: 'response' | 'virtual-otp' | 'password' | 'emergency';
  /** Null where a static password was enough. */
  readonly serial: string | null;
  /** Null where no application had part in it. */
  readonly applicationName: string | null;
  /** Whether the response came with a new server PIN, which is set now. */
  readonly pinChanged: boolean;
  /** Of a static password that was enough; null when it never ages. */
  readonly passwordExpiresAtMs: number | null;
  /** By `emu-host-1`, where it was asked for; the user compares it with what his device shows. */
  readonly hostCode?: string;
}

/** Nobody is verified yet: the person was given something to answer. */
export interface IssuedAnswer {
  readonly outcome: 'challenge-issued';
  /** A challenge for a device, or a one-time password that is on its way. */
  readonly kind: 'challenge' | 'virtual-otp';
  /** Null for what is sent. */
  readonly challenge: string | null;
  /** `Issued.handle`. */
  readonly challengeKey: string;
  /** What the person is to be asked for, as the policy says. */
  readonly message: string;
  readonly expiresAtMs: number;
}

/**
 * What may be told of a refusal. Of a wrong PIN nothing but what is told of a wrong response; with
 * generic answers `refused`, except where PIN and response were right or the response was once.
 */
export type ToldCode = Exclude<RefusalCode, 'pin-incorrect'> | 'refused';

export interface RefusedAnswer {
  readonly outcome: 'refused';
  readonly code: ToldCode;
}

export type AuthenticateAnswer = AcceptedAnswer | IssuedAnswer | RefusedAnswer;

/** A person changes his static password, or the one that the back end knows. */
export interface PasswordChangeRequest {
  readonly userName: string;
  readonly domainName: string | null;
  readonly password: string;
  readonly newPassword: string;
  /** The new one again. */
  readonly confirmation: string;
}

export type PasswordChangeAnswer =
  | {
      readonly outcome: 'password-changed';
      readonly userName: string;
      readonly domainName: string;
      readonly organisationalUnit: string | null;
    }
  | PasswordRefusedAnswer;

export interface PasswordRefusedAnswer extends RefusedAnswer {
  /** What the policy asks of a new password, as a sentence; only for whoever knew the old one. */
  readonly rule?: string;
}

export interface ChallengeRequest extends RequestKey {
  /** Null asks for a general challenge, for whichever user of the component answers it first. */
  readonly userName: string | null;
  readonly domainName: string | null;
  readonly serial: string | null;
  readonly applicationName: string | null;
}

/** Unknown users get a challenge that looks like any other. */
export type ChallengeAnswer =
  | {
      readonly outcome: 'challenge-issued';
      readonly challenge: string;
      /** `IssuedChallenge.handle`. */
      readonly challengeKey: string;
      readonly expiresAtMs: number;
    }
  | RefusedAnswer;

export interface SynchroniseRequest extends RequestKey {
  readonly userName: string;
  readonly domainName: string | null;
  /** May be left out when the user has exactly one authenticator. */
  readonly serial: string | null;
  /** The server PIN, if the authenticator has one. */
  readonly pin: string | null;
  readonly first: { readonly response: string; readonly challenge: string | null };
  readonly second: { readonly response: string; readonly challenge: string | null };
}

export type SynchroniseAnswer =
  | {
      readonly outcome: 'synchronised';
      readonly userName: string;
      readonly domainName: string;
      readonly organisationalUnit: string | null;
      readonly serial: string;
      readonly applicationName: string;
      /** What was learned, for administrators and helpdesk; null for others. */
      readonly learned: {
        readonly driftSeconds: number | null;
        readonly nextEventCounter: bigint | null;
        readonly followers: readonly string[];
      } | null;
    }
  | RefusedAnswer;

/** A signature over data fields, as a device with an application for it shows it (`emu-sign-1`). */
export interface SignatureRequest extends RequestKey {
  readonly userName: string;
  readonly domainName: string | null;
  readonly signature: string;
  /** 1 to 8 in the order in which the device asks for them; capitals and small letters are alike. */
  readonly fields: readonly string[];
  /** Narrow the search to one authenticator or application. */
  readonly serial: string | null;
  readonly applicationName: string | null;
  /** As `AuthenticateRequest.hostCode`. */
  readonly hostCode?: HostCodeWish | undefined;
}

export type SignatureAnswer =
  | {
      readonly outcome: 'signature-accepted';
      readonly userName: string;
      readonly domainName: string;
      readonly organisationalUnit: string | null;
      readonly serial: string;
      readonly applicationName: string;
      /** As `AcceptedAnswer.hostCode`. */
      readonly hostCode?: string;
    }
  | RefusedAnswer;

/** An administrator signs in: as `authenticate`, under the policy of the caller's component. */
export interface LogonRequest {
  readonly userName: string;
  readonly domainName: string | null;
  readonly credential: PresentedCredential;
}

export interface SessionView {
  readonly userName: string;
  readonly domainName: string;
  readonly role: AdministratorRole;
  readonly peerAddress: string;
  readonly createdAtMs: number;
  /** When it ends however much it is used. */
  readonly expiresAtMs: number;
}

export type LogonAnswer =
  | {
      readonly outcome: 'signed-in';
      /** 256 random bits as base64url: in this answer and nowhere else. */
      readonly sessionId: string;
      readonly session: SessionView;
      /** The success before this one. */
      readonly lastLogonAtMs: number | null;
    }
  | RefusedAnswer;

/** Null: no such session, ended, idle for too long, or another address. */
export type SessionAnswer = SessionView | null;
