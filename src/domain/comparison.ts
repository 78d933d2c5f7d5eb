import { constantTimeEqualText, type Otp, parseTimeStep } from '../oath/index.ts';
import { decoyAuthenticator } from './application.ts';
import { type Candidate, candidateAt, entryOf, type Candidates, servingOf } from './candidate.ts';

/** What a plan asks of the module, and what the MACs are compared with. */
export interface ComparisonPlan {
  readonly candidates: Candidates;
  /**
   * What the MACs of an application are compared with: one response of a verification, as the
   * credential reads for that application, or the two of a synchronisation.
   */
  readonly responsesOf: (applicationId: string) => readonly Otp[];
  /**
   * Where the module may pause and a decision look: ascending. The last one is what a refusal
   * costs; from the end of the candidates up to there MACs are `decoyCandidate`'s.
   */
  readonly chunkEnds: readonly number[];
}

/** For plans that compare nothing. */
export const noResponses: ComparisonPlan['responsesOf'] = () => [];

/**
 * What a refusal is compared with beyond its own candidates, and an attempt on nobody from the
 * start: one of the most usual application, to be MACed with the decoy seed (SHA-1). Its mark says
 * nothing.
 */
export const decoyCandidate: Candidate = entryOf(
  servingOf([decoyAuthenticator], { challengeCheckMode: 0 }).map((serving) =>
    candidateAt(
      serving,
      { eventCounter: null, timeStep: parseTimeStep(0n), distance: 0 },
      null,
      null,
    ),
  ),
  0,
);

/**
 * Compares a MAC with every response that is to be compared, without an early exit.
 *
 * @returns the mark of the candidate: bit 0 when it shows the first response, bit 1 the second
 */
export function markOf(candidate: Candidate, mac: Uint8Array, responses: readonly Otp[]): number {
  const shown = candidate.read(mac);
  let mark = 0;
  for (const [index, response] of responses.entries()) {
    mark |= Number(constantTimeEqualText(shown, response)) << index;
  }
  return mark;
}
