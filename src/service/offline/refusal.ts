import type { OfflineRefusal } from '../../domain/offline-plan.ts';
import type { OfflineAgent, RetrievalHandle } from '../../domain/offline.ts';
import { administer, type Desk, type Proposal } from '../administration/desk.ts';
import { auditEntry } from '../audit-entries.ts';
import { agentSubject } from './enrol.ts';

/** Writes down that a workstation got no package, and why; and what ends with that, if it is there still. */
export async function noteRefusal(
  desk: Desk,
  agent: OfflineAgent,
  outcome: OfflineRefusal | 'handle-unknown' | 'handle-spent',
  handle: RetrievalHandle | null = null,
): Promise<void> {
  const audit = auditEntry(desk.caller, desk.nowMs, {
    action: 'offline.package.issue',
    outcome,
    subject: agentSubject(agent),
    details: {},
  });
  await administer(desk, 'The refusal', null, async () => ({
    changes: handle === null ? [] : await endOf(desk, handle),
    audit,
  }));
}

async function endOf(
  { context: { store } }: Desk,
  { id }: RetrievalHandle,
): Promise<Proposal['changes']> {
  const present = await store.retrievalHandleById(id);
  if (present === null) return [];
  const expectedVersion = present.version;
  return [{ change: 'delete', kind: 'retrievalHandle', id, expectedVersion }];
}
