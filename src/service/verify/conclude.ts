import { refusedFor } from '../../domain/lock.ts';
import type { RefusalCode } from '../../domain/outcomes.ts';
import type { AcceptedAnswer } from '../api.ts';
import { type Facts, organisationalUnitOf } from '../attempt.ts';
import {
  type Examined,
  nothingElse,
  refusedProven,
  type SuccessChanges,
  type Verdict,
} from '../verdicts.ts';
import type { Progress } from './progress.ts';

/** What let a person in, other than a device's response, and what it uses up. */
export interface Shown {
  readonly by: Exclude<AcceptedAnswer['by'], 'response'>;
  readonly serial: string | null;
  readonly passwordExpiresAtMs: number | null;
  readonly changes: Pick<
    SuccessChanges,
    'user' | 'authenticator' | 'challengeIds' | 'passwordVersion'
  > &
    Partial<Pick<SuccessChanges, 'emergencyUse'>>;
  /** Why he is not let in though it was right: it is used up all the same. */
  readonly refusedAs?: RefusalCode | null;
  readonly facts: Facts;
}

/** Ends as the purpose says, once everything else was right. */
export async function conclude<Success extends { readonly outcome: string }>(
  { context, purpose, request, nowMs }: Progress<Success>,
  examined: Examined,
  shown: Shown,
): Promise<Verdict<Success>> {
  const { user, domainName, account } = examined;
  const facts: Facts = { by: shown.by, ...shown.facts };
  if (account.state === 'auto-unlock') facts['unlocked'] = true;
  const changes: SuccessChanges = {
    ...nothingElse,
    ...shown.changes,
    advance: null,
    followers: [],
  };
  // Nothing but a device can show its user what the host has to say.
  const missing = request.hostCode === 'required' ? 'host-code-none' : null;
  const code = shown.refusedAs ?? missing;
  if (code !== null) return refusedProven(refusedFor(code), changes, facts);
  const finished = await purpose.finish(
    {
      outcome: 'accepted',
      userName: user.userName,
      domainName,
      organisationalUnit:
        user.organisationalUnitId === null ? null : await organisationalUnitOf(context, user),
      by: shown.by,
      serial: shown.serial,
      applicationName: null,
      pinChanged: false,
      passwordExpiresAtMs: shown.passwordExpiresAtMs,
    },
    examined,
    nowMs,
    null,
  );
  if (finished.kind === 'refused') {
    return refusedProven(refusedFor(finished.code), changes, facts);
  }
  const { answer, openSession } = finished;
  return { kind: 'success', answer, changes: { ...changes, openSession }, facts };
}
