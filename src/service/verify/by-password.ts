import { isPasswordPermitted } from '../../domain/grace.ts';
import { refusedFor } from '../../domain/lock.ts';
import type { UserWithAuthenticators } from '../../domain/model.ts';
import { requestText } from '../../domain/requests.ts';
import { passwordExpiresAtMs } from '../../domain/static-password.ts';
import type { PasswordTape } from '../passwords/tape.ts';
import {
  type Examined,
  refusedAs,
  refusedUnseen,
  type RefusedVerdict,
  userSuccess,
  type Verdict,
} from '../verdicts.ts';
import { conclude } from './conclude.ts';
import type { Progress } from './progress.ts';

/**
 * Tries a text as a static password, once it was found to be no response.
 *
 * @param refused what was found before
 */
export async function verifyPassword<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  { authenticators }: UserWithAuthenticators,
  passwords: PasswordTape,
  refused: RefusedVerdict,
): Promise<Verdict<Success>> {
  const { request, nowMs } = progress;
  const { policy } = examined;
  const text = requestText(request.credential);
  if (text === null || text === '') return refused;
  const isPermitted = isPasswordPermitted(
    authenticators.map(({ authenticator }) => authenticator),
    policy.localAuthentication,
    nowMs,
    policy,
  );
  if (!isPermitted) {
    const isPassword = refused.refused.code === 'response-malformed' && passwords.hasJudge();
    return isPassword ? refusedAs(refused, 'password-not-permitted', examined) : refused;
  }
  if (!passwords.hasJudge()) {
    const hasNothing = refused.refused.code === 'authenticator-none';
    return hasNothing ? refusedAs(refused, 'password-none', examined) : refused;
  }
  if (!(await passwords.isRight(text))) return refused;
  return acceptPassword(progress, examined, passwords);
}

/** The static password was right and lets its user in, unless it is too old. */
export async function acceptPassword<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  passwords: PasswordTape,
): Promise<Verdict<Success>> {
  const { user, policy } = examined;
  const expiresAtMs = passwordExpiresAtMs(user.password, policy);
  if (expiresAtMs !== null && progress.nowMs >= expiresAtMs) {
    return refusedUnseen(examined, refusedFor('password-expired'));
  }
  return conclude(progress, examined, {
    by: 'password',
    serial: null,
    passwordExpiresAtMs: expiresAtMs,
    changes: {
      user: userSuccess(examined),
      authenticator: null,
      challengeIds: [],
      passwordVersion: passwords.rightVersion(),
    },
    facts: {},
  });
}
