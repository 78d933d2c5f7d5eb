import type { Message } from '../../src/service/ports.ts';

export const otpText = 'Your code is 493827';
export const secretWord = 'pass-Wort-§7';
export const secret: Uint8Array = Buffer.from(secretWord, 'utf8');

/** A message to Grace, with what a test says otherwise. */
export function messageWith(more: Partial<Message> = {}): Message {
  return { channel: 'email', to: 'grace@example.org', text: otpText, ...more };
}
