import type { ReportedLine } from '../../domain/offline-chain.ts';
import { standsStill } from '../../domain/offline-standing.ts';
import { type OfflineAgent, type OfflinePackage, standingStates } from '../../domain/offline.ts';
import { type Known, usedKey } from '../../domain/reconciliation.ts';
import type { Application } from '../../domain/model.ts';
import type { Desk } from '../administration/desk.ts';
import type { OfflineReportDocument } from '../ports.ts';
import { circumstancesOf, packagesReadMax } from './subject.ts';

/** With what the audit calls things by. */
export interface KnownByName extends Known {
  /** Of the packages' authenticators, by id. */
  readonly serials: ReadonlyMap<string, string>;
}

/** Reads all that the lines of a report, or what the agent holds, have to do with. */
export async function knownOf(
  desk: Desk,
  agent: OfflineAgent,
  document: OfflineReportDocument,
  fresh: readonly ReportedLine[],
): Promise<KnownByName> {
  const { policy } = desk.standing;
  const packages = await packagesOf(desk, agent, document, fresh);
  const { applications, serials, stands } = await standingOf(desk, agent, [...packages.values()]);
  return {
    packages,
    applications,
    serials,
    stands,
    used: await usedBefore(desk, packages, fresh),
    usedThrough: await usedThroughOf(desk, agent, { packages, document, fresh }),
    windowForwardSteps: policy.offlineWindowForwardSteps,
    userLockThreshold: lockThresholdOf(desk),
  };
}

/**
 * Where a count of failures stays below: other components have other policies, and the user's count is
 * one for all of them.
 */
function lockThresholdOf({ configuration, standing: { policy } }: Desk): number {
  const thresholds = configuration
    .effectivePolicies()
    .map(({ userLockThreshold }) => userLockThreshold)
    .filter((threshold) => threshold > 0);
  return Math.min(policy.userLockThreshold, ...thresholds);
}

/** The agent's own: what another one was given is nothing that it can report about. */
async function packagesOf(
  { context: { store } }: Desk,
  agent: OfflineAgent,
  document: OfflineReportDocument,
  fresh: readonly ReportedLine[],
): Promise<ReadonlyMap<string, OfflinePackage>> {
  const all = await store.offlinePackagesOfAgent(agent.id, packagesReadMax);
  const byId = new Map(all.map((each) => [each.id, each]));
  const named = new Set([
    ...fresh.flatMap(({ packageId }) => (packageId === null ? [] : [packageId])),
    ...document.packages.map(({ packageId }) => packageId),
  ]);
  for (const id of named) {
    const older = byId.has(id) ? null : await store.offlinePackageById(id);
    if (older?.agentId === agent.id) byId.set(id, older);
  }
  return new Map(
    [...byId].filter(([id, { state }]) => named.has(id) || standingStates.includes(state)),
  );
}

async function standingOf(
  { context, standing: { policy }, nowMs }: Desk,
  agent: OfflineAgent,
  packages: readonly OfflinePackage[],
): Promise<Pick<KnownByName, 'applications' | 'serials' | 'stands'>> {
  const applications = new Map<string, Application>();
  const serials = new Map<string, string>();
  const stands = new Set<string>();
  for (const each of packages) {
    const circumstances = await circumstancesOf(context, each, agent, policy);
    const { owner } = circumstances;
    if (owner !== null) serials.set(owner.authenticator.id, owner.authenticator.serial);
    for (const application of owner?.applications ?? []) {
      applications.set(application.id, application);
    }
    if (standsStill(each, circumstances, nowMs)) stands.add(each.id);
  }
  return { applications, serials, stands };
}

/** What of it other lines have used up: of this agent before, or of another. */
async function usedBefore(
  { context: { store } }: Desk,
  packages: ReadonlyMap<string, OfflinePackage>,
  fresh: readonly ReportedLine[],
): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const { kind, index, packageId } of fresh) {
    const its = packages.get(packageId ?? '');
    if (kind !== 'accepted' || index === null || its === undefined) continue;
    // The database holds no greater ones than it gave out.
    if (index < its.first || index >= its.first + BigInt(its.count)) continue;
    const events = await store.offlineEventsAt(its.applicationId, index);
    if (events.length > 0) used.add(usedKey(its.applicationId, index));
  }
  return used;
}

/** Looked for only where something is given back; at every workstation, or it could be used there too. */
async function usedThroughOf(
  { context: { store } }: Desk,
  { id: agentId, acknowledgedThrough }: OfflineAgent,
  {
    packages,
    document,
    fresh,
  }: {
    readonly packages: ReadonlyMap<string, OfflinePackage>;
    readonly document: OfflineReportDocument;
    readonly fresh: readonly ReportedLine[];
  },
): Promise<ReadonlyMap<string, bigint>> {
  const isGap = document.from - 1 > acknowledgedThrough;
  const through = new Map<string, bigint>();
  for (const { kind, packageId } of fresh) {
    const its = packages.get(packageId ?? '');
    if (kind !== 'released' || its?.eventMode !== 'reserved' || through.has(its.id)) continue;
    const { applicationId, epoch, first, count, createdAtMs } = its;
    const end = first + BigInt(count);
    // Of what it used by lines that are lost nobody knows: all of it may be.
    const isLost = isGap || (await store.offlineGapSince(agentId, createdAtMs));
    const index = isLost ? end - 1n : await store.offlineUsedBelow(applicationId, epoch, end);
    if (index !== null) through.set(its.id, index);
  }
  return through;
}
