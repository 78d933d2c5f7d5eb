import type { PasswordChange, User } from '../../domain/model.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import {
  demandOf,
  type PasswordFlaw,
  passwordFlaw,
  unsetPassword,
} from '../../domain/static-password.ts';
import { TallystickError } from '../../errors.ts';
import type { Administration, PasswordSetting, UserView } from '../api.ts';
import { isRepeated, passwordChangeOf } from '../passwords/change.ts';
import { newPasswordVerifier } from '../passwords/tape.ts';
import { invalidMember } from '../problems.ts';
import type { AuditEntry, Decision } from '../store.ts';
import { nothingDecided } from '../verdicts.ts';
import { requireAbove } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry } from './desk.ts';
import { requireEffectivePolicy } from './policies.ts';
import { requireDomain, requireUser, subjectOf } from './users.ts';
import { userView } from './views.ts';

/** The help desk sets forgotten ones, as it does server PINs. */
const permission = 'authenticators.assign';

const attemptsMax = 4;

/** Use cases about static passwords that an administrator sets or takes away. */
export function staticPasswordAdministration(
  atDesk: AtDesk,
): Pick<Administration, 'setPassword' | 'clearPassword'> {
  return {
    setPassword: (caller, domainName, userName, setting) =>
      atDesk(caller, permission, (desk) => setPassword(desk, { domainName, userName }, setting)),
    clearPassword: (caller, domainName, userName) =>
      atDesk(caller, permission, (desk) => clearPassword(desk, { domainName, userName })),
  };
}

interface NamedUser {
  readonly domainName: string | null;
  readonly userName: string;
}

/**
 * By a decision, not as an edit of the record: what is replaced goes into the history with it. A
 * conflict means that the password, or the user, is another one meanwhile: all is judged again.
 */
async function setPassword(
  desk: Desk,
  named: NamedUser,
  setting: PasswordSetting,
): Promise<UserView> {
  const { configuration, standing, context } = desk;
  const domain = requireDomain(desk, named.domainName);
  const { policy } =
    setting.policyName === null
      ? standing
      : requireEffectivePolicy(configuration, setting.policyName);
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const user = await requireUser(desk, domain, named.userName);
    requireAbove(desk.caller, user);
    const audit = doneEntry(desk, 'user.password-set', subjectOf(domain, user.userName));
    const change = await changeFor(desk, user, { setting, policy, audit });
    const [result] = await context.store.commit([decisionOf(desk, change, audit)]);
    if (result?.status === 'committed') {
      return userView(desk, await requireUser(desk, domain, named.userName));
    }
  }
  throw new TallystickError('conflict', 'The user was changed by somebody else meanwhile.', {
    fields: { reason: 'version' },
  });
}

interface Rules {
  readonly setting: PasswordSetting;
  readonly policy: EffectivePolicy;
  readonly audit: AuditEntry;
}

/** @throws TallystickError `request-invalid` or `policy-refused`, never with the password */
async function changeFor(
  { context }: Desk,
  user: User,
  { setting, policy, audit }: Rules,
): Promise<PasswordChange> {
  const { password, confirmation } = setting;
  const flaw = passwordFlaw(password, confirmation, user, policy);
  if (flaw !== null) throw refusalOf(flaw, policy);
  const verifier = await newPasswordVerifier(context, user, password);
  if (await isRepeated(context, user, verifier, policy)) {
    // This answer tells whether a guess is, or was, the user's password: whoever tries it is on record.
    await context.store.administer([], { ...audit, outcome: 'password-repeated' });
    throw refusalOf('password-repeated', policy);
  }
  return passwordChangeOf(user, verifier);
}

/** What no policy would take is a wrong member; the rest is the policy's refusal. */
function refusalOf(flaw: PasswordFlaw, policy: EffectivePolicy): TallystickError {
  switch (flaw) {
    case 'password-confirmation-mismatch':
      return invalidMember('confirmation', 'must be the same as the password');
    case 'password-too-long':
    case 'password-malformed':
      return invalidMember('password', demandOf(flaw, policy));
    case 'password-too-short':
    case 'password-too-simple':
    case 'password-user-name-based':
    case 'password-repeated':
      return refused(flaw, demandOf(flaw, policy));
  }
}

function refused(reason: PasswordFlaw, demand: string): TallystickError {
  const message = `The policy does not take the password: it ${demand}.`;
  return new TallystickError('policy-refused', message, { fields: { reason } });
}

function decisionOf({ nowMs }: Desk, change: PasswordChange, audit: AuditEntry): Decision {
  return {
    ...nothingDecided,
    atMs: nowMs,
    user: { kind: 'present', userId: change.userId },
    passwordChange: change,
    audit,
  };
}

/** Another version: a change that was decided under the password that goes does not commit. */
async function clearPassword(desk: Desk, named: NamedUser): Promise<UserView> {
  const domain = requireDomain(desk, named.domainName);
  const found = await requireUser(desk, domain, named.userName);
  requireAbove(desk.caller, found);
  if (found.password.verifier === null) return userView(desk, found);
  await administer(desk, 'The user', null, async () => {
    const user = await requireUser(desk, domain, named.userName);
    requireAbove(desk.caller, user);
    const password = { ...unsetPassword, version: user.password.version + 1 };
    return {
      changes: [
        {
          change: 'update',
          kind: 'user',
          id: user.id,
          expectedVersion: user.version,
          set: { password },
        },
      ],
      audit: doneEntry(desk, 'user.password-clear', subjectOf(domain, user.userName)),
    };
  });
  return userView(desk, await requireUser(desk, domain, named.userName));
}
