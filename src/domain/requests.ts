import { canAnswer, challengeForm } from './challenge.ts';
import { passwordEndsMax, type PresentedCredential } from './credential.ts';
import { eligibleAuthenticators, isServing } from './eligible.ts';
import type { AuthenticatorWithApplications, IssuedOtp } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import type { RequestMethod } from './request-settings.ts';
import { mayBackUp } from './virtual-otp.ts';

/** A logon of two steps, in the order in which requests are tried. */
export type RequestProcess = 'two-step' | 'virtual-primary' | 'virtual-backup';

export const requestProcesses: readonly RequestProcess[] = [
  'two-step',
  'virtual-primary',
  'virtual-backup',
];

/** One way in which a text may be a request, and what would still have to be right. */
export interface RequestReading {
  readonly process: RequestProcess;
  readonly method: Exclude<RequestMethod, 'none'>;
  readonly password: string | null;
  readonly pin: string | null;
}

interface Asking {
  readonly method: RequestMethod;
  readonly keyword: string;
}

function askingOf(process: RequestProcess, policy: EffectivePolicy): Asking {
  switch (process) {
    case 'two-step':
      return { method: policy.twoStepRequestMethod, keyword: policy.twoStepRequestKeyword };
    case 'virtual-primary':
      return {
        method: policy.primaryVirtualRequestMethod,
        keyword: policy.primaryVirtualRequestKeyword,
      };
    case 'virtual-backup':
      return {
        method: policy.backupVirtualRequestMethod,
        keyword: policy.backupVirtualRequestKeyword,
      };
  }
}

/**
 * The text by which a credential may ask for something; null when it shows a response or sets a PIN.
 * In parts, what is known stands behind one another: the password (or keyword), then the PIN.
 */
export function requestText(credential: PresentedCredential): string | null {
  if (credential.format === 'combined') return credential.text;
  const { response, newPin, staticPassword, pin } = credential;
  if (response !== null || newPin !== null) return null;
  return `${staticPassword ?? ''}${pin ?? ''}`;
}

/**
 * The ways in which a text is a request under a policy, in the order in which they are tried: by
 * process, and within one without the password first. They depend on nobody: whether somebody can
 * do what is asked, and whether the password is right, is found out later.
 */
export function requestReadings(text: string, policy: EffectivePolicy): readonly RequestReading[] {
  return requestProcesses.flatMap((process) => readingsFor(text, process, policy));
}

function readingsFor(
  text: string,
  process: RequestProcess,
  policy: EffectivePolicy,
): readonly RequestReading[] {
  const { method, keyword } = askingOf(process, policy);
  const behind = text.startsWith(keyword) ? text.slice(keyword.length) : '';
  const before = text.endsWith(keyword) ? text.slice(0, text.length - keyword.length) : '';
  const plain = (as: RequestReading['method']): readonly RequestReading[] =>
    text === keyword ? [{ process, method: as, password: null, pin: null }] : [];
  // An empty password is nobody's.
  const withPassword = (
    as: RequestReading['method'],
    password: string,
  ): readonly RequestReading[] =>
    password === '' ? [] : [{ process, method: as, password, pin: null }];
  switch (method) {
    case 'none':
      return [];
    case 'keyword-only':
      return plain(method);
    case 'keyword':
      // A blank one would make a request of any password.
      return keyword === ''
        ? plain(method)
        : [
            ...plain(method),
            ...withPassword('keyword-password', behind),
            ...withPassword('password-keyword', before),
          ];
    case 'password':
      return withPassword(method, text);
    case 'keyword-password':
      return withPassword(method, behind);
    case 'password-keyword':
      return withPassword(method, before);
    case 'keyword-pin':
      return behind === '' ? [] : [{ process, method, password: null, pin: behind }];
  }
}

/** Whether a request of this kind held the static password. */
export function holdsPassword(method: RequestMethod | null): boolean {
  return method === 'password' || method === 'keyword-password' || method === 'password-keyword';
}

/** Whether a request of this kind is known by its keyword alone, so that its answer may hold the password. */
export function isByKeyword(method: RequestMethod): boolean {
  return method === 'keyword' || method === 'keyword-only';
}

/** How a text may be a password: under what policy it came, and whether it answers something that it names. */
export interface PasswordUse {
  /** The policy lets people in by password. */
  readonly mayLogOn: boolean;
  /** Then it asks for nothing. */
  readonly isAnswer: boolean;
  /** It has to stand in front of PIN and response. */
  readonly isDemanded: boolean;
}

/** The different passwords that some user might have put into this text, whoever it is about. */
function passwordsIn(
  credential: PresentedCredential,
  { mayLogOn, isAnswer }: PasswordUse,
  policy: EffectivePolicy,
): readonly string[] {
  const text = requestText(credential);
  const asking = text === null || isAnswer ? [] : requestReadings(text, policy);
  const passwords = asking.flatMap(({ password }) => password ?? []);
  if (mayLogOn && text !== null && text !== '') passwords.push(text);
  passwords.push(...passwordsBesideOtp(credential, policy));
  return [...new Set(passwords)];
}

/** How many passwords a refusal pays for, whoever it is about. */
export function passwordsPaidFor(
  credential: PresentedCredential,
  use: PasswordUse,
  policy: EffectivePolicy,
): number {
  const isBesideResponse =
    use.isAnswer &&
    isByKeyword(policy.twoStepRequestMethod) &&
    credential.format === 'combined' &&
    !/^[0-9]*$/.test(credential.text);
  const isInFront = isBesideResponse || use.isDemanded;
  return passwordsIn(credential, use, policy).length + (isInFront ? passwordEndsMax : 0);
}

/** Whether one-time passwords are sent under a policy at all: nothing is looked up where they are not. */
export function sendsOtps(policy: EffectivePolicy): boolean {
  return (
    policy.primaryVirtualRequestMethod !== 'none' || policy.backupVirtualRequestMethod !== 'none'
  );
}

function passwordsBesideOtp(
  credential: PresentedCredential,
  policy: EffectivePolicy,
): readonly string[] {
  if (!sendsOtps(policy)) return [];
  const pinLength = credential.format === 'separate' && credential.pin !== null ? 1 : 0;
  const { password } = cutOtp(credential, policy.virtualOtpDigits, pinLength) ?? { password: '' };
  return password === '' ? [] : [password];
}

/** What a credential says when it answers with a one-time password that was sent. */
export interface OtpReading {
  readonly otp: string;
  /** Null where none was asked for, or none was given. */
  readonly pin: string | null;
  /** '' where there is none. */
  readonly password: string;
}

/**
 * Cuts `[password] [PIN] one-time password` by lengths.
 *
 * @param pinLength 0: no PIN is asked for
 * @returns null when it can't be such an answer
 */
export function cutOtp(
  credential: PresentedCredential,
  otpDigits: number,
  pinLength: number,
): OtpReading | null {
  if (credential.format === 'separate') {
    const { response, pin, staticPassword, newPin } = credential;
    if (response === null || newPin !== null || !isOtp(response, otpDigits)) return null;
    // One that is not asked for is somebody's guess.
    if ((pin !== null) !== pinLength > 0) return null;
    return { otp: response, pin, password: staticPassword ?? '' };
  }
  const { text } = credential;
  const otpAt = text.length - otpDigits;
  const pinAt = otpAt - pinLength;
  if (pinAt < 0 || !isOtp(text.slice(otpAt), otpDigits)) return null;
  return {
    otp: text.slice(otpAt),
    pin: pinLength === 0 ? null : text.slice(pinAt, otpAt),
    password: text.slice(0, pinAt),
  };
}

function isOtp(text: string, digits: number): boolean {
  return text.length === digits && /^[0-9]+$/.test(text);
}

/** Whether the answer has to hold the password: without the challenge key nothing says who asked. */
export function asksForPassword({ method }: IssuedOtp, isByKey: boolean): boolean {
  return !isByKey && holdsPassword(method);
}

/**
 * The authenticators of a user that can do what a process asks of them: answer a challenge of ours,
 * be a virtual mobile authenticator, be stood in for by one. Empty when none can: then the request is
 * ignored.
 *
 * @param authenticators all that are assigned to the user
 */
export function capableOf(
  process: RequestProcess,
  authenticators: readonly AuthenticatorWithApplications[],
  serial: string | null,
  nowMs: number,
  policy: EffectivePolicy,
): readonly AuthenticatorWithApplications[] {
  if (process === 'virtual-primary') {
    return authenticators.filter(
      ({ authenticator }) =>
        authenticator.kind === 'virtual-mobile' && isServing(authenticator, serial, nowMs, policy),
    );
  }
  const purpose = process === 'two-step' ? 'verify' : 'back-up';
  const eligible = eligibleAuthenticators(
    { authenticators, serial, applicationName: null, purpose },
    nowMs,
    policy,
  );
  if (eligible.kind === 'refused') return [];
  return eligible.authenticators.filter((one) =>
    process === 'two-step'
      ? canAnswer([one], challengeForm(policy))
      : mayBackUp(one.authenticator, nowMs, policy),
  );
}
