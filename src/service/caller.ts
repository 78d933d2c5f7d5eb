import type { Role } from '../domain/model.ts';

/** Who calls, established by the edge from the API key and the connection. */
export interface Caller {
  /** Null: a program that shows no key and is known by its component type and address alone. */
  readonly keyId: string | null;
  readonly keyName: string;
  readonly role: Role;
  readonly componentType: string;
  /** The only domain that the key may touch, or null for all. */
  readonly domainId: string | null;
  /** The TCP peer's address, never a header's. */
  readonly peerAddress: string;
  readonly requestId: string;
}
