import { isOutlived } from '../../domain/challenge.ts';
import { eligibleAuthenticators, isServing } from '../../domain/eligible.ts';
import type {
  Application,
  AuthenticatorWithApplications,
  IssuedOtp,
  UserWithAuthenticators,
} from '../../domain/model.ts';
import type { RefusalCode } from '../../domain/outcomes.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { asksForPassword, cutOtp, type OtpReading } from '../../domain/requests.ts';
import { hasPin, mustChange, planPins } from '../../domain/server-pin.ts';
import { constantTimeEqualText } from '../../oath/index.ts';
import type { AuthenticateRequest } from '../api.ts';
import { isRightBesideDevices, type PasswordTape } from '../passwords/tape.ts';
import { createPinTape } from '../pins.ts';
import { otpMacOf } from '../two-step/issue.ts';
import { type Examined, successChanges, type Verdict } from '../verdicts.ts';
import { conclude } from './conclude.ts';
import type { Progress } from './progress.ts';

/** What a one-time password that was sent came to. */
export type OtpJudgement<Success> =
  | { readonly kind: 'verdict'; readonly verdict: Verdict<Success> }
  /** Compared, and wrong. */
  | { readonly kind: 'missed'; readonly code: RefusalCode }
  /** Not compared: it can't be one, or may not be answered. */
  | { readonly kind: 'unread'; readonly code: RefusalCode };

/** The one-time password that is answered. */
interface GivenOtp {
  readonly issued: IssuedOtp;
  /** The answer names it, so that it is known who asked. */
  readonly isByKey: boolean;
}

/** How the answer reads where a PIN is asked for, or not. */
interface Reading {
  readonly reading: OtpReading;
  /** Whose PIN has to be right; null where none is asked for. */
  readonly application: Application | null;
}

/**
 * Compares what was shown with the one-time password that was sent. Everything it may have to hold
 * (password, server PIN) is looked at before anything is told.
 */
export async function verifyOtp<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  passwords: PasswordTape,
  { issued, isByKey }: GivenOtp,
): Promise<OtpJudgement<Success>> {
  const { request, nowMs, context } = progress;
  if (nowMs >= issued.expiresAtMs) return { kind: 'unread', code: 'challenge-expired' };
  const owner = ownerNow(issued, found, request, nowMs, examined.policy);
  if (owner === null) return { kind: 'unread', code: 'authenticator-not-permitted' };
  const isOwnerEdited = owner.authenticator.version !== issued.authenticatorVersion;
  if (isOwnerEdited || isOutlived(issued, examined.user)) {
    return { kind: 'unread', code: 'challenge-superseded' };
  }
  const readings = readingsOf(progress, { issued, isByKey }, owner);
  const [first] = readings;
  if (first === undefined) return { kind: 'unread', code: 'response-incorrect' };
  const isPasswordAsked = asksForPassword(issued, isByKey);
  const wrongPins = await wrongPinsOf(progress, readings);
  const mac = await otpMacOf(context, issued.id, first.reading.otp);
  const isOtpRight = constantTimeEqualText(mac, issued.otpMac);
  const isRight = (password: string): Promise<boolean> =>
    isRightBesideDevices(passwords, password, request.credential, found);
  const isAllElse = await isRestRight(readings, wrongPins, isRight, isPasswordAsked);
  if (!isOtpRight || !isAllElse) {
    return { kind: 'missed', code: isOtpRight ? 'pin-incorrect' : 'response-incorrect' };
  }
  if (issued.consumedAtMs !== null) return { kind: 'missed', code: 'response-replayed' };
  const { serial } = owner.authenticator;
  const verdict = await conclude(progress, examined, {
    by: 'virtual-otp',
    serial,
    passwordExpiresAtMs: null,
    changes: {
      ...successChanges(examined, owner),
      challengeIds: [issued.id],
      passwordVersion: passwords.rightVersion(),
    },
    refusedAs: owner.applications.some(({ pin }) => mustChange(pin)) ? 'pin-change-required' : null,
    facts: { serial, request: issued.kind },
  });
  return { kind: 'verdict', verdict };
}

/**
 * One password is looked at, whichever PIN was right and if none was, so that the time taken tells nothing
 * about it.
 */
async function isRestRight(
  readings: readonly Reading[],
  wrongPins: ReadonlySet<string>,
  isRight: PasswordTape['isRight'],
  isPasswordAsked: boolean,
): Promise<boolean> {
  const right = readings.find(
    ({ application }) => application === null || !wrongPins.has(application.id),
  );
  const { password = '' } = (right ?? readings[0])?.reading ?? {};
  const isPasswordRight = password === '' ? !isPasswordAsked : await isRight(password);
  return right !== undefined && isPasswordRight;
}

/** The authenticator for which it was sent, if it may still serve; its applications that may. */
function ownerNow(
  { authenticatorId, kind }: IssuedOtp,
  { authenticators }: UserWithAuthenticators,
  { serial, applicationName }: Pick<AuthenticateRequest, 'serial' | 'applicationName'>,
  nowMs: number,
  policy: EffectivePolicy,
): AuthenticatorWithApplications | null {
  const owner = authenticators.find(({ authenticator }) => authenticator.id === authenticatorId);
  if (owner === undefined) return null;
  if (kind === 'virtual-primary') {
    // It has no application that a name could mean.
    const isNamed = applicationName === null;
    return isNamed && isServing(owner.authenticator, serial, nowMs, policy) ? owner : null;
  }
  const eligible = eligibleAuthenticators(
    { authenticators: [owner], serial, applicationName, purpose: 'back-up' },
    nowMs,
    policy,
  );
  return eligible.kind === 'refused' ? null : (eligible.authenticators[0] ?? null);
}

/**
 * A device that shows nothing without its PIN is not stood in for without it either, unless the
 * request held it.
 */
function readingsOf<Success extends { readonly outcome: string }>(
  { request }: Progress<Success>,
  { issued: { otpDigits, provenPins }, isByKey }: GivenOtp,
  { applications }: AuthenticatorWithApplications,
): readonly Reading[] {
  const { credential } = request;
  // Without its key nothing says that who answers is who asked.
  const isProven =
    isByKey &&
    applications.some((application) =>
      provenPins.some(
        ({ applicationId, pinVersion }) =>
          applicationId === application.id && pinVersion === application.pin.version,
      ),
    );
  const withPin = applications.flatMap((application) => {
    const { verifier } = application.pin;
    if (!hasPin(application.pin) || verifier === null) return [];
    const reading = cutOtp(credential, otpDigits, verifier.length);
    return reading === null ? [] : [{ reading, application }];
  });
  const isPinAsked = applications.length > 0 && applications.every(({ pin }) => hasPin(pin));
  if (isPinAsked && !isProven) return withPin;
  const alone = cutOtp(credential, otpDigits, 0);
  const shown = alone === null ? [] : [{ reading: alone, application: null }];
  return [...withPin, ...shown];
}

function wrongPinsOf<Success extends { readonly outcome: string }>(
  { context }: Progress<Success>,
  readings: readonly Reading[],
): Promise<ReadonlySet<string>> {
  const plan = planPins(
    readings.flatMap(({ reading, application }) =>
      application === null ? [] : [{ application, pin: reading.pin }],
    ),
  );
  return createPinTape(context, context.logon, plan).wrong();
}
