import type { IncomingMessage } from 'node:http';
import type { AgentProof } from '../service/api.ts';
import { decodeBase64 } from './encoding.ts';

/** What of a request its workstation has signed. The use case says what is missing. */
export function readProof(
  request: IncomingMessage & { readonly path: string },
  body: Uint8Array,
): AgentProof {
  const given = (name: string): string | null => {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const signature = given('tallystick-proof');
  return {
    agentId: given('tallystick-agent'),
    nonce: given('tallystick-nonce'),
    signature: signature === null ? null : (decodeBase64(signature, 'base64url') ?? null),
    method: request.method ?? '',
    path: request.path,
    body,
  };
}
