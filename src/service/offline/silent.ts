import { dayMs } from '../../domain/durations.ts';
import { nameKey } from '../../domain/names.ts';
import type { OfflinePackage } from '../../domain/offline.ts';
import { doneOutcome, serverItself } from '../audit-entries.ts';
import type { Configuration } from '../configuration.ts';
import type { Context } from '../deps.ts';
import { agentSubject } from './enrol.ts';

/** Of one component type at one time; the rest waits for the next. */
const packagesMax = 100;

/**
 * Raises the alarm for workstations that never came back: once for a package, whichever instance comes
 * first.
 */
export async function noteSilentWorkstations(context: Context): Promise<void> {
  const nowMs = context.clock.nowMs();
  for (const componentType of await context.store.offlineSilentTypes(nowMs)) {
    const days = silentDaysOf(await context.configuration.current(), componentType);
    if (days === 0) continue;
    const endedBeforeMs = nowMs - days * dayMs;
    const unheard = await context.store.offlinePackagesUnheard(
      componentType,
      endedBeforeMs,
      packagesMax,
    );
    for (const each of unheard) await raiseAlarm(context, each, nowMs);
  }
}

/** The soonest of all components of that type: which of them it was is known of requests alone. */
function silentDaysOf(configuration: Configuration, componentType: string): number {
  const { policies, components } = configuration.snapshot;
  const effective = configuration.effectivePolicies();
  const days = components
    .filter((component) => nameKey(component.componentType) === nameKey(componentType))
    .map(({ policyId }) => effective[policies.findIndex(({ id }) => id === policyId)])
    .map((policy) => policy?.offlineSilentDays ?? 0)
    .filter((each) => each > 0);
  return days.length === 0 ? 0 : Math.min(...days);
}

async function raiseAlarm(
  { store, onSilent }: Context,
  { id, agentId, version, notAfterMs: endedAtMs }: OfflinePackage,
  nowMs: number,
): Promise<void> {
  const agent = await store.offlineAgentById(agentId);
  if (agent === null) return;
  const { lastSeenAtMs } = agent;
  const subject = agentSubject(agent);
  const { status } = await store.administer(
    [
      {
        change: 'update',
        kind: 'offlinePackage',
        id,
        expectedVersion: version,
        set: { silentAtMs: nowMs },
      },
    ],
    {
      atMs: nowMs,
      action: 'offline.silent',
      outcome: doneOutcome,
      actor: serverItself,
      subject,
      requestId: '',
      details: { packageId: id, endedAtMs, lastSeenAtMs },
    },
  );
  // Another instance was first, or the workstation has reported meanwhile.
  if (status === 'committed') {
    onSilent({ workstation: subject, packageId: id, endedAtMs, lastSeenAtMs });
  }
}
