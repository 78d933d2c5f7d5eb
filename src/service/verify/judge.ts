import {
  demandedPasswordEnds,
  passwordEnds,
  type PresentedCredential,
} from '../../domain/credential.ts';
import { eligibleAuthenticators } from '../../domain/eligible.ts';
import { type EmergencyCode, type EmergencyMark, isLastMiss } from '../../domain/emergency.ts';
import { refusedFor } from '../../domain/lock.ts';
import type {
  AuthenticatorWithApplications,
  IssuedChallenge,
  IssuedOtp,
  UserWithAuthenticators,
} from '../../domain/model.ts';
import type { RefusalCode } from '../../domain/outcomes.ts';
import { isByKeyword, sendsOtps } from '../../domain/requests.ts';
import type { AuthenticateRequest } from '../api.ts';
import type { Facts, PresentedChallenge } from '../attempt.ts';
import { faultOf } from '../comparing.ts';
import { createPasswordTape, type PasswordTape } from '../passwords/tape.ts';
import { issueRequested } from '../two-step/issue.ts';
import { recognise } from '../two-step/recognise.ts';
import {
  type Examined,
  refusedAs,
  refusedUnseen,
  type RefusedVerdict,
  type Verdict,
} from '../verdicts.ts';
import { verifyEmergency } from './by-emergency.ts';
import { verifyOtp } from './by-otp.ts';
import { acceptPassword, verifyPassword } from './by-password.ts';
import { refuseUnseen, verifyResponse } from './by-response.ts';
import type { Progress } from './progress.ts';

/** What the request shows, and what it may be about. */
export interface ShownTo {
  readonly presented: PresentedChallenge;
  readonly openOtp: IssuedOtp | null;
  /** Of the user, where such codes are good here. */
  readonly emergencyCodes: readonly EmergencyCode[];
}

/** What was compared in this round and found wrong: it counts, whatever comes after it. */
interface Tried {
  readonly passwords: PasswordTape;
  pinWrong: boolean;
  otpCode: RefusalCode | null;
  missedOtpIds: readonly string[];
  emergencyCode: RefusalCode | null;
  emergencyMarks: readonly EmergencyMark[];
  emergencyLocked: boolean;
  refused: RefusedVerdict | null;
}

/** Whether a request names what it answers, so that it asks for nothing. */
export function isAnswering({
  challenge,
  challengeKey,
}: Pick<AuthenticateRequest, 'challenge' | 'challengeKey'>): boolean {
  return challenge !== null || challengeKey !== null;
}

/**
 * First whether anything is asked for, then whether anything is answered. Once something was compared
 * and was wrong, nothing that fails afterwards (module, back end, too much to do) undoes that it counts.
 *
 * @throws TallystickError when something failed before anything was found wrong
 */
export async function judgeShown<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  shown: ShownTo,
): Promise<Verdict<Success>> {
  const passwords = passwordsOf(progress, examined);
  const tried: Tried = {
    passwords,
    pinWrong: false,
    otpCode: null,
    missedOtpIds: [],
    emergencyCode: null,
    emergencyMarks: [],
    emergencyLocked: false,
    refused: null,
  };
  try {
    const verdict = await judge(progress, examined, found, shown, tried);
    return verdict.kind === 'success' ? verdict : settled(verdict, examined, tried);
  } catch (error) {
    if (tried.refused === null && wrongCode(tried) === null) throw error;
    const refused = tried.refused ?? refusedUnseen(examined, refusedFor('response-incorrect'));
    return settled({ ...refused, fault: faultOf(error) }, examined, tried);
  }
}

async function judge<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  shown: ShownTo,
  tried: Tried,
): Promise<Verdict<Success>> {
  const { issued: answerWith } = progress.purpose;
  const { passwords } = tried;
  if (answerWith !== null && !isAnswering(progress.request)) {
    const recognised = await recognise(progress, examined, found, passwords);
    if (recognised.kind === 'request') {
      const passwordVersion = passwords.rightVersion();
      return issueRequested(progress, { ...examined, passwordVersion }, recognised, answerWith);
    }
    if (recognised.kind === 'password') return acceptPassword(progress, examined, passwords);
    tried.pinWrong = recognised.wasPinWrong;
  }
  return judgeAnswer(progress, examined, found, shown, tried);
}

function wrongCode({ passwords, pinWrong, otpCode, emergencyCode }: Tried): RefusalCode | null {
  if (otpCode !== null) return otpCode;
  if (emergencyCode !== null) return emergencyCode;
  if (passwords.wasWrong()) return 'password-incorrect';
  return pinWrong ? 'pin-incorrect' : null;
}

/** A refusal with all that was found wrong on the way. */
function settled(verdict: RefusedVerdict, examined: Examined, tried: Tried): RefusedVerdict {
  const code = wrongCode(tried);
  const isCounted = verdict.refused.counts && verdict.user?.kind !== 'decoy';
  const isSilent = !isCounted && verdict.used === null && code !== null;
  const counted = isSilent ? refusedAs(verdict, code, examined) : verdict;
  // What was found wrong is told as of anybody, the unknown included; else the back end's word is missing.
  const isOpen = !counted.refused.counts && counted.used === null;
  const { passwords, missedOtpIds, emergencyMarks } = tried;
  const outage = isOpen ? passwords.outage() : null;
  return {
    ...counted,
    missedOtpIds,
    emergencyMarks,
    facts: Object.assign(missFacts(tried), counted.facts),
    fault: counted.fault ?? passwords.fault() ?? outage,
  };
}

/** Which codes were tried in vain, and that they are locked by it, for the audit. */
function missFacts({ emergencyMarks, emergencyLocked, emergencyCode }: Tried): Facts {
  if (emergencyMarks.length === 0) return {};
  return {
    emergency: emergencyLocked ? 'locked' : 'missed',
    emergencyOutcome: emergencyCode,
    emergencyCodes: emergencyMarks.map(({ codeId }) => codeId).join(','),
  };
}

async function judgeAnswer<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  { presented, openOtp, emergencyCodes }: ShownTo,
  tried: Tried,
): Promise<Verdict<Success>> {
  const { passwords } = tried;
  const byKey = presented.otp;
  const issued = byKey ?? openOtp;
  if (issued !== null) {
    const given = { issued, isByKey: byKey !== null };
    progress.comparedOtps += 1;
    const judged = await verifyOtp(progress, examined, found, passwords, given);
    if (judged.kind === 'verdict') return judged.verdict;
    if (judged.kind === 'missed') {
      tried.missedOtpIds = [issued.id];
      tried.otpCode = judged.code;
    }
    if (byKey !== null) return refuseUnseen(progress, examined, refusedFor(judged.code));
  }
  const emergency = await verifyEmergency(progress, examined, found, emergencyCodes);
  if (emergency.kind === 'verdict') return emergency.verdict;
  if (emergency.kind === 'missed') {
    tried.emergencyCode = emergency.code;
    tried.emergencyMarks = emergency.codes.map(({ id }) => ({ codeId: id, mark: 'missed' }));
    tried.emergencyLocked = emergency.codes.some(isLastMiss);
  }
  const behind = await behindPassword(progress, examined, found, passwords);
  const verdict =
    behind === null
      ? await refuseUnseen(progress, examined, refusedFor('response-incorrect'))
      : await verifyResponse(progress, examined, found, { presented, emergencyCodes, ...behind });
  if (verdict.kind === 'success' || verdict.fault !== null || verdict.used !== null) return verdict;
  const refused = asIfSent(verdict, examined, found);
  tried.refused = refused;
  return verifyPassword(progress, examined, found, passwords, refused);
}

/** Whether anything is on its way to a user who has nothing else must not be told. */
function asIfSent(
  verdict: RefusedVerdict,
  examined: Examined,
  { authenticators }: UserWithAuthenticators,
): RefusedVerdict {
  const isVirtualOnly = verdict.refused.code === 'authenticator-none' && authenticators.length > 0;
  return isVirtualOnly && sendsOtps(examined.policy)
    ? refusedAs(verdict, 'response-incorrect', examined)
    : verdict;
}

/** What is to be compared with devices. */
interface BehindPassword {
  readonly credential: PresentedCredential;
  /** Of the password that was demanded in front of it; null where none was, or the back end knows it. */
  readonly passwordVersion: number | null;
}

/** The credential without a static password; null where one is demanded and is missing or wrong. */
async function behindPassword<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  found: UserWithAuthenticators,
  passwords: PasswordTape,
): Promise<BehindPassword | null> {
  const { request, purpose, nowMs } = progress;
  const { user, policy } = examined;
  const { serial, applicationName } = request;
  const eligible = eligibleAuthenticators(
    { authenticators: found.authenticators, serial, applicationName, purpose: 'verify' },
    nowMs,
    policy,
  );
  const isDemanded = purpose.demandsPassword(policy) && user.password.verifier !== null;
  // Who has no device that serves is told that, whatever he types.
  if (!isDemanded || eligible.kind === 'refused') {
    const [asked = null] = examined.issued;
    const credential = await withoutPassword(progress, asked, found, passwords);
    return { credential, passwordVersion: null };
  }
  const cuts = demandedIn(request.credential, eligible.authenticators);
  const right = await passwords.rightOf(cuts.map(({ password }) => password));
  const cut = cuts.find(({ password }) => password === right);
  if (cut === undefined) return null;
  return { credential: cut.credential, passwordVersion: passwords.rightVersion() };
}

/** Where the demanded password may be, with what stands behind it. */
function demandedIn(
  credential: PresentedCredential,
  authenticators: readonly AuthenticatorWithApplications[],
): readonly { readonly password: string; readonly credential: PresentedCredential }[] {
  if (credential.format === 'separate') {
    return [{ password: credential.staticPassword ?? '', credential }];
  }
  const { text } = credential;
  return demandedPasswordEnds(text, authenticators).map((end) => ({
    password: text.slice(0, end),
    credential: { format: 'combined', text: text.slice(end) },
  }));
}

/**
 * What answers a challenge that was asked for by a keyword may have the password in front: the parts
 * are told apart by their lengths.
 */
async function withoutPassword<Success extends { readonly outcome: string }>(
  { request }: Progress<Success>,
  asked: IssuedChallenge | null,
  { authenticators }: UserWithAuthenticators,
  passwords: PasswordTape,
): Promise<PresentedCredential> {
  const { credential } = request;
  const isAsked = isAnswering(request) && isByKeyword(asked?.method ?? 'none');
  if (!isAsked || credential.format !== 'combined') return credential;
  const { text } = credential;
  const ends = passwordEnds(text, authenticators.map(challenged));
  const right = await passwords.rightOf(ends.map((end) => text.slice(0, end)));
  return right === null ? credential : { format: 'combined', text: text.slice(right.length) };
}

/** What of an authenticator answers challenges. */
function challenged({
  applications,
}: AuthenticatorWithApplications): Pick<AuthenticatorWithApplications, 'applications'> {
  return {
    applications: applications.filter(
      ({ mode }) => mode === 'challenge-response' || mode === 'multi-mode',
    ),
  };
}

function passwordsOf<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  { user, domainName, policy }: Examined,
): PasswordTape {
  const key = `${user.id} ${user.password.version}`;
  if (progress.passwords?.key !== key) {
    const asksBackEnd = policy.backEndAuthentication === 'if-needed';
    const tape = createPasswordTape(progress.context, { user, domainName, asksBackEnd });
    progress.passwords = { tape, key };
  }
  return progress.passwords.tape;
}
