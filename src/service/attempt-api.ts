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
}

export interface AcceptedAnswer {
  readonly outcome: 'accepted';
  readonly userName: string;
  readonly domainName: string;
  readonly organisationalUnit: string | null;
  readonly serial: string;
  readonly applicationName: string;
  /** Whether the response came with a new server PIN, which is set now. */
  readonly pinChanged: boolean;
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

export type AuthenticateAnswer = AcceptedAnswer | RefusedAnswer;

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
