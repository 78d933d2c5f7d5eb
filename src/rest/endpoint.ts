import type { JsonValue } from '../http/index.ts';
import type { AgentProof, Caller, RefusedAnswer, Service } from '../service/api.ts';

/** One request as an endpoint sees it: read, limited and attributed, but not yet understood. */
export interface Call {
  readonly service: Service;
  readonly caller: Caller;
  /** Decoded parameters of the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Partial<Record<string, string>>>;
  /** Undefined when there was none. */
  readonly body: JsonValue | undefined;
  /** By what a workstation shows who it is; of endpoints with `isProven`. Overwritten after the call. */
  readonly proof: AgentProof;
  readonly requestKey: string | null;
  /** The version in If-Match, or null. */
  readonly ifMatch: number | null;
}

export type Reply =
  | {
      readonly status: 200 | 201 | 202;
      readonly outcome: string;
      readonly body: object;
      /** Becomes the ETag. */
      readonly version?: number;
      readonly location?: string;
    }
  | { readonly status: 200; readonly outcome: string; readonly bytes: Uint8Array }
  | { readonly status: 204; readonly outcome: string }
  | {
      readonly status: 403;
      readonly code: RefusedAnswer['code'];
      /** What was asked for, as a sentence behind that of the code. */
      readonly rule?: string | undefined;
    };

export interface Endpoint {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Express pattern, e.g. `/v1/users/:user`. */
  readonly path: string;
  /** Names of the query parameters it takes. */
  readonly query?: readonly string[];
  /** `bytes`: it reads them itself, from `Call.proof`. */
  readonly body?: 'required' | 'optional' | 'bytes';
  /** Whether the headers of a workstation's proof are read. */
  readonly isProven?: boolean;
  /** Whether it understands Idempotency-Key; elsewhere the header is refused, not ignored. */
  readonly takesRequestKey?: boolean;
  readonly takesIfMatch?: boolean;
  readonly run: (call: Call) => Promise<Reply>;
}

/** A reply with one record. */
export function one(body: object, version?: number): Reply {
  return version === undefined
    ? { status: 200, outcome: 'done', body }
    : { status: 200, outcome: 'done', body, version };
}

/** A reply to a creation. */
export function created(body: object, version?: number): Reply {
  return { ...one(body, version), status: 201 } as Reply;
}

/** A reply with nothing to say. */
export const done: Reply = { status: 204, outcome: 'done' };

/** A list that is complete. */
export function all(items: readonly object[]): Reply {
  return one({ items, next: null });
}

/** A page of a list; `next` continues it. A full page may be followed by an empty one. */
export function page<Item extends object>(
  items: readonly Item[],
  limit: number,
  after: (item: Item) => string,
): Reply {
  const last = items.at(-1);
  return one({ items, next: items.length < limit || last === undefined ? null : after(last) });
}
