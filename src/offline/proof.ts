import { framed } from './bytes.ts';
import { isSigned, sha256 } from './keys.ts';

/** A request by which an agent shows that it has its private key. */
export interface ProvenRequest {
  /** '' while it enrols and has none. */
  readonly agentId: string;
  readonly method: string;
  /** Without host and query. */
  readonly path: string;
  /** The server's, of a moment ago. */
  readonly nonce: string;
  readonly body: Uint8Array;
}

/** What the agent signs (ECDSA P-256, SHA-256). */
export function proofMessage(request: ProvenRequest): Buffer {
  const { agentId, method, path, nonce, body } = request;
  return framed('ovp1/proof', agentId, method, path, nonce, sha256(body));
}

/** @throws OfflineError malformed for a public key that is none */
export function isProven(spki: Uint8Array, request: ProvenRequest, signature: Uint8Array): boolean {
  return isSigned(spki, proofMessage(request), signature);
}
