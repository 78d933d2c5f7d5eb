import type {
  OfflineAgent,
  OfflineEvent,
  OfflinePackage,
  OfflineReport,
  RetrievalHandle,
} from '../../../src/domain/offline.ts';
import type { RecordChange, Store } from '../../../src/service/store.ts';
import { atMs, freshId, install, insertAll, type Installed } from './records.ts';

/** What a workstation without a server is given and reports, with plain values. */

/** Hex of 32 bytes that no other has. */
export function freshDigest(): string {
  return freshId().replaceAll('-', '').padEnd(64, 'd');
}

export function anAgent(more: Partial<OfflineAgent> = {}): OfflineAgent {
  const id = freshId();
  return {
    id,
    name: `computer-${id}`,
    componentType: 'Workstation',
    publicKey: Buffer.from([0, 127, 128, 255]),
    fingerprint: freshDigest(),
    keyMode: 'sw',
    countsFailures: false,
    state: 'active',
    revokedFor: null,
    acknowledgedThrough: 0,
    head: '0'.repeat(64),
    isGapAccepted: false,
    enrolledAtMs: atMs,
    lastSeenAtMs: atMs,
    version: 1,
    ...more,
  };
}

/** For whom and from what something was made, and where it lies. */
export interface Outfitted extends Installed {
  readonly agent: OfflineAgent;
}

type Owner = Readonly<
  Record<'agent' | 'user' | 'authenticator' | 'application', { readonly id: string }>
>;

function ownersOf({ agent, user, authenticator, application }: Owner): {
  agentId: string;
  userId: string;
  authenticatorId: string;
  applicationId: string;
} {
  return {
    agentId: agent.id,
    userId: user.id,
    authenticatorId: authenticator.id,
    applicationId: application.id,
  };
}

export function aPackage(owner: Owner, more: Partial<OfflinePackage> = {}): OfflinePackage {
  return {
    id: freshId(),
    ...ownersOf(owner),
    sequence: 1,
    kind: 'time',
    eventMode: null,
    first: 40n,
    count: 100,
    notBeforeMs: atMs,
    notAfterMs: atMs + 86_400_000,
    eventsMax: 30,
    eventsUsed: 0,
    policyHash: freshDigest(),
    assignmentVersion: 1,
    pinVersion: 1,
    passwordVersion: 5,
    epoch: 0,
    emergencyCodeIds: [],
    state: 'issued',
    silentAtMs: null,
    createdAtMs: atMs,
    version: 1,
    ...more,
  };
}

export function aHandle(owner: Owner, more: Partial<RetrievalHandle> = {}): RetrievalHandle {
  return {
    id: freshDigest(),
    ...ownersOf(owner),
    assignmentVersion: 2,
    pinVersion: 3,
    passwordVersion: 5,
    epoch: 4,
    expiresAtMs: atMs + 60_000,
    version: 1,
    ...more,
  };
}

export function anEvent(
  { agent, application }: Pick<Owner, 'agent' | 'application'>,
  more: Partial<OfflineEvent> = {},
): OfflineEvent {
  return {
    id: freshId(),
    agentId: agent.id,
    n: 1,
    packageId: freshId(),
    applicationId: application.id,
    kind: 'accepted',
    index: 41n,
    atMs,
    reportId: freshId(),
    isDuplicate: false,
    head: freshDigest(),
    version: 1,
    ...more,
  };
}

export function aReport(agent: OfflineAgent, more: Partial<OfflineReport> = {}): OfflineReport {
  return {
    id: freshId(),
    agentId: agent.id,
    digest: freshDigest(),
    through: 7,
    receivedAtMs: atMs,
    payload: Buffer.from([0, 1, 254, 255]),
    signature: Buffer.alloc(64, 0xa5),
    version: 1,
    ...more,
  };
}

export const insertAgent = (record: OfflineAgent): RecordChange => ({
  change: 'insert',
  kind: 'offlineAgent',
  record,
});
export const insertPackage = (record: OfflinePackage): RecordChange => ({
  change: 'insert',
  kind: 'offlinePackage',
  record,
});
export const insertHandle = (record: RetrievalHandle): RecordChange => ({
  change: 'insert',
  kind: 'retrievalHandle',
  record,
});
export const insertEvent = (record: OfflineEvent): RecordChange => ({
  change: 'insert',
  kind: 'offlineEvent',
  record,
});
export const insertReport = (record: OfflineReport): RecordChange => ({
  change: 'insert',
  kind: 'offlineReport',
  record,
});

/** One user with one time-based authenticator, and a workstation. */
export async function outfit(
  store: Store,
  more: Parameters<typeof install>[1] & { agent?: Partial<OfflineAgent> } = {},
): Promise<Outfitted> {
  const agent = anAgent(more.agent);
  await insertAll(store, [insertAgent(agent)]);
  return { ...(await install(store, more)), agent };
}
