import { mayAdminister } from '../../domain/account.ts';
import type { Contact, Domain, User } from '../../domain/model.ts';
import { nameKey, parseUserName } from '../../domain/names.ts';
import { unsetPassword } from '../../domain/static-password.ts';
import { unknownContact } from '../../domain/virtual-otp.ts';
import type { Administration, Expected, UserChanges, UserView } from '../api.ts';
import { masterDomainName } from '../configuration.ts';
import { uuidV7 } from '../identifiers.ts';
import { createProblemList, invalidMember } from '../problems.ts';
import { requireBoundedName } from '../request-members.ts';
import type { AuditEntry, Page } from '../store.ts';
import { requireAbove, requireUnscoped, targetDomain } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { contactFacts, parseContact } from './person-settings.ts';
import { checkInstant, checkPage, requireReachable } from './values.ts';
import { userView, userViews } from './views.ts';

type UserAdministration = Pick<
  Administration,
  'users' | 'user' | 'createUser' | 'updateUser' | 'deleteUser' | 'lockUser' | 'unlockUser'
>;

type UserSet = Partial<Omit<User, 'id' | 'version' | 'contact'>>;

/** What an edit makes of a user: the members of his contact that are left out stay. */
interface UserEdit {
  readonly set: UserSet;
  readonly contact: Partial<Contact>;
}

/** Use cases about users. Each works in one domain; a scoped key knows no other. */
export function userAdministration(atDesk: AtDesk): UserAdministration {
  return {
    users: (caller, domainName, page: Page) =>
      atDesk(caller, 'users.read', async (desk) => {
        checkPage(page);
        const domain = requireDomain(desk, domainName);
        return userViews(desk, domain.id, await desk.context.store.users(domain.id, page));
      }),
    user: (caller, domainName, userName) =>
      atDesk(caller, 'users.read', async (desk) => {
        const domain = requireDomain(desk, domainName);
        return userView(desk, await requireUser(desk, domain, userName));
      }),
    createUser: (caller, domainName, user) =>
      atDesk(caller, 'users.write', (desk) => createUser(desk, domainName, user)),
    updateUser: (caller, domainName, userName, set, expected: Expected) =>
      atDesk(caller, 'users.write', (desk) => {
        if (set.administratorRole !== undefined) requireUnscoped(caller);
        return editUser(
          desk,
          { domainName, userName },
          { action: 'user.update', expected: expected.expectedVersion, ...editOf(set) },
        );
      }),
    deleteUser: (caller, domainName, userName) =>
      atDesk(caller, 'users.write', (desk) => deleteUser(desk, domainName, userName)),
    lockUser: (caller, domainName, userName) =>
      atDesk(caller, 'users.lock', (desk) =>
        editUser(
          desk,
          { domainName, userName },
          {
            action: 'user.lock',
            expected: null,
            set: { lockedAtMs: desk.nowMs, lockedBy: 'administrator' },
            contact: {},
          },
        ),
      ),
    unlockUser: (caller, domainName, userName) =>
      atDesk(caller, 'users.lock', (desk) =>
        editUser(
          desk,
          { domainName, userName },
          {
            action: 'user.unlock',
            expected: null,
            set: { lockedAtMs: null, lockedBy: null, lockCount: 0, unlockTries: 0 },
            contact: {},
          },
        ),
      ),
  };
}

/** @throws TallystickError `request-invalid` naming every member that is wrong */
function editOf(given: UserChanges): UserEdit {
  const { isDisabled, expiresAtMs, administratorRole, localAuthentication } = given;
  const problems = createProblemList();
  problems.parse('expiresAtMs', () => checkInstant('expiresAtMs', expiresAtMs ?? null));
  const contact = parseContact(problems, given);
  problems.throwIfAny();
  return {
    set: {
      ...(isDisabled === undefined ? {} : { isDisabled }),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      ...(administratorRole === undefined ? {} : { administratorRole }),
      ...(localAuthentication === undefined ? {} : { localAuthentication }),
    },
    contact,
  };
}

async function editUser(
  desk: Desk,
  named: { readonly domainName: string | null; readonly userName: string },
  edit: UserEdit & { readonly action: string; readonly expected: number | null },
): Promise<UserView> {
  const domain = requireDomain(desk, named.domainName);
  await administer(desk, 'The user', edit.expected, async () => {
    const user = await requireUser(desk, domain, named.userName);
    requireAbove(desk.caller, user);
    const contact = { ...user.contact, ...edit.contact };
    const details = { ...auditable(edit.set), ...contactFacts(user.contact, contact) };
    return {
      changes: [
        {
          change: 'update',
          kind: 'user',
          id: user.id,
          expectedVersion: edit.expected ?? user.version,
          set: { ...edit.set, ...(Object.keys(edit.contact).length === 0 ? {} : { contact }) },
          // What is lifted again must not bring a session back.
          endsSessions: !mayAdminister({ ...user, ...edit.set }, desk.nowMs),
        },
      ],
      audit: doneEntry(desk, edit.action, subjectOf(domain, user.userName), details),
    };
  });
  return userView(desk, await requireUser(desk, domain, named.userName));
}

/**
 * The domain that the request names.
 *
 * @throws TallystickError `not-found`, `request-invalid` for what cannot be a name, or `forbidden`
 *   for a key of another domain
 */
export function requireDomain(desk: Desk, domainName: string | null): Domain {
  requireBoundedName('domain', domainName ?? '');
  const domain = targetDomain(desk.configuration, desk.caller, domainName);
  if (domain !== null) return domain;
  throw notFound(`The domain ${domainName ?? masterDomainName}`);
}

/** @throws TallystickError `not-found`, or `request-invalid` for what cannot be a name */
export async function requireUser(desk: Desk, domain: Domain, userName: string): Promise<User> {
  requireBoundedName('user', userName);
  const user = await desk.context.store.userByName(domain.id, userName.normalize('NFC'));
  if (user === null) throw notFound('The user');
  return user;
}

/** How audit events name a user. */
export function subjectOf(domain: Domain, userName: string): string {
  return `${domain.name}/${userName}`;
}

async function createUser(
  desk: Desk,
  domainName: string | null,
  user: Parameters<Administration['createUser']>[2],
): Promise<UserView> {
  const domain = requireDomain(desk, domainName);
  const problems = createProblemList();
  const userName = problems.parse('userName', () =>
    requireReachable('userName', parseUserName(user.userName)),
  );
  problems.parse('expiresAtMs', () => checkInstant('expiresAtMs', user.expiresAtMs));
  const contact = { ...unknownContact, ...parseContact(problems, user) };
  problems.throwIfAny();
  if (userName === undefined) throw new RangeError('a parsed user has a name');
  const organisationalUnitId = await unitId(desk, domain, user.organisationalUnit);
  const record: User = {
    id: uuidV7(desk.nowMs, desk.context.randomBytes),
    domainId: domain.id,
    organisationalUnitId,
    administratorRole: null,
    userName,
    isDisabled: false,
    expiresAtMs: user.expiresAtMs,
    lockCount: 0,
    lockedAtMs: null,
    lockedBy: null,
    unlockTries: 0,
    lastAttemptAtMs: null,
    lastSuccessAtMs: null,
    contact,
    localAuthentication: user.localAuthentication ?? null,
    password: unsetPassword,
    createdAtMs: desk.nowMs,
    version: 1,
  };
  await administer(desk, `The user ${userName}`, null, () => ({
    changes: [{ change: 'insert', kind: 'user', record }],
    audit: doneEntry(desk, 'user.create', subjectOf(domain, userName), settingFacts(record)),
  }));
  return userView(desk, record);
}

/** What a new user has beside his name, for the audit. */
function settingFacts({ contact, localAuthentication }: User): AuditEntry['details'] {
  return {
    ...(localAuthentication === null ? {} : { localAuthentication }),
    ...contactFacts(unknownContact, contact),
  };
}

async function unitId(desk: Desk, domain: Domain, name: string | null): Promise<string | null> {
  if (name === null) return null;
  const units = await desk.context.store.organisationalUnits(domain.id);
  const unit = units.find((each) => nameKey(each.name) === nameKey(name));
  if (unit !== undefined) return unit.id;
  throw invalidMember('organisationalUnit', 'must be an organisational unit of the domain');
}

async function deleteUser(desk: Desk, domainName: string | null, userName: string): Promise<void> {
  const domain = requireDomain(desk, domainName);
  await administer(desk, 'The user', null, async () => {
    const user = await requireUser(desk, domain, userName);
    requireAbove(desk.caller, user);
    return {
      changes: [{ change: 'delete', kind: 'user', id: user.id, expectedVersion: user.version }],
      audit: doneEntry(desk, 'user.delete', subjectOf(domain, user.userName)),
    };
  });
}

/** What was set, for the audit. */
function auditable(set: UserSet): AuditEntry['details'] {
  return Object.fromEntries(
    Object.entries(set).filter((entry): entry is [string, string | number | boolean | null] => {
      const value = entry[1];
      return value === null || typeof value !== 'object';
    }),
  );
}
