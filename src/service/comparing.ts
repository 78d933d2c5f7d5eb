import { refusedFor } from '../domain/lock.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import {
  decideVerification,
  type VerificationDecision,
  type VerificationInput,
  type VerificationPlan,
} from '../domain/verification.ts';
import { TallystickError } from '../errors.ts';
import type { MacTape } from './mac-tape.ts';
import type { Compared } from './verdicts.ts';

/** What comparing a response came to; a refusal may have been cut short. */
export interface Comparison {
  readonly decision: Exclude<VerificationDecision, { kind: 'undecided' }>;
  readonly interruption: TallystickError | null;
}

/**
 * MACs chunk by chunk; an acceptance stops after its chunk, a refusal pays for the whole plan. When
 * the module fails after a chunk that decided nothing, the response was found wrong there: that
 * refuses it, or whoever makes the module fail could guess for nothing.
 *
 * @throws TallystickError when the module failed before anything was compared
 */
export async function compare(
  plan: VerificationPlan,
  tape: MacTape,
  wrongPins: ReadonlySet<string>,
  input: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): Promise<Comparison> {
  let decision: VerificationDecision = { kind: 'undecided' };
  try {
    if (tape.marks().length === 0) await tape.extend();
    for (;;) {
      const { candidatesFrom } = input;
      const marks = tape.marks();
      decision = decideVerification(plan, marks, wrongPins, candidatesFrom, input, nowMs, policy);
      if (decision.kind === 'refused') await tape.complete();
      if (decision.kind !== 'undecided') return { decision, interruption: null };
      await tape.extend();
    }
  } catch (error) {
    if (!tape.hasMac()) throw error;
    const refused = decision.kind === 'refused' ? decision : incorrect;
    return { decision: refused, interruption: faultOf(error) };
  }
}

/** The applications of a plan, with what is to be remembered on each: nothing, unless noted. */
export function applicationsOf(
  { candidates }: Pick<VerificationPlan, 'candidates'>,
  notes: readonly { readonly applicationId: string; readonly pendingSync: string | null }[] = [],
): Compared['applications'] {
  const pending = new Map(notes.map((note) => [note.applicationId, note.pendingSync]));
  const epochs = new Map(candidates.map(({ applicationId, epoch }) => [applicationId, epoch]));
  return [...epochs].map(([applicationId, epoch]) => ({
    applicationId,
    epoch,
    pendingSync: pending.get(applicationId) ?? null,
  }));
}

/** What is to be thrown later; a defect of ours must not undo the count either. */
export function faultOf(error: unknown): TallystickError {
  if (error instanceof TallystickError) return error;
  return new TallystickError('internal', 'The comparison failed.', { cause: error });
}

const incorrect = { kind: 'refused', refused: refusedFor('response-incorrect') } as const;
