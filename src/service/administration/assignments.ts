import { dayMs } from '../../domain/durations.ts';
import type { Application, Authenticator } from '../../domain/model.ts';
import { disownedPin } from '../../domain/pin-edit.ts';
import { TallystickError } from '../../errors.ts';
import type { Administration, AuthenticatorView } from '../api.ts';
import { invalidMember } from '../problems.ts';
import type { RecordChange } from '../store.ts';
import { requireAbove } from './access.ts';
import { authenticatorView, requireAuthenticator, requireEditable } from './authenticators.ts';
import { administer, type AtDesk, type Desk, doneEntry } from './desk.ts';
import { requireDomain, requireUser, subjectOf } from './users.ts';

/** As long as a policy's may be. */
const graceDaysMax = 365;

/** Use cases about who has an authenticator. */
export function assignmentAdministration(
  atDesk: AtDesk,
): Pick<Administration, 'assignAuthenticator' | 'unassignAuthenticator'> {
  return {
    assignAuthenticator: (caller, serial, domainName, userName, graceDays = null) =>
      atDesk(caller, 'authenticators.assign', (desk) => {
        checkGraceDays(graceDays);
        return assignAuthenticator(desk, serial, { domainName, userName, graceDays });
      }),
    unassignAuthenticator: (caller, serial) =>
      atDesk(caller, 'authenticators.assign', (desk) => unassignAuthenticator(desk, serial)),
  };
}

/** @throws TallystickError `request-invalid` */
function checkGraceDays(days: number | null): void {
  if (days === null || (Number.isInteger(days) && days >= 0 && days <= graceDaysMax)) return;
  throw invalidMember('graceDays', `must be a whole number from 0 to ${graceDaysMax}`);
}

interface NewOwner {
  readonly domainName: string | null;
  readonly userName: string;
  readonly graceDays: number | null;
}

async function assignAuthenticator(
  desk: Desk,
  serial: string,
  { domainName, userName, graceDays }: NewOwner,
): Promise<AuthenticatorView> {
  const domain = requireDomain(desk, domainName);
  const user = await requireUser(desk, domain, userName);
  requireAbove(desk.caller, user);
  const found = await requireAuthenticator(desk, serial);
  // A grace period that begins now is no repetition of what was done before.
  if (found.authenticator.userId === user.id && graceDays === null) {
    return authenticatorView(desk, found);
  }
  const graceEndsAtMs = graceDays === null ? null : desk.nowMs + graceDays * dayMs;
  await administer(desk, 'The authenticator', null, async () => {
    const { authenticator } = await requireAuthenticator(desk, serial);
    if (authenticator.userId !== null) {
      throw new TallystickError('conflict', 'The authenticator is assigned; unassign it first.', {
        fields: { reason: 'assigned' },
      });
    }
    const set = { userId: user.id, assignedAtMs: desk.nowMs, graceEndsAtMs };
    return {
      changes: [assignment(authenticator, set)],
      audit: doneEntry(desk, 'authenticator.assign', authenticator.serial, {
        user: subjectOf(domain, user.userName),
        ...(graceEndsAtMs === null ? {} : { graceEndsAtMs }),
      }),
    };
  });
  return authenticatorView(desk, await requireAuthenticator(desk, serial));
}

async function unassignAuthenticator(desk: Desk, serial: string): Promise<AuthenticatorView> {
  const found = await requireAuthenticator(desk, serial);
  if (found.authenticator.userId === null) return authenticatorView(desk, found);
  await administer(desk, 'The authenticator', null, async () => {
    const { authenticator, applications } = await requireEditable(desk, serial);
    const disowned = disownedPins(applications);
    const { userId } = authenticator;
    const owner = userId === null ? null : await desk.context.store.userById(userId);
    const set = {
      userId: null,
      assignedAtMs: null,
      graceEndsAtMs: null,
      backup: { ...authenticator.backup, endsAtMs: null, usesLeft: null },
    };
    return {
      // In the order in which logons lock the rows.
      changes: [assignment(authenticator, set), ...disowned.map(({ change }) => change)],
      audit: doneEntry(desk, 'authenticator.unassign', authenticator.serial, {
        user: owner?.userName ?? null,
        ...(disowned.length === 0
          ? {}
          : { pinsForgotten: disowned.map(({ name }) => name).join(',') }),
      }),
    };
  });
  return authenticatorView(desk, await requireAuthenticator(desk, serial));
}

/** Whoever gets the authenticator next sets a PIN of his own. */
function disownedPins(
  applications: readonly Application[],
): readonly { readonly name: string; readonly change: RecordChange }[] {
  return applications.flatMap(({ id, name, version: expectedVersion, pin: own }) => {
    const pin = disownedPin(own);
    if (pin === null) return [];
    return [
      {
        name,
        change: { change: 'update', kind: 'application', id, expectedVersion, set: { pin } },
      },
    ];
  });
}

/** Raises the assignment's version, so that no decision made under the old one commits. */
function assignment(
  { id, version, assignmentVersion }: Authenticator,
  set: Pick<Authenticator, 'userId' | 'assignedAtMs' | 'graceEndsAtMs'> &
    Partial<Pick<Authenticator, 'backup'>>,
): RecordChange {
  return {
    change: 'update',
    kind: 'authenticator',
    id,
    expectedVersion: version,
    set: { ...set, assignmentVersion: assignmentVersion + 1 },
  };
}
