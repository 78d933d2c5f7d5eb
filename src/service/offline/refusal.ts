import type { OfflineRefusal } from '../../domain/offline-plan.ts';
import type { OfflineAgent } from '../../domain/offline.ts';
import { administer, type Desk } from '../administration/desk.ts';
import { auditEntry } from '../audit-entries.ts';
import { agentSubject } from './enrol.ts';

/** Writes down that a workstation got no package, and why. */
export async function noteRefusal(
  desk: Desk,
  agent: OfflineAgent,
  outcome: OfflineRefusal | 'handle-unknown',
): Promise<void> {
  const audit = auditEntry(desk.caller, desk.nowMs, {
    action: 'offline.package.issue',
    outcome,
    subject: agentSubject(agent),
    details: {},
  });
  await administer(desk, 'The refusal', null, () => ({ changes: [], audit }));
}
