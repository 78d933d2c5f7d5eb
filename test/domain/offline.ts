import type { ReportedLine } from '../../src/domain/offline-chain.ts';
import type { OfflinePackage } from '../../src/domain/offline.ts';
import { noonMs } from './support.ts';

/** One that an agent has, of the application and owner that `applicationWith` and the others make. */
export function packageWith(set: Partial<OfflinePackage> = {}): OfflinePackage {
  return {
    id: 'package-1',
    agentId: 'agent-1',
    userId: 'user-1',
    authenticatorId: 'authenticator-1',
    applicationId: 'application-1',
    sequence: 1,
    kind: 'time',
    eventMode: null,
    first: BigInt(noonMs / 30_000),
    count: 1000,
    notBeforeMs: noonMs - 60_000,
    notAfterMs: noonMs + 86_400_000,
    eventsMax: 100,
    eventsUsed: 0,
    policyHash: 'hash',
    assignmentVersion: 1,
    pinVersion: 1,
    passwordVersion: null,
    epoch: 1,
    emergencyCodeIds: [],
    silentAtMs: null,
    state: 'installed',
    createdAtMs: noonMs - 1000,
    version: 1,
    ...set,
  };
}

/** A line of its agent's log. */
export function lineWith(n: number, set: Partial<ReportedLine> = {}): ReportedLine {
  return {
    n,
    kind: 'accepted',
    packageId: 'package-1',
    index: BigInt(noonMs / 30_000),
    atMs: noonMs,
    bootMs: 1_000_000,
    codeId: null,
    bootId: 'boot-1',
    head: `head-${n}`,
    ...set,
  };
}
