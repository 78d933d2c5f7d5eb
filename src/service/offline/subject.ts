import {
  isAgentFull,
  limitRefusal,
  type OfflinePlanning,
  type OfflineSubject,
  pinModeOf,
  planOffline,
  policyText,
} from '../../domain/offline-plan.ts';
import type { OfflineCircumstances } from '../../domain/offline-standing.ts';
import type { OfflineAgent, OfflinePackage } from '../../domain/offline.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import type { AuthenticatorWithApplications } from '../../domain/model.ts';
import type { Desk } from '../administration/desk.ts';
import type { Context } from '../deps.ts';
import type { PackageFor } from '../emergency/package.ts';
import { sha256Hex } from '../identifiers.ts';
import { formatOf } from './format.ts';

/** As many packages as are looked at of one user or workstation: those of years. */
export const packagesReadMax = 1000;

/** Ids of whom and what a package is about. */
export interface OfflineTarget {
  readonly userId: string;
  readonly authenticatorId: string;
  readonly applicationId: string;
  /** Of the static password that was shown in front of PIN and response; null: none that is kept here. */
  readonly passwordVersion: number | null;
}

/** Hex, of the settings that shape packages. */
export function policyHashOf(policy: EffectivePolicy): string {
  return sha256Hex(policyText(policy));
}

/** What a package hangs on, as it is now. */
export async function circumstancesOf(
  { store }: Context,
  { userId, authenticatorId }: Pick<OfflineTarget, 'userId' | 'authenticatorId'>,
  agent: OfflineAgent,
  policy: EffectivePolicy,
): Promise<OfflineCircumstances> {
  const [user, owned] = await Promise.all([
    store.userById(userId),
    store.authenticatorsOfUser(userId),
  ]);
  const owner = owned.find(({ authenticator }) => authenticator.id === authenticatorId) ?? null;
  return { user, owner, policy, policyHash: policyHashOf(policy), agent };
}

/** For what package emergency codes are wanted. */
export function packageFor(
  { nowMs, standing: { policy } }: Desk,
  { user, application }: Pick<OfflineSubject, 'user' | 'application'>,
  owner: AuthenticatorWithApplications,
): PackageFor {
  return { user, owner, pinMode: pinModeOf(application), nowMs, policy };
}

/** Whether there is a package for somebody, and what there is already. */
export interface OfflineProspect {
  readonly planning: OfflinePlanning;
  readonly subject: OfflineSubject | null;
  readonly circumstances: OfflineCircumstances;
  /** Of the user, newest first, whatever their state. */
  readonly packages: readonly OfflinePackage[];
}

/** Looks at everything that has a say in whether an agent gets a package of somebody. */
export async function prospectOf(
  { context, standing, nowMs }: Desk,
  agent: OfflineAgent,
  target: OfflineTarget,
): Promise<OfflineProspect> {
  const { policy } = standing;
  const circumstances = await circumstancesOf(context, target, agent, policy);
  const packages = await context.store.offlinePackagesOfUser(target.userId, packagesReadMax);
  const { user, owner } = circumstances;
  const application = owner?.applications.find(({ id }) => id === target.applicationId);
  if (user === null || owner === null || application === undefined) {
    const planning = { kind: 'refused', reason: 'not-serving' } as const;
    return { planning, subject: null, circumstances, packages };
  }
  const subject = { agent, user, authenticator: owner.authenticator, application };
  const { passwordVersion } = target;
  const { entriesMax } = formatOf(context);
  const planned = planOffline({ ...subject, passwordVersion }, nowMs, policy, entriesMax);
  const ofAgent = await context.store.offlinePackagesOfAgent(agent.id, packagesReadMax);
  const limit = isAgentFull(ofAgent, subject, nowMs)
    ? 'agent-full'
    : limitRefusal(packages, subject, nowMs, policy);
  const isFree = planned.kind === 'refused' || limit === null;
  return {
    planning: isFree ? planned : { kind: 'refused', reason: limit },
    subject,
    circumstances,
    packages,
  };
}
