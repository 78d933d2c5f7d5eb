import type { EmergencyCode } from '../../domain/emergency.ts';
import {
  emergencyReport,
  type EmergencyReport,
  type ReportedUse,
  usedCodeIds,
} from '../../domain/emergency-reports.ts';
import type { ReportedLine } from '../../domain/offline-chain.ts';
import type { OfflineAgent } from '../../domain/offline.ts';
import { type Desk, doneEntry } from '../administration/desk.ts';
import type { AuditEntry } from '../store.ts';
import { agentSubject } from './enrol.ts';
import type { KnownByName } from './known.ts';

/** What new lines say about emergency codes, held against the codes as they are now. */
export async function emergencyReportOf(
  { context: { store } }: Desk,
  fresh: readonly ReportedLine[],
  { packages }: Pick<KnownByName, 'packages'>,
): Promise<EmergencyReport> {
  const codes = new Map<string, EmergencyCode>();
  for (const id of usedCodeIds(fresh)) {
    const code = await store.emergencyCodeById(id);
    if (code !== null) codes.set(id, code);
  }
  return emergencyReport(fresh, packages, codes);
}

/** One event for each use, to be found under the device as those of logons at the server are. */
export function useEntries(
  desk: Desk,
  agent: OfflineAgent,
  { uses }: EmergencyReport,
  { serials }: Pick<KnownByName, 'serials'>,
): readonly AuditEntry[] {
  return uses.map(({ line, code }: ReportedUse) =>
    doneEntry(desk, 'emergency.use', serials.get(code.authenticatorId) ?? code.authenticatorId, {
      code: code.id,
      kind: code.kind,
      where: 'workstation',
      workstation: agentSubject(agent),
      packageId: line.packageId,
      usedAtMs: line.atMs,
    }),
  );
}
