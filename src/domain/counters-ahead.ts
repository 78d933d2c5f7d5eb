import { type OfflinePackage, standingStates } from './offline.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';

/**
 * How many counters each event-based application may be ahead of the server, by its id: those that
 * workstations have of it and have not reported. Reserved ones were taken off the counter when they were
 * handed out.
 */
export type CountersAhead = ReadonlyMap<string, number>;

/**
 * Adds up what the packages of a user leave open. One whose time is over counts until it is reported: what was
 * used up in time is used up.
 */
export function countersAhead(packages: readonly OfflinePackage[]): CountersAhead {
  const ahead = new Map<string, number>();
  for (const { applicationId, state, kind, eventMode, count, eventsUsed } of packages) {
    if (kind !== 'event' || eventMode !== 'shared' || !standingStates.includes(state)) continue;
    ahead.set(applicationId, (ahead.get(applicationId) ?? 0) + Math.max(0, count - eventsUsed));
  }
  return ahead;
}

/**
 * The policy by which a wrong response is looked for where workstations may have moved the counter on: no
 * farther than they can have, and never farther than a synchronisation reaches.
 *
 * @param ahead of all applications that are searched together; the farthest counts
 */
export function policyAhead(policy: EffectivePolicy, ahead: CountersAhead): EffectivePolicy {
  const reach = policy.eventWindowSteps + Math.max(0, ...ahead.values());
  return { ...policy, syncEventWindowSteps: Math.min(policy.syncEventWindowSteps, reach) };
}
