import type { RefusalCode } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import type { RefusedAnswer, ToldCode } from './api.ts';

/** What was attempted: the same refusal may have to look like different ones. */
export type AttemptAction =
  | 'authenticate'
  | 'logon'
  | 'synchronise'
  | 'verify-signature'
  | 'issue-challenge'
  | 'change-password'
  | 'change-back-end-password';

/**
 * Refusals that say something only to those who had it right: the PIN and the response, or a response
 * that was accepted once. Generic answers hide what others could learn from, which is none of these.
 */
const toldAlways: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'response-replayed',
  'sync-replayed',
  'emergency-in-force',
  'host-code-none',
  'pin-change-required',
  'pin-change-not-allowed',
  'pin-not-supported',
  'pin-confirmation-mismatch',
  'pin-too-short',
  'pin-too-long',
  'pin-malformed',
  'pin-weak',
  'pin-unchanged',
  'password-expired',
  'back-end-none',
  'back-end-refused',
  'password-too-young',
  'password-confirmation-mismatch',
  'password-too-short',
  'password-too-long',
  'password-malformed',
  'password-too-simple',
  'password-user-name-based',
  'password-repeated',
  'administrator-none',
  'sessions-too-many',
]);

/** What may be told of a refusal; the audit has the code itself. */
export function toldRefusal(
  code: RefusalCode,
  action: AttemptAction,
  policy: EffectivePolicy | null,
): RefusedAnswer {
  return { outcome: 'refused', code: isHidden(code, policy) ? 'refused' : plainly(code, action) };
}

function isHidden(code: RefusalCode, policy: EffectivePolicy | null): boolean {
  return policy?.genericAnswers === true && !toldAlways.has(code);
}

function plainly(code: RefusalCode, action: AttemptAction): ToldCode {
  if (code !== 'pin-incorrect') return code;
  return action === 'synchronise' ? 'sync-incorrect' : 'response-incorrect';
}
