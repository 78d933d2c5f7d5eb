import { dayMs } from '../../domain/durations.ts';
import { nameKey } from '../../domain/names.ts';
import { type OfflineAgent, type OfflinePackage, standingStates } from '../../domain/offline.ts';
import type { Domain, User } from '../../domain/model.ts';
import { TallystickError } from '../../errors.ts';
import type {
  OfflineAdministration,
  OfflineAgentView,
  OfflinePackageView,
  OfflineSelection,
} from '../api.ts';
import { sha256Hex, uuidPattern } from '../identifiers.ts';
import { agentSubject } from '../offline/enrol.ts';
import { signingKeyOf } from '../offline/format.ts';
import { revocationOf } from '../offline/report.ts';
import { packagesReadMax } from '../offline/subject.ts';
import { invalidMember } from '../problems.ts';
import { requireBoundedName } from '../request-members.ts';
import { requireAbove, requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry } from './desk.ts';
import { requireDomain, requireUser, subjectOf } from './users.ts';
import { checkPage, requireReason } from './values.ts';

const daysMax = 99;

/** Use cases about workstations that verify users without a server, and what they were given. */
export function offlineAdministration(atDesk: AtDesk): OfflineAdministration {
  return {
    offlineAgents: (caller, page) =>
      atDesk(caller, 'configuration.read', async ({ context }) => {
        requireUnscoped(caller);
        checkPage(page);
        return (await context.store.offlineAgents(page)).map(agentView);
      }),
    offlineAgent: (caller, agentId) =>
      atDesk(caller, 'configuration.read', async (desk) => {
        requireUnscoped(caller);
        const agent = await requireKnown(desk, agentId);
        const { store } = desk.context;
        const packages = await store.offlinePackagesOfAgent(agent.id, packagesReadMax);
        return { agent: agentView(agent), packages: await packageViews(desk, packages) };
      }),
    revokeOfflineAgent: (caller, agentId, reason) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return revokeAgent(desk, agentId, reason);
      }),
    acceptOfflineGap: (caller, agentId, reason) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return acceptGap(desk, agentId, reason);
      }),
    offlineOfUser: (caller, domainName, userName, standing) =>
      atDesk(caller, 'users.read', async (desk) => {
        const user = await requireUser(desk, requireDomain(desk, domainName), userName);
        const { store } = desk.context;
        const all = await store.offlinePackagesOfUser(user.id, packagesReadMax);
        const views = await packageViews(desk, all);
        return standing === null ? views : views.filter((view) => isMeant(view, standing));
      }),
    revokeOfflineOfUser: (caller, domainName, userName, only) =>
      atDesk(caller, 'users.lock', async (desk) => {
        const domain = requireDomain(desk, domainName);
        const user = await requireUser(desk, domain, userName);
        requireAbove(caller, user);
        return revokeOfUser(desk, domain, user, only);
      }),
    offlinePackagesEnding: (caller, withinDays) =>
      atDesk(caller, 'users.read', async (desk) => {
        requireUnscoped(caller);
        if (!Number.isInteger(withinDays) || withinDays < 0 || withinDays > daysMax) {
          throw invalidMember('withinDays', `must be a whole number from 0 to ${daysMax}`);
        }
        const beforeMs = desk.nowMs + withinDays * dayMs;
        const { store } = desk.context;
        const ending = await store.offlinePackagesEnding(beforeMs, packagesReadMax);
        return packageViews(desk, ending);
      }),
    offlinePackagesSilent: (caller) =>
      atDesk(caller, 'users.read', async (desk) => {
        requireUnscoped(caller);
        const silent = await desk.context.store.offlinePackagesSilent(packagesReadMax);
        return packageViews(desk, silent);
      }),
    offlineSigningKey: (caller) =>
      atDesk(caller, 'configuration.read', async ({ context }) => {
        const signingKey = await signingKeyOf(context);
        return { signingKey, fingerprint: sha256Hex(signingKey) };
      }),
  };
}

async function requireKnown({ context }: Desk, agentId: string): Promise<OfflineAgent> {
  const agent = uuidPattern.test(agentId) ? await context.store.offlineAgentById(agentId) : null;
  if (agent !== null) return agent;
  const message = 'There is no workstation of this id: "tallystick offline agents" lists them all.';
  throw new TallystickError('not-found', message);
}

async function revokeAgent(desk: Desk, agentId: string, reason: string | null): Promise<void> {
  const revokedFor = reason ?? 'revoked by an administrator';
  requireBoundedName('reason', revokedFor);
  await administer(desk, 'The workstation', null, async () => {
    const agent = await requireKnown(desk, agentId);
    // The first reason is the one that counts.
    const changes = agent.state === 'revoked' ? [] : await revocationOf(desk, agent, revokedFor);
    const audit = doneEntry(desk, 'offline.agent.revoke', agentSubject(agent), {
      reason: revokedFor,
      packages: Math.max(0, changes.length - 1),
    });
    return { changes, audit };
  });
}

async function acceptGap(desk: Desk, agentId: string, reason: string): Promise<OfflineAgentView> {
  requireReason(reason);
  await administer(desk, 'The workstation', null, async () => {
    const { id, version, name, state, acknowledgedThrough } = await requireKnown(desk, agentId);
    if (state === 'revoked') {
      throw new TallystickError('conflict', 'The workstation was revoked: enrol it anew.', {
        fields: { reason: 'agent-revoked' },
      });
    }
    return {
      changes: [
        {
          change: 'update',
          kind: 'offlineAgent',
          id,
          expectedVersion: version,
          set: { isGapAccepted: true },
        },
      ],
      audit: doneEntry(desk, 'offline.agent.accept-gap', agentSubject({ name, id }), {
        reason,
        acknowledgedThrough,
      }),
    };
  });
  return agentView(await requireKnown(desk, agentId));
}

async function revokeOfUser(
  desk: Desk,
  domain: Domain,
  user: User,
  only: OfflineSelection,
): Promise<number> {
  const { store } = desk.context;
  const { agentId = null } = only;
  // One that is mistyped means none, and would look as if there had been nothing to revoke.
  if (agentId !== null) await requireKnown(desk, agentId);
  let count = 0;
  await administer(desk, 'The package', null, async () => {
    const all = await store.offlinePackagesOfUser(user.id, packagesReadMax);
    const views = await packageViews(desk, all);
    const ids = new Set(views.flatMap((view) => (isMeant(view, only) ? [view.packageId] : [])));
    const meant = all.filter(({ id }) => ids.has(id));
    count = meant.length;
    return {
      changes: meant.map(({ id, version }) => ({
        change: 'update',
        kind: 'offlinePackage',
        id,
        expectedVersion: version,
        set: { state: 'revoked' },
      })),
      audit: doneEntry(desk, 'offline.package.revoke', subjectOf(domain, user.userName), {
        packages: count,
        ...only,
      }),
    };
  });
  return count;
}

/** Whether a package stands and is one of those that are meant. */
function isMeant(view: OfflinePackageView, only: OfflineSelection): boolean {
  const isNamed = (name: string, wanted: string | null = null): boolean =>
    wanted === null || nameKey(name) === nameKey(wanted);
  return (
    standingStates.includes(view.state) &&
    (view.agentId === only.agentId || (only.agentId ?? null) === null) &&
    isNamed(view.agentName, only.agentName) &&
    isNamed(view.componentType, only.componentType) &&
    isNamed(view.serial, only.serial) &&
    isNamed(view.applicationName, only.applicationName)
  );
}

function agentView(agent: OfflineAgent): OfflineAgentView {
  const { id, name, componentType, fingerprint, keyMode, countsFailures } = agent;
  const { state, revokedFor, acknowledgedThrough, isGapAccepted } = agent;
  const { enrolledAtMs, lastSeenAtMs } = agent;
  return {
    agentId: id,
    name,
    componentType,
    fingerprint,
    keyMode,
    countsFailures,
    state,
    revokedFor,
    acknowledgedThrough,
    isGapAccepted,
    enrolledAtMs,
    lastSeenAtMs,
  };
}

/** With names in place of ids; what is gone has none. */
async function packageViews(
  { context: { store }, configuration }: Desk,
  packages: readonly OfflinePackage[],
): Promise<readonly OfflinePackageView[]> {
  const agents = new Map<string, OfflineAgent | null>();
  const owners = new Map<string, Owner>();
  const views: OfflinePackageView[] = [];
  for (const each of packages) {
    const { agentId, userId } = each;
    if (!agents.has(agentId)) agents.set(agentId, await store.offlineAgentById(agentId));
    const owner = owners.get(userId) ?? {
      user: await store.userById(userId),
      owned: await store.authenticatorsOfUser(userId),
    };
    owners.set(userId, owner);
    const domain = configuration.domainById(owner.user?.domainId ?? '');
    views.push(viewOf(each, agents.get(agentId) ?? null, owner, domain?.name ?? ''));
  }
  return views;
}

interface Owner {
  readonly user: User | null;
  readonly owned: Awaited<ReturnType<Desk['context']['store']['authenticatorsOfUser']>>;
}

function viewOf(
  offlinePackage: OfflinePackage,
  agent: OfflineAgent | null,
  { user, owned }: Owner,
  domainName: string,
): OfflinePackageView {
  const { id, agentId, authenticatorId, applicationId, kind, first, count } = offlinePackage;
  const { state, silentAtMs, createdAtMs, notBeforeMs, notAfterMs, eventsUsed, eventsMax } =
    offlinePackage;
  const owner = owned.find(({ authenticator }) => authenticator.id === authenticatorId);
  const application = owner?.applications.find((each) => each.id === applicationId);
  return {
    packageId: id,
    agentId,
    agentName: agent?.name ?? '',
    componentType: agent?.componentType ?? '',
    userName: user?.userName ?? '',
    domainName,
    serial: owner?.authenticator.serial ?? '',
    applicationName: application?.name ?? '',
    kind,
    first,
    count,
    state,
    silentAtMs,
    createdAtMs,
    notBeforeMs,
    notAfterMs,
    eventsUsed,
    eventsMax,
  };
}
