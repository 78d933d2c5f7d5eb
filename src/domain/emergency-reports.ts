import { belongsTo, type EmergencyCode } from './emergency.ts';
import type { EmergencyRaise, OfflinePackage } from './offline.ts';
import type { ReportedLine } from './offline-chain.ts';

/** One use of a code at a workstation, as its log tells it. */
export interface ReportedUse {
  readonly line: ReportedLine;
  readonly code: EmergencyCode;
}

/** What an agent's new lines say about emergency codes. */
export interface EmergencyReport {
  readonly uses: readonly ReportedUse[];
  readonly raises: readonly EmergencyRaise[];
  /** Wrong tries. */
  readonly refused: number;
  /** Uses of codes that its packages never held: they raise nothing. */
  readonly ignored: number;
}

/**
 * A code counts as used where the line's package held it: an agent that lies uses up what it was given, and
 * nobody else's.
 *
 * @param packages of the agent, by id
 * @param codes by id, those that `usedCodeIds` names
 */
export function emergencyReport(
  fresh: readonly ReportedLine[],
  packages: ReadonlyMap<string, OfflinePackage>,
  codes: ReadonlyMap<string, EmergencyCode>,
): EmergencyReport {
  const accepted = fresh.filter(isUse);
  const uses = accepted.flatMap((line): ReportedUse[] => {
    const held = packages.get(line.packageId ?? '');
    const code = codes.get(line.codeId ?? '');
    return held !== undefined && code !== undefined && isOf(code, held) ? [{ line, code }] : [];
  });
  const counts = new Map<string, number>();
  for (const { code } of uses) counts.set(code.id, (counts.get(code.id) ?? 0) + 1);
  return {
    uses,
    raises: [...counts].map(([codeId, count]) => ({ codeId, uses: count })),
    refused: fresh.filter(({ kind }) => kind === 'emergency-refused').length,
    ignored: accepted.length - uses.length,
  };
}

/** The codes that lines say were used. */
export function usedCodeIds(fresh: readonly ReportedLine[]): readonly string[] {
  const ids = fresh.filter(isUse).flatMap(({ codeId }) => (codeId === null ? [] : [codeId]));
  return [...new Set(ids)];
}

function isUse({ kind }: ReportedLine): boolean {
  return kind === 'emergency-accepted';
}

function isOf(code: EmergencyCode, held: OfflinePackage): boolean {
  const { authenticatorId: id, userId, assignmentVersion, emergencyCodeIds } = held;
  return (
    emergencyCodeIds.includes(code.id) &&
    belongsTo(code, { authenticator: { id, userId, assignmentVersion } })
  );
}
