import type {
  OfflineAgent,
  OfflineEvent,
  OfflinePackage,
  OfflineReport,
  RetrievalHandle,
  TurnOwner,
} from '../domain/offline.ts';

/** What is kept of logons without a server; a part of `Store`. */
export interface OfflineStore {
  offlineAgentById(id: string): Promise<OfflineAgent | null>;
  /** @param fingerprint hex, of its public key */
  offlineAgentByFingerprint(fingerprint: string): Promise<OfflineAgent | null>;
  /** In order of their ids, `after` exclusive. */
  offlineAgents(page: {
    readonly after: string;
    readonly limit: number;
  }): Promise<readonly OfflineAgent[]>;
  offlinePackageById(id: string): Promise<OfflinePackage | null>;
  /** The newest first; of every state. */
  offlinePackagesOfAgent(agentId: string, limit: number): Promise<readonly OfflinePackage[]>;
  offlinePackagesOfUser(userId: string, limit: number): Promise<readonly OfflinePackage[]>;
  offlinePackagesOfApplication(
    applicationId: string,
    limit: number,
  ): Promise<readonly OfflinePackage[]>;
  /** Those that stand and end before an instant, the first first. */
  offlinePackagesEnding(beforeMs: number, limit: number): Promise<readonly OfflinePackage[]>;
  /**
   * Component types of workstations that said nothing since a package of theirs ended, as long as no alarm
   * was raised for it.
   */
  offlineSilentTypes(nowMs: number): Promise<readonly string[]>;
  /** Of such workstations the packages that ended before an instant, the first first. */
  offlinePackagesUnheard(
    componentType: string,
    endedBeforeMs: number,
    limit: number,
  ): Promise<readonly OfflinePackage[]>;
  /** Those of which the alarm was raised, and nothing was heard since; the first first. */
  offlinePackagesSilent(limit: number): Promise<readonly OfflinePackage[]>;
  /** How many turns were taken; 0 where there is no such record. */
  offlineTurn(of: TurnOwner, id: string): Promise<number>;
  /** Notes that the workstation was heard of. */
  touchOfflineAgent(id: string, atMs: number): Promise<void>;
  retrievalHandleById(id: string): Promise<RetrievalHandle | null>;
  /** In order of their numbers, from `from` on. */
  offlineEvents(agentId: string, from: number, limit: number): Promise<readonly OfflineEvent[]>;
  /** Acceptances of that index, at whichever workstation. */
  offlineEventsAt(applicationId: string, index: bigint): Promise<readonly OfflineEvent[]>;
  /** The highest index below `below` that was reported as used in that epoch, at whichever workstation. */
  offlineUsedBelow(applicationId: string, epoch: number, below: bigint): Promise<bigint | null>;
  /** Whether lines of that workstation were given up as lost at that instant or later. */
  offlineGapSince(agentId: string, atMs: number): Promise<boolean>;
  offlineReportById(id: string): Promise<OfflineReport | null>;
}
