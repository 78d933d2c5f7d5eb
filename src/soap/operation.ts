import type { Interface } from './namespaces.ts';
import type { ResultCodes } from './codes.ts';
import type { ChallengeIssuedProfile, FailureCode, OperationName } from './result-codes.ts';
import type { Caller, OfflineAdministration, Service, Sessions } from '../service/api.ts';
import type { XmlElement, XmlNode } from '../xml.ts';

/** The use cases behind this edge. */
export type SoapService = Sessions &
  Pick<
    Service,
    | 'keylessCaller'
    | 'authenticate'
    | 'issueChallenge'
    | 'synchronise'
    | 'verifySignature'
    | 'changePassword'
    | 'changeBackEndPassword'
  > & {
    readonly administration: Pick<OfflineAdministration, 'offlineOfUser' | 'revokeOfflineOfUser'>;
  };

/** One request: who asks, and whom the operations ask. */
export interface Call {
  readonly service: SoapService;
  readonly challengeIssuedProfile: ChallengeIssuedProfile;
  readonly productVersion: string;
  readonly peerAddress: string;
  readonly requestId: string;
  /** The caller that a component type makes of the peer; noted for the log. */
  readonly callerFor: (componentType: string) => Caller;
  /** The caller that an administrator is who has signed in, or null; noted for the log. */
  readonly callerOfSession: (sessionId: string) => Promise<Caller | null>;
}

/** What goes into the response element, and our own word for it. */
export interface Reply {
  readonly outcome: string;
  readonly content: readonly XmlNode[];
}

/** A request whose shape was read. */
export interface Begun {
  /** Judges the fields and asks the use case. Throws what the use case throws. */
  readonly answer: (call: Call) => Promise<Reply>;
  /** The same response for a request that failed otherwise. */
  readonly fail: (outcome: string, codes: ResultCodes) => Reply;
  /** attributeIDs that mean nothing here. */
  readonly ignored: readonly string[];
}

export interface Operation {
  readonly interface: Interface;
  readonly name: OperationName;
  /** @throws TallystickError `request-malformed` for a shape that the operation cannot have */
  readonly begin: (element: XmlElement) => Begun;
}

/** A failure of a known code, or of one field. */
export interface Failure {
  readonly code: FailureCode;
  /** In place of the table's text. */
  readonly text?: string;
  /** What was asked for, as a sentence behind the text. */
  readonly rule?: string | undefined;
}
