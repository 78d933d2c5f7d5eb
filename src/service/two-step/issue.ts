import { challengeForm, challengesPerDecisionMax } from '../../domain/challenge.ts';
import type { Authenticator, BackupUse, Issued } from '../../domain/model.ts';
import { refusedFor } from '../../domain/lock.ts';
import { type RequestProcess, requestReadings, requestText } from '../../domain/requests.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { backedUp, otpMessage } from '../../domain/virtual-otp.ts';
import type { TallystickError } from '../../errors.ts';
import type { IssuedAnswer } from '../api.ts';
import type { Facts } from '../attempt.ts';
import type { Context } from '../deps.ts';
import { drawTexts, handleForm } from '../draw.ts';
import { uuidV7 } from '../identifiers.ts';
import { fromModule } from '../module-calls.ts';
import {
  type Examined,
  nothingElse,
  refusedUnseen,
  type RefusedVerdict,
  userIssue,
  type Verdict,
} from '../verdicts.ts';
import type { Delivered, Progress, Purpose } from '../verify/progress.ts';
import type { Recognised } from './recognise.ts';
import { sendOtp } from './send.ts';

type Request = Extract<Recognised, { kind: 'request' }>;

/** Who asked, and of which password he showed that he knows it. */
interface Asked extends Examined {
  readonly passwordVersion: number | null;
}

/** Issues what was asked for; nobody is verified yet, and no count of failures changes. */
export function issueRequested<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Asked,
  request: Request,
  answerWith: NonNullable<Purpose<Success>['issued']>,
): Promise<Verdict<Success>> {
  return request.reading.process === 'two-step'
    ? issueChallenge(progress, examined, request, answerWith)
    : issueOtp(progress, examined, request, answerWith);
}

async function issueChallenge<Success extends { readonly outcome: string }>(
  { context, caller, nowMs }: Progress<Success>,
  examined: Asked,
  { reading, provenPins }: Request,
  answerWith: NonNullable<Purpose<Success>['issued']>,
): Promise<Verdict<Success>> {
  const { user, policy } = examined;
  const { componentType } = caller;
  const open = await context.store.openChallengeIds(user.id, componentType, nowMs);
  const [text = '', handle = ''] = await drawTexts(context, [challengeForm(policy), handleForm]);
  const issued: Issued = {
    id: uuidV7(nowMs, context.randomBytes),
    handle,
    userId: user.id,
    componentType,
    kind: '2-step',
    method: reading.method,
    provenPins,
    userVersion: user.version,
    text,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + policy.challengeLifetimeSeconds * 1000,
    consumedAtMs: null,
  };
  const surplus = open.slice(policy.challengesOpenMax - 1).slice(-challengesPerDecisionMax);
  return {
    kind: 'success',
    answer: answerWith({
      outcome: 'challenge-issued',
      kind: 'challenge',
      challenge: text,
      challengeKey: handle,
      message: policy.twoStepChallengeText,
      expiresAtMs: issued.expiresAtMs,
    }),
    changes: { ...changesOf(examined, issued, null), challengeIds: surplus },
    facts: { request: reading.process, method: reading.method },
  };
}

function changesOf(
  examined: Asked,
  issue: Issued,
  backupUse: BackupUse | null,
): Extract<Verdict<never>, { kind: 'success' }>['changes'] {
  return {
    ...nothingElse,
    user: userIssue(examined),
    authenticator: null,
    advance: null,
    followers: [],
    challengeIds: [],
    issue,
    backupUse,
    passwordVersion: examined.passwordVersion,
  };
}

async function issueOtp<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Asked,
  request: Request,
  answerWith: NonNullable<Purpose<Success>['issued']>,
): Promise<Verdict<Success>> {
  const { policy, user } = examined;
  const { reading, capable } = request;
  const [owner] = capable;
  if (owner === undefined) throw new RangeError('a request is recognised where one is capable');
  const { authenticator } = owner;
  const delivered = await deliverOnce(progress, examined, request, authenticator);
  if ('kind' in delivered) return delivered;
  const { issued, facts } = delivered;
  const backupUse: BackupUse = {
    authenticatorId: authenticator.id,
    userId: user.id,
    assignmentVersion: authenticator.assignmentVersion,
    before: authenticator.backup,
    after: backedUp(authenticator, progress.nowMs, policy),
  };
  return {
    kind: 'success',
    answer: answerWith(otpAnswer(issued.handle, issued.expiresAtMs, policy)),
    changes: changesOf(examined, issued, reading.process === 'virtual-backup' ? backupUse : null),
    facts: { ...facts, serial: authenticator.serial },
    auditedAs: 'otp-sent',
  };
}

function otpAnswer(
  challengeKey: string,
  expiresAtMs: number,
  policy: EffectivePolicy,
): IssuedAnswer {
  return {
    outcome: 'challenge-issued',
    kind: 'virtual-otp',
    challenge: null,
    challengeKey,
    message: policy.virtualChallengeText,
    expiresAtMs,
  };
}

async function deliverOnce<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  examined: Examined,
  request: Request,
  authenticator: Authenticator,
): Promise<Delivered | RefusedVerdict> {
  const { process } = request.reading;
  const before = progress.delivered?.issued;
  const isSame =
    before?.authenticatorId === authenticator.id &&
    before.userVersion === examined.user.version &&
    before.kind === process &&
    before.userId === examined.user.id;
  if (progress.delivered !== null && isSame) {
    // It is on its way, for the device as this round found it.
    const issued = { ...before, authenticatorVersion: versionOnceIssued(authenticator, process) };
    return { ...progress.delivered, issued };
  }
  const delivered = await progress.context.deliveries.admit(() =>
    deliver(progress, examined, request, authenticator),
  );
  if (!('kind' in delivered)) progress.delivered = delivered;
  return delivered;
}

/** A use of a backup is an edit like an administrator's. */
function versionOnceIssued({ version }: Authenticator, process: RequestProcess): number {
  return version + (process === 'virtual-backup' ? 1 : 0);
}

async function deliver<Success extends { readonly outcome: string }>(
  { context, caller, nowMs }: Progress<Success>,
  examined: Examined,
  { reading, provenPins }: Request,
  authenticator: Authenticator,
): Promise<Delivered | RefusedVerdict> {
  const { user, policy } = examined;
  const { componentType } = caller;
  const { process, method } = reading;
  const otpDigits = policy.virtualOtpDigits;
  const [otp = '', handle = ''] = await drawTexts(context, [
    { length: otpDigits, hasCheckDigit: false },
    handleForm,
  ]);
  const id = uuidV7(nowMs, context.randomBytes);
  const otpMac = await otpMacOf(context, id, otp);
  const { gateways } = (await context.configuration.current()).snapshot;
  const sent = await sendOtp(context, { user, componentType, otp, gateways, policy, nowMs });
  const facts: Facts = { request: process, method, ...sent.facts };
  if (sent.kind === 'refused') return { ...refusedUnseen(examined, sent.refused), facts };
  if (sent.kind === 'failed') return undelivered(examined, sent.fault, facts);
  // Read anew: what a slow gateway took is not to be taken off the time to type it.
  const issuedAtMs = context.clock.nowMs();
  return {
    issued: {
      id,
      handle,
      userId: user.id,
      componentType,
      kind: process === 'virtual-primary' ? 'virtual-primary' : 'virtual-backup',
      method,
      provenPins,
      userVersion: user.version,
      authenticatorId: authenticator.id,
      authenticatorVersion: versionOnceIssued(authenticator, process),
      otpDigits,
      otpMac,
      missCount: 0,
      issuedAtMs,
      expiresAtMs: issuedAtMs + policy.virtualOtpLifetimeSeconds * 1000,
      consumedAtMs: null,
    },
    facts,
  };
}

/** Technical: what is told is the fault, and nothing counts. */
function undelivered(examined: Examined, fault: TallystickError, facts: Facts): RefusedVerdict {
  return { ...refusedUnseen(examined, refusedFor('virtual-send-limit')), facts, fault };
}

/**
 * Hex of the HMAC that is kept of a one-time password.
 *
 * @throws TallystickError when the module fails
 */
export async function otpMacOf(context: Context, issuedId: string, otp: string): Promise<string> {
  const message = otpMessage(issuedId, otp);
  try {
    const macs = context.module.hmac('virtual-otp-mac', [message], context.logon);
    const [mac] = await fromModule(macs);
    return mac === undefined ? '' : Buffer.from(mac).toString('hex');
  } finally {
    message.fill(0);
  }
}

/**
 * What somebody is told who asked for something without any secret and got nothing, where answers are
 * generic: it looks as if it had been issued. Null where the text holds a secret, or asks for nothing.
 */
export async function lookAlike<Success extends { readonly outcome: string }>(
  { context, request, nowMs }: Progress<Success>,
  policy: EffectivePolicy,
): Promise<IssuedAnswer | null> {
  const text = requestText(request.credential);
  if (!policy.genericAnswers || text === null) return null;
  const reading = requestReadings(text, policy).find(
    ({ password, pin }) => password === null && pin === null,
  );
  if (reading === undefined) return null;
  const [challenge = '', challengeKey = ''] = await drawTexts(context, [
    challengeForm(policy),
    handleForm,
  ]);
  return answerLike(reading.process, challenge, challengeKey, policy, nowMs);
}

function answerLike(
  process: RequestProcess,
  challenge: string,
  challengeKey: string,
  policy: EffectivePolicy,
  nowMs: number,
): IssuedAnswer {
  if (process !== 'two-step') {
    return otpAnswer(challengeKey, nowMs + policy.virtualOtpLifetimeSeconds * 1000, policy);
  }
  return {
    outcome: 'challenge-issued',
    kind: 'challenge',
    challenge,
    challengeKey,
    message: policy.twoStepChallengeText,
    expiresAtMs: nowMs + policy.challengeLifetimeSeconds * 1000,
  };
}
