import type { Expected, Outcome } from './facts.ts';
import type { Position, Sequence } from './responder.ts';

/** What a verifier makes of an attempt, in one word. */
export type Verdict = 'accept' | 'accept-with-resync' | 'reject' | 'replay' | 'locked';

/** A verdict, and why it is not simply yes; empty for `accept`. */
export interface Prediction {
  readonly verdict: Verdict;
  readonly reason: string;
}

const verdicts: Readonly<Record<Outcome, Verdict>> = {
  accepted: 'accept',
  synchronised: 'accept-with-resync',
  'response-incorrect': 'reject',
  'response-malformed': 'reject',
  'response-replayed': 'replay',
  'sync-incorrect': 'reject',
  'sync-ambiguous': 'reject',
  'sync-replayed': 'replay',
  'sync-backwards': 'reject',
  'challenge-required': 'reject',
  'challenge-not-permitted': 'reject',
  'user-locked': 'locked',
  'application-locked': 'locked',
};

/**
 * The verdict on an attempt.
 *
 * @param truth where the device stood when it showed the response; null for one that it did not show
 */
export function predictionOf(
  sequence: Sequence,
  { outcome, facts }: Expected,
  truth: Position | null,
): Prediction {
  const verdict = verdicts[outcome];
  if (outcome === 'response-incorrect') return { verdict, reason: whereTo(sequence, facts, truth) };
  if (outcome === 'synchronised') return { verdict, reason: 'two-responses' };
  if (outcome !== 'accepted') return { verdict, reason: outcome };
  return facts['secondOtpSync'] === true
    ? { verdict: 'accept-with-resync', reason: 'second-otp' }
    : { verdict, reason: '' };
}

/** Which window a right response missed; a wrong one is only wrong. */
function whereTo(sequence: Sequence, facts: Expected['facts'], truth: Position | null): string {
  if (truth === null) return 'response-incorrect';
  if (sequence.hasCounter && truth.counter !== null) {
    const next = Number(facts['nextEventCounter']);
    if (truth.counter >= next + Number(facts['eventWindowSteps'])) return 'outside-event-window';
    // The look-back of replays has its end: an old response is then as good as none.
    if (truth.counter < next) return 'outside-event-window';
  }
  if (sequence.hasClock && truth.step !== null) return 'outside-time-window';
  return 'response-incorrect';
}
