import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers with an error in the words of an edge, and notes the outcome. */
export type AnswerError = (
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
) => void;

/** What the listener notes about one request, for its log line. */
export interface RequestContext {
  readonly requestId: string;
  readonly startedAtMonotonicMs: number;
  /** The route's pattern, never the path, which may name a user or a serial. */
  route: string;
  /** Outcome or error code. */
  outcome: string;
  /** Who asks, once that is known: the name of the key, what it says it is, and the TCP peer. */
  caller?: {
    readonly keyName: string;
    readonly componentType: string;
    readonly peerAddress: string;
  };
  /** Absent: a problem document. The operator's log is written before, whoever answers. */
  answerError?: AnswerError | undefined;
}

/** A request that was answered with an error the operator has to know more of. */
export interface FailureLine {
  readonly requestId: string;
  readonly route: string;
  /** Null when the caller had not been identified. */
  readonly keyName: string | null;
  readonly peerAddress: string | null;
}

/** One log line per request: nothing of its body, headers or path. */
export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly outcome: string;
  readonly durationMs: number;
  /** Whom no component lets in, so that one can be made for him. */
  readonly caller?: {
    readonly keyName: string;
    readonly componentType: string;
    readonly peerAddress: string;
  };
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();

export function beginContext(request: IncomingMessage, context: RequestContext): void {
  contexts.set(request, context);
}

/** @throws Error when the request did not come through the listener: a programming error */
export function contextOf(request: IncomingMessage): RequestContext {
  const context = contexts.get(request);
  if (context === undefined) throw new Error('the request has no context');
  return context;
}
