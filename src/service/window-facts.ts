import { floorOf } from '../domain/application.ts';
import { servingOf } from '../domain/candidate.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import type { VerificationInput, VerificationPlan } from '../domain/verification.ts';
import { timeWindowOf } from '../domain/window.ts';
import type { Facts } from './attempt.ts';

/**
 * Where a refused response was looked for, for whoever has to explain it: the first application that
 * took part, and how many did.
 */
export function windowFacts(
  { candidates }: Pick<VerificationPlan, 'candidates'>,
  { candidatesFrom }: VerificationInput,
  nowMs: number,
  policy: EffectivePolicy,
): Facts {
  const wanted = new Set(candidates.map(({ applicationId }) => applicationId));
  const [first] = servingOf(candidatesFrom, policy, ({ id }) => wanted.has(id));
  if (first === undefined) return {};
  const { application, authenticator, sequence } = first;
  const { stepping, hasCounter } = sequence;
  return {
    serial: authenticator.serial,
    application: application.name,
    applications: wanted.size,
    ...(hasCounter
      ? {
          nextEventCounter: String(application.nextEventCounter),
          eventWindowSteps: policy.eventWindowSteps,
        }
      : {}),
    ...(stepping === null
      ? {}
      : {
          ...timeFacts(timeWindowOf(application, stepping, nowMs, policy)),
          timeStepSeconds: stepping.timeStepSeconds,
          driftSeconds: application.driftSeconds,
          lowestStep: String(floorOf(application, sequence).lowestStep),
        }),
  };
}

function timeFacts({ kind, centres }: ReturnType<typeof timeWindowOf>): Facts {
  const [{ step, halfWidthSteps }] = centres;
  return {
    expectedStep: String(step),
    windowKind: kind,
    windowHalfWidthSteps: halfWidthSteps,
    windowCentres: centres.length,
  };
}
