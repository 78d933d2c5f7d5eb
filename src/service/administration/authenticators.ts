import { resetOf } from '../../domain/application.ts';
import type { Application, AuthenticatorWithApplications } from '../../domain/model.ts';
import { nameKey } from '../../domain/names.ts';
import { TallystickError } from '../../errors.ts';
import type { Administration, AuthenticatorView, NewAuthenticator } from '../api.ts';
import { fromModule } from '../module-calls.ts';
import { invalidMember } from '../problems.ts';
import { requireBoundedName } from '../request-members.ts';
import type { RecordChange } from '../store.ts';
import { requireAbove, requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { changesOf, checkChanges } from './authenticator-changes.ts';
import { insertAuthenticator, planAuthenticator } from './new-seeds.ts';
import { pairAuthenticator } from './pairing.ts';
import { checkPage } from './values.ts';
import { authenticatorViews } from './views.ts';
import { createVirtualMobile } from './virtual-mobile.ts';

type AuthenticatorAdministration = Pick<
  Administration,
  | 'authenticators'
  | 'authenticator'
  | 'createAuthenticator'
  | 'createVirtualMobile'
  | 'pairAuthenticator'
  | 'updateAuthenticator'
  | 'deleteAuthenticator'
  | 'resetApplication'
>;

const seedBytesMin = 16;
const seedBytesMax = 128;

/** Use cases about authenticators: making, changing, resetting and removing them. */
export function authenticatorAdministration(atDesk: AtDesk): AuthenticatorAdministration {
  return {
    authenticators: (caller, page) =>
      atDesk(caller, 'authenticators.read', async (desk) => {
        requireUnscoped(caller);
        checkPage(page);
        return authenticatorViews(desk, await desk.context.store.authenticators(page));
      }),
    authenticator: (caller, serial) =>
      atDesk(caller, 'authenticators.read', async (desk) =>
        authenticatorView(desk, await requireAuthenticator(desk, serial)),
      ),
    createAuthenticator: (caller, authenticator) =>
      overwritingSeeds(authenticator, () =>
        atDesk(caller, 'authenticators.write', (desk) => {
          requireUnscoped(caller);
          return createAuthenticator(desk, authenticator);
        }),
      ),
    createVirtualMobile: (caller, authenticator) =>
      atDesk(caller, 'authenticators.write', async (desk) => {
        requireUnscoped(caller);
        const serial = await createVirtualMobile(desk, authenticator);
        return authenticatorView(desk, await requireAuthenticator(desk, serial));
      }),
    pairAuthenticator: (caller, pairRequest) =>
      atDesk(caller, 'authenticators.write', (desk) => {
        requireUnscoped(caller);
        return pairAuthenticator(desk, pairRequest);
      }),
    updateAuthenticator: (caller, serial, set, expected) =>
      atDesk(caller, 'authenticators.write', (desk) =>
        updateAuthenticator(desk, serial, set, expected.expectedVersion),
      ),
    deleteAuthenticator: (caller, serial) =>
      atDesk(caller, 'authenticators.write', (desk) => {
        requireUnscoped(caller);
        return deleteAuthenticator(desk, serial);
      }),
    resetApplication: (caller, serial, applicationName) =>
      atDesk(caller, 'authenticators.assign', (desk) =>
        resetApplication(desk, serial, applicationName),
      ),
  };
}

export async function authenticatorView(
  desk: Desk,
  found: AuthenticatorWithApplications,
): Promise<AuthenticatorView> {
  const [view] = await authenticatorViews(desk, [found]);
  if (view === undefined) throw new RangeError('one authenticator in, one view out');
  return view;
}

/**
 * A scoped key sees what is assigned within its domain, and what is not assigned at all.
 *
 * @throws TallystickError `not-found`, or `request-invalid` for what cannot be a serial
 */
export async function requireAuthenticator(
  desk: Desk,
  serial: string,
): Promise<AuthenticatorWithApplications> {
  requireBoundedName('serial', serial);
  const { context, caller } = desk;
  const found = await context.store.authenticatorBySerial(serial);
  if (found === null) throw notFound('The authenticator');
  const ownerId = found.authenticator.userId;
  if (caller.domainId !== null && ownerId !== null) {
    const owner = await context.store.userById(ownerId);
    if (owner?.domainId !== caller.domainId) throw notFound('The authenticator');
  }
  return found;
}

/**
 * As `requireAuthenticator`, for what changes it or lets somebody use it: the device of an administrator
 * is out of reach for those who may not make administrators.
 *
 * @throws TallystickError `not-found`, `request-invalid`, `forbidden`
 */
export async function requireEditable(
  desk: Desk,
  serial: string,
): Promise<AuthenticatorWithApplications> {
  const found = await requireAuthenticator(desk, serial);
  const { userId } = found.authenticator;
  const owner = userId === null ? null : await desk.context.store.userById(userId);
  if (owner !== null) requireAbove(desk.caller, owner);
  return found;
}

/**
 * The named application, or all of them.
 *
 * @throws TallystickError `not-found`, or `conflict` with reason `no-applications` where there is none
 *   to name
 */
export function requireApplications(
  applications: readonly Application[],
  applicationName: string | null,
): readonly Application[] {
  if (applications.length === 0) {
    const message =
      'A virtual mobile authenticator has no applications: there is no drift, no PIN and nothing to reset.';
    throw new TallystickError('conflict', message, { fields: { reason: 'no-applications' } });
  }
  const meant = applications.filter(
    ({ name }) => applicationName === null || nameKey(name) === nameKey(applicationName),
  );
  if (meant.length === 0) throw notFound('The application');
  return meant;
}

/** Whatever happens, imported seeds don't stay in memory. */
async function overwritingSeeds<Result>(
  { applications }: NewAuthenticator,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } finally {
    for (const { seed } of applications) {
      if (seed.source === 'import') seed.bytes.fill(0);
    }
  }
}

async function createAuthenticator(
  desk: Desk,
  given: NewAuthenticator,
): Promise<AuthenticatorView> {
  const plan = planAuthenticator(desk, { ...given, isVirtual: false });
  for (const [index, { seed }] of given.applications.entries()) {
    if (seed.source === 'generate') continue;
    const { length } = seed.bytes;
    if (length >= seedBytesMin && length <= seedBytesMax) continue;
    const allowed = `must have ${seedBytesMin} to ${seedBytesMax} bytes`;
    throw invalidMember(`applications[${index}].seed`, allowed);
  }
  const { module, background } = desk.context;
  const origin = given.applications.map(({ seed }) =>
    seed.source === 'generate' ? ('generated' as const) : ('imported' as const),
  );
  await insertAuthenticator(
    desk,
    plan,
    { name: 'authenticator.create', origin },
    ({ seedSpec }, index) => {
      const seed = given.applications[index]?.seed;
      return fromModule(
        seed?.source === 'import'
          ? module.importSeed(seedSpec, seed.bytes, background)
          : module.generateSeed(seedSpec, background),
      );
    },
    { seeds: origin.join(',') },
  );
  return authenticatorView(desk, await requireAuthenticator(desk, plan.serial));
}

async function updateAuthenticator(
  desk: Desk,
  serial: string,
  set: Parameters<Administration['updateAuthenticator']>[2],
  expectedVersion: number | null,
): Promise<AuthenticatorView> {
  checkChanges(set);
  await administer(desk, 'The authenticator', expectedVersion, async () => {
    const { authenticator } = await requireEditable(desk, serial);
    const { changed, details } = changesOf(authenticator, set);
    return {
      changes: [
        {
          change: 'update',
          kind: 'authenticator',
          id: authenticator.id,
          expectedVersion: expectedVersion ?? authenticator.version,
          set: changed,
        },
      ],
      audit: doneEntry(desk, 'authenticator.update', authenticator.serial, details),
    };
  });
  return authenticatorView(desk, await requireAuthenticator(desk, serial));
}

/** The rows first: a seed without a row is harmless, a row without its seed is a broken login. */
async function deleteAuthenticator(desk: Desk, serial: string): Promise<void> {
  let seedIds: readonly string[] = [];
  await administer(desk, 'The authenticator', null, async () => {
    const { authenticator, applications } = await requireEditable(desk, serial);
    seedIds = applications.map(({ seed }) => seed.seedId);
    const changes: RecordChange[] = applications.map((application) => ({
      change: 'delete',
      kind: 'application',
      id: application.id,
      expectedVersion: application.version,
    }));
    changes.push({
      change: 'delete',
      kind: 'authenticator',
      id: authenticator.id,
      expectedVersion: authenticator.version,
    });
    return { changes, audit: doneEntry(desk, 'authenticator.delete', authenticator.serial) };
  });
  for (const seedId of seedIds) await destroyOrphan(desk, serial, seedId);
}

/** The rows are gone, so the deletion stands; a seed that stayed is a matter for the operator. */
async function destroyOrphan(desk: Desk, serial: string, seedId: string): Promise<void> {
  const { module, background, store } = desk.context;
  try {
    await fromModule(module.destroySeed(seedId, background));
  } catch (error) {
    if (!(error instanceof TallystickError)) throw error;
    const entry = doneEntry(desk, 'authenticator.delete', serial, { seedId, error: error.code });
    await store.administer([], { ...entry, outcome: 'seed-left-in-module' });
  }
}

async function resetApplication(
  desk: Desk,
  serial: string,
  applicationName: string | null,
): Promise<AuthenticatorView> {
  await administer(desk, 'The authenticator', null, async () => {
    const { authenticator, applications } = await requireEditable(desk, serial);
    const meant = requireApplications(applications, applicationName);
    return {
      changes: meant.map((application) => ({
        change: 'update',
        kind: 'application',
        id: application.id,
        expectedVersion: application.version,
        set: resetOf(application, desk.nowMs),
      })),
      audit: doneEntry(desk, 'authenticator.reset', authenticator.serial, {
        applications: meant.map(({ name }) => name).join(','),
      }),
    };
  });
  return authenticatorView(desk, await requireAuthenticator(desk, serial));
}
