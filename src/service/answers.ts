import { createHash } from 'node:crypto';
import { TallystickError } from '../errors.ts';
import type { Caller } from './api.ts';
import type { Context } from './deps.ts';
import { fromModule } from './module-calls.ts';
import { invalidMember } from './problems.ts';
import type { StoredAnswer } from './store.ts';

const requestKeyPattern = /^[\x21-\x7e]{1,128}$/;

/** The answer under one request key: found, or about to be stored with the decision. */
export interface AnswerSlot<Answer> {
  /**
   * The answer given before, or null; null at once without a request key.
   *
   * @throws TallystickError `request-key-reused` when it answered another request
   */
  find(): Promise<Answer | null> | null;
  /** What the decision's transaction stores; null without a request key. */
  toStore(answer: Answer): StoredAnswer | null;
}

/** How an answer becomes JSON text and comes back. */
export interface AnswerCodec<Answer> {
  encode(answer: Answer): string;
  decode(text: string): Answer;
}

/** Answers that JSON holds as they are. */
export function plainCodec<Answer>(): AnswerCodec<Answer> {
  return {
    encode: (answer) => JSON.stringify(answer),
    // Only this server writes these rows, by `encode`.
    decode: (text) => JSON.parse(text) as Answer,
  };
}

/**
 * Opens the slot of a request key. The stored fingerprint is an HMAC in the module over a digest of
 * the whole request, so that a reader of the database can't try responses against it.
 *
 * @param parts everything that makes the request what it is, in a fixed order
 * @throws TallystickError `request-invalid` for a malformed key
 */
export async function openAnswerSlot<Answer>(
  context: Context,
  call: { readonly caller: Caller; readonly nowMs: number; readonly operation: string },
  request: { readonly requestKey: string | null; readonly parts: readonly (string | null)[] },
  codec: AnswerCodec<Answer>,
): Promise<AnswerSlot<Answer>> {
  const { requestKey } = request;
  if (requestKey === null) return { find: () => null, toStore: () => null };
  if (!requestKeyPattern.test(requestKey)) {
    throw invalidMember('requestKey', 'must be 1 to 128 visible ASCII characters');
  }
  const { caller, nowMs } = call;
  const { keyId } = caller;
  if (keyId === null) throw invalidMember('requestKey', 'needs an API key, to which it belongs');
  const fingerprint = await fingerprintOf(context, [call.operation, ...request.parts]);
  return {
    async find() {
      const stored = await context.store.findAnswer(keyId, requestKey, nowMs);
      if (stored === null) return null;
      if (stored.fingerprint === fingerprint) return codec.decode(stored.answer);
      throw new TallystickError(
        'request-key-reused',
        'This request key was used for another request.',
      );
    },
    toStore: (answer) => ({
      clientId: keyId,
      requestKey,
      fingerprint,
      answer: codec.encode(answer),
      expiresAtMs: nowMs + context.limits.answerLifetimeMs,
    }),
  };
}

async function fingerprintOf(context: Context, parts: readonly (string | null)[]): Promise<string> {
  const text = Buffer.from(JSON.stringify(parts));
  // A module takes messages of a few kilobytes; a request may be longer.
  const message = createHash('sha256').update(text).digest();
  text.fill(0);
  try {
    const [mac] = await fromModule(context.module.hmac('request-mac', [message], context.logon));
    if (mac === undefined) {
      throw new TallystickError('module-contract', 'The security module gave no HMAC.');
    }
    return Buffer.from(mac).toString('hex');
  } finally {
    message.fill(0);
  }
}
