import { dayMs } from '../../domain/durations.ts';
import { nameKey } from '../../domain/names.ts';
import { type OfflineAgent, type OfflinePackage, standingStates } from '../../domain/offline.ts';
import type { Domain, User } from '../../domain/model.ts';
import type { OfflineAdministration, OfflineAgentView, OfflinePackageView } from '../api.ts';
import { sha256Hex } from '../identifiers.ts';
import { agentSubject } from '../offline/enrol.ts';
import { signingKeyOf } from '../offline/format.ts';
import { revocationOf } from '../offline/report.ts';
import { packagesReadMax } from '../offline/subject.ts';
import { invalidMember } from '../problems.ts';
import { requireBoundedName } from '../request-members.ts';
import { requireAbove, requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { requireDomain, requireUser, subjectOf } from './users.ts';
import { checkPage } from './values.ts';

const daysMax = 99;
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

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
    offlineOfUser: (caller, domainName, userName) =>
      atDesk(caller, 'users.read', async (desk) => {
        const user = await requireUser(desk, requireDomain(desk, domainName), userName);
        const { store } = desk.context;
        return packageViews(desk, await store.offlinePackagesOfUser(user.id, packagesReadMax));
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
  throw notFound('The workstation');
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

async function revokeOfUser(
  desk: Desk,
  domain: Domain,
  user: User,
  only: { readonly agentId: string | null; readonly serial: string | null },
): Promise<number> {
  const { store } = desk.context;
  let count = 0;
  await administer(desk, 'The package', null, async () => {
    const all = await store.offlinePackagesOfUser(user.id, packagesReadMax);
    const serials = await serialsOf(desk, user.id);
    const meant = all.filter(
      ({ state, agentId, authenticatorId }) =>
        standingStates.includes(state) &&
        (only.agentId === null || agentId === only.agentId) &&
        (only.serial === null ||
          nameKey(serials.get(authenticatorId) ?? '') === nameKey(only.serial)),
    );
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
        agentId: only.agentId,
        serial: only.serial,
      }),
    };
  });
  return count;
}

async function serialsOf({ context }: Desk, userId: string): Promise<ReadonlyMap<string, string>> {
  const owned = await context.store.authenticatorsOfUser(userId);
  return new Map(owned.map(({ authenticator: { id, serial } }) => [id, serial]));
}

function agentView(agent: OfflineAgent): OfflineAgentView {
  const { id, name, componentType, fingerprint, keyMode, countsFailures } = agent;
  const { state, revokedFor, enrolledAtMs, lastSeenAtMs } = agent;
  return {
    agentId: id,
    name,
    componentType,
    fingerprint,
    keyMode,
    countsFailures,
    state,
    revokedFor,
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
    views.push(viewOf(each, agents.get(agentId)?.name ?? '', owner, domain?.name ?? ''));
  }
  return views;
}

interface Owner {
  readonly user: User | null;
  readonly owned: Awaited<ReturnType<Desk['context']['store']['authenticatorsOfUser']>>;
}

function viewOf(
  offlinePackage: OfflinePackage,
  agentName: string,
  { user, owned }: Owner,
  domainName: string,
): OfflinePackageView {
  const { id, agentId, authenticatorId, applicationId, kind, first, count } = offlinePackage;
  const { state, createdAtMs, notAfterMs, eventsUsed, eventsMax } = offlinePackage;
  const owner = owned.find(({ authenticator }) => authenticator.id === authenticatorId);
  const application = owner?.applications.find((each) => each.id === applicationId);
  return {
    packageId: id,
    agentId,
    agentName,
    userName: user?.userName ?? '',
    domainName,
    serial: owner?.authenticator.serial ?? '',
    applicationName: application?.name ?? '',
    kind,
    first,
    count,
    state,
    createdAtMs,
    notAfterMs,
    eventsUsed,
    eventsMax,
  };
}
