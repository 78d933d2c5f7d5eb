import { accountState } from '../../domain/account.ts';
import { refusedFor } from '../../domain/lock.ts';
import type { PasswordChange, PasswordVerifier, User } from '../../domain/model.ts';
import type { RefusalCode } from '../../domain/outcomes.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import {
  demandOf,
  isPassword,
  isTooYoung,
  passwordFlaw,
  type PasswordRule,
} from '../../domain/static-password.ts';
import { TallystickError } from '../../errors.ts';
import { requirePermission } from '../administration/access.ts';
import type { Caller, PasswordChangeAnswer, PasswordChangeRequest } from '../api.ts';
import {
  organisationalUnitOf,
  parseTarget,
  readAttempt,
  type Reading,
  standingFacts,
  subjectOf,
  tooManyConflicts,
} from '../attempt.ts';
import { auditEntry } from '../audit-entries.ts';
import type { Context } from '../deps.ts';
import { requireBoundedMembers } from '../request-members.ts';
import { toldStranger } from '../rounds.ts';
import type { Decision, UserChange } from '../store.ts';
import { toldRefusal } from '../told.ts';
import {
  type Examined,
  nothingDecided,
  refusedBefore,
  refusedNobody,
  refusedUnseen,
  userIssue,
} from '../verdicts.ts';
import { createPasswordTape, newPasswordVerifier, type PasswordTape } from './tape.ts';

type Action = 'change-password' | 'change-back-end-password';
type Changed = Extract<PasswordChangeAnswer, { outcome: 'password-changed' }>;

/** What outlives a round, so that no password is looked at twice. */
interface Progress {
  readonly context: Context;
  readonly caller: Caller;
  readonly request: PasswordChangeRequest;
  readonly action: Action;
  readonly nowMs: number;
  tape: { readonly passwords: PasswordTape; readonly key: string } | null;
  /** The back end has changed it: it is not asked again. */
  isChangedThere: boolean;
}

/** What examining a change came to, before it is committed. */
interface Outcome {
  readonly code: RefusalCode | 'password-changed';
  readonly user: UserChange | null;
  readonly change: PasswordChange | null;
  /** Thrown once it is durable. */
  readonly fault: TallystickError | null;
  /** What the policy asks of a new password, for whoever knew the old one. */
  readonly rule?: string;
}

/**
 * Sets another static password, once the old one was right. A wrong one counts towards the lock; a
 * right one clears nothing, or whoever knows it could guess responses for ever. Nobody costs what
 * somebody costs.
 *
 * @throws TallystickError as `authenticate`
 */
export function changePassword(
  context: Context,
  caller: Caller,
  request: PasswordChangeRequest,
): Promise<PasswordChangeAnswer> {
  return change(context, caller, request, 'change-password');
}

/**
 * Changes the password that the back end knows; what this server knows stays.
 *
 * @throws TallystickError as `authenticate`, `back-end-unavailable`
 */
export function changeBackEndPassword(
  context: Context,
  caller: Caller,
  request: PasswordChangeRequest,
): Promise<PasswordChangeAnswer> {
  return change(context, caller, request, 'change-back-end-password');
}

async function change(
  context: Context,
  caller: Caller,
  request: PasswordChangeRequest,
  action: Action,
): Promise<PasswordChangeAnswer> {
  requirePermission(caller, 'authenticate');
  const nowMs = context.clock.nowMs();
  const target = parseTarget(request);
  const { domainName, password, newPassword, confirmation } = request;
  const passwords = { password, newPassword, confirmation };
  requireBoundedMembers({ domainName, serial: null, passwords });
  const progress: Progress = {
    context,
    caller,
    request,
    action,
    nowMs,
    tape: null,
    isChangedThere: false,
  };
  for (let round = 1; round <= context.limits.decisionRoundsMax; round += 1) {
    const reading = await readAttempt(context, caller, target, nowMs);
    if (reading.component === null && caller.keyId === null) return toldStranger(action);
    const outcome = await examine(progress, reading);
    const [result] = await context.store.commit([decisionOf(progress, reading, outcome)]);
    if (result?.status === 'committed') {
      if (outcome.fault !== null) throw outcome.fault;
      return await answerOf(progress, reading, outcome);
    }
  }
  throw tooManyConflicts();
}

async function examine(progress: Progress, reading: Reading): Promise<Outcome> {
  const { component, domain, found } = reading;
  if (component === null) return outcomeOf(refusedBefore('component-unknown'));
  const { policy } = component;
  if (policy.localAuthentication === 'none') return outcomeOf(refusedBefore('nothing-verifies'));
  const { nowMs, context } = progress;
  if (progress.action === 'change-back-end-password' && !asksBackEnd(context, policy)) {
    return outcomeOf(refusedBefore('back-end-none'));
  }
  if (found === null) {
    await createPasswordTape(context, null).complete(1);
    return outcomeOf(refusedNobody(policy));
  }
  const { user } = found;
  const account = accountState(user, policy, nowMs);
  const examined: Examined = {
    user,
    domainName: domain?.name ?? '',
    account,
    policy,
    issued: [],
  };
  const passwords = passwordsOf(progress, examined);
  if (account.state !== 'open') {
    await passwords.complete(1);
    const code = account.state === 'refused' ? account.code : 'user-locked';
    return outcomeOf(refusedUnseen(examined, refusedFor(code)));
  }
  return progress.action === 'change-password'
    ? await examineOwn(progress, examined, passwords)
    : await examineBackEnd(progress, examined);
}

function asksBackEnd({ backEnd }: Context, { backEndAuthentication }: EffectivePolicy): boolean {
  return backEnd !== null && backEndAuthentication === 'if-needed';
}

async function examineOwn(
  { context, request, nowMs }: Progress,
  examined: Examined,
  passwords: PasswordTape,
): Promise<Outcome> {
  const { user, policy } = examined;
  if (!passwords.hasJudge()) {
    await passwords.complete(1);
    return outcomeOf(refusedUnseen(examined, refusedFor('password-none')));
  }
  if (!(await passwords.isRight(request.password))) {
    await passwords.complete(1);
    const refused = refusedUnseen(examined, refusedFor('password-incorrect'));
    return { ...outcomeOf(refused), fault: passwords.fault() };
  }
  const { newPassword, confirmation } = request;
  if (isTooYoung(user.password, nowMs, policy)) return brokenRule(examined, 'password-too-young');
  const flaw = passwordFlaw(newPassword, confirmation, user, policy);
  if (flaw === 'password-confirmation-mismatch') {
    return outcomeOf(refusedUnseen(examined, refusedFor(flaw)));
  }
  if (flaw !== null) return brokenRule(examined, flaw);
  const verifier = await newPasswordVerifier(context, user, newPassword);
  if (await isRepeated(context, user, verifier, policy)) {
    return brokenRule(examined, 'password-repeated');
  }
  return {
    code: 'password-changed',
    user: userIssue(examined),
    change: passwordChangeOf(user, verifier),
    fault: null,
  };
}

/** Told only where the old password was right: how passwords are made is no stranger's business. */
function brokenRule(examined: Examined, rule: PasswordRule): Outcome {
  const refused = outcomeOf(refusedUnseen(examined, refusedFor(rule)));
  return { ...refused, rule: `It ${demandOf(rule, examined.policy)}.` };
}

/** How a new password takes the place of the old one, if there is one. */
export function passwordChangeOf(
  { id: userId, password }: Pick<User, 'id' | 'password'>,
  verifier: PasswordVerifier,
): PasswordChange {
  const replacedMac = password.verifier?.mac ?? null;
  return { userId, passwordVersion: password.version, verifier, replacedMac };
}

/** Whether it is the one that is set, or one of the last. A user keeps his salt, so MACs compare. */
export async function isRepeated(
  { store }: Context,
  { id, password }: Pick<User, 'id' | 'password'>,
  { mac }: PasswordVerifier,
  { passwordHistory }: Pick<EffectivePolicy, 'passwordHistory'>,
): Promise<boolean> {
  const { verifier } = password;
  if (verifier === null || passwordHistory === 0) return false;
  if (isPassword(verifier, mac)) return true;
  const replaced =
    passwordHistory === 1 ? [] : await store.passwordHistory(id, passwordHistory - 1);
  return replaced.some((each) => isPassword({ ...verifier, mac: each }, mac));
}

/** The back end knows both rules and history. */
async function examineBackEnd(progress: Progress, examined: Examined): Promise<Outcome> {
  const { context, request } = progress;
  const { user, domainName } = examined;
  const { password, newPassword, confirmation } = request;
  const refused = (code: RefusalCode): Outcome =>
    outcomeOf(refusedUnseen(examined, refusedFor(code)));
  if (newPassword !== confirmation) return refused('password-confirmation-mismatch');
  // Some directories take a bind without a password for one of nobody, and succeed.
  if (password === '' || newPassword === '') return refused('password-incorrect');
  const account = { userName: user.userName, domainName };
  const answer = progress.isChangedThere
    ? 'changed'
    : await askBackEnd(context, account, password, newPassword);
  if (answer === 'wrong') return refused('password-incorrect');
  if (answer === 'refused') return refused('back-end-refused');
  progress.isChangedThere = true;
  return { code: 'password-changed', user: userIssue(examined), change: null, fault: null };
}

async function askBackEnd(
  { backEnd }: Context,
  account: { readonly userName: string; readonly domainName: string },
  password: string,
  newPassword: string,
): Promise<'changed' | 'wrong' | 'refused'> {
  if (backEnd === null) return 'refused';
  try {
    return await backEnd.changePassword(account, password, newPassword);
  } catch (error) {
    const text = 'The back end that knows passwords does not answer.';
    throw new TallystickError('back-end-unavailable', text, { cause: error });
  }
}

function passwordsOf(progress: Progress, { user, domainName, policy }: Examined): PasswordTape {
  const key = `${user.id} ${user.password.version}`;
  if (progress.tape?.key !== key) {
    const asks = asksBackEnd(progress.context, policy);
    const owner = { user, domainName, asksBackEnd: asks };
    progress.tape = { passwords: createPasswordTape(progress.context, owner), key };
  }
  return progress.tape.passwords;
}

function outcomeOf({ refused, user }: ReturnType<typeof refusedBefore>): Outcome {
  return { code: refused.code, user, change: null, fault: null };
}

function decisionOf(
  { caller, action, nowMs }: Progress,
  reading: Reading,
  { code, user, change, fault }: Outcome,
): Decision {
  return {
    ...nothingDecided,
    atMs: nowMs,
    user,
    readVersions:
      change === null
        ? null
        : { user: reading.found?.user.version ?? null, authenticator: null, application: null },
    passwordChange: change,
    audit: auditEntry(caller, nowMs, {
      action,
      outcome: fault?.code ?? code,
      subject: subjectOf(reading.target, reading.domain),
      details: standingFacts(reading),
    }),
  };
}

async function answerOf(
  { context, action }: Progress,
  { component, domain, found, target }: Reading,
  { code, rule }: Outcome,
): Promise<PasswordChangeAnswer> {
  if (code !== 'password-changed') {
    const told = toldRefusal(code, action, component?.policy ?? null);
    return rule === undefined ? told : { ...told, rule };
  }
  const answer: Changed = {
    outcome: code,
    userName: found?.user.userName ?? target.userName,
    domainName: domain?.name ?? '',
    organisationalUnit: found === null ? null : await organisationalUnitOf(context, found.user),
  };
  return answer;
}
