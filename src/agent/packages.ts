import { type PackageHeader, readHeader, stepAt } from '../offline/header.ts';
import type { AgentCode } from './agent-error.ts';
import { isSetBack } from './clock.ts';
import { usableCodes } from './emergency.ts';
import type { Instant } from './env.ts';
import { noted } from './journal.ts';
import { type AgentState, type PackageState, withPackage } from './state.ts';

const dayMs = 86_400_000;

/** Of a package that was installed: the seal of the state covers it. */
export function headerOf({ header }: Pick<PackageState, 'header'>): PackageHeader {
  return readHeader(Buffer.from(header, 'utf8'));
}

/** Whose packages are meant; without a domain, those of whom the server took to be meant by the name alone. */
export interface UserName {
  readonly user: string;
  readonly domain: string | null;
}

/** Those of a person who may be named in several ways. */
export function packagesOf(
  state: AgentState,
  ...names: readonly UserName[]
): readonly PackageState[] {
  return state.packages.filter((each) => names.some((name) => isNamed(each, name)));
}

function isNamed(its: PackageState, { user, domain }: UserName): boolean {
  if (domain === null) return its.namedBy.some((name) => isSameName(name, user));
  const { userName, domainName } = headerOf(its);
  return isSameName(userName, user) && isSameName(domainName, domain);
}

export function isSameName(one: string, other: string): boolean {
  return one.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase();
}

/** The first index that may still be used. */
function nextIndex({ lastIndex }: PackageState, { first }: PackageHeader): bigint {
  return lastIndex === null ? first : BigInt(lastIndex) + 1n;
}

/** Why nothing can be verified with a package, or null when something can. */
export function obstacle(
  state: AgentState,
  its: PackageState,
  nowMs: number,
): Exclude<AgentCode, 'accepted'> | null {
  const header = headerOf(its);
  if (its.status === 'damaged') return 'damaged';
  if (its.status === 'locked') return 'locked';
  if (isSetBack(state, nowMs, header.clockBackMaxSeconds)) return 'clock';
  if (nowMs < header.notBeforeMs - header.clockBackMaxSeconds * 1000) return 'clock';
  if (nowMs >= header.notAfterMs || its.entries === null) return 'expired';
  if (its.status === 'soft-locked') {
    return usableCodes(its.emergency, nowMs).length > 0 ? null : 'locked';
  }
  return usesLeft(its, header) > 0 ? null : 'used-up';
}

function usesLeft(its: PackageState, header: PackageHeader): number {
  const left = header.eventsMax - its.eventsUsed;
  if (header.kind === 'time') return Math.max(0, left);
  const indices = header.first + BigInt(header.count) - nextIndex(its, header);
  return Math.max(0, Math.min(left, Number(indices)));
}

/** The indices that a response may belong to now. */
export function windowOf(
  its: PackageState,
  header: PackageHeader,
  nowMs: number,
): { readonly from: bigint; readonly to: bigint } {
  const next = nextIndex(its, header);
  switch (header.kind) {
    case 'time': {
      const step = stepAt(header, nowMs);
      const back = step - BigInt(header.windowBackSteps);
      return { from: back > next ? back : next, to: step + BigInt(header.windowForwardSteps) };
    }
    case 'event':
      return { from: next, to: next + BigInt(header.lookAhead) - 1n };
    case 'challenge':
      return { from: next, to: next };
  }
}

/** What a user is told of his package. */
export interface Standing {
  readonly user: string;
  readonly domain: string;
  readonly serial: string;
  readonly application: string;
  readonly state: PackageState['status'];
  /** What stands in the way, or null. */
  readonly obstacle: AgentCode | null;
  readonly daysLeft: number;
  readonly usesLeft: number;
  readonly failures: number;
  readonly hasEmergencyCode: boolean;
  readonly warnings: readonly ('few-days' | 'few-uses')[];
}

export function standingOf(state: AgentState, its: PackageState, nowMs: number): Standing {
  const header = headerOf(its);
  const hindered = obstacle(state, its, nowMs);
  const daysLeft = Math.max(0, Math.ceil((header.notAfterMs - nowMs) / dayMs));
  const uses = usesLeft(its, header);
  return {
    user: header.userName,
    domain: header.domainName,
    serial: header.serial,
    application: header.applicationName,
    state: its.status,
    obstacle: hindered,
    daysLeft,
    usesLeft: uses,
    failures: its.failures,
    hasEmergencyCode: usableCodes(its.emergency, nowMs).length > 0,
    warnings: [
      ...(daysLeft <= header.warnDays ? (['few-days'] as const) : []),
      ...(uses <= header.warnEvents ? (['few-uses'] as const) : []),
    ],
  };
}

/** Wrong emergency codes before nothing helps but the server. */
export const emergencyFailuresMax = 3;

/** The package locked: until an emergency code where one may help, else for good. */
export function locked(
  state: AgentState,
  its: PackageState,
  now: Instant,
  nowMs: number,
): AgentState {
  const helps =
    usableCodes(its.emergency, nowMs).length > 0 && its.emergencyFailures < emergencyFailuresMax;
  const { packageId } = its;
  if (helps) {
    const next = withPackage(state, packageId, { status: 'soft-locked' });
    return its.status === 'soft-locked' ? next : noted(next, now, { kind: 'locked', packageId });
  }
  const shut = noted(state, now, { kind: 'locked', packageId });
  return noted(destroyed(shut, packageId, 'locked'), now, { kind: 'wiped', packageId });
}

/** The package without its secrets; what it did is remembered. */
export function destroyed(
  state: AgentState,
  packageId: string,
  status: 'locked' | 'damaged',
): AgentState {
  const next = withPackage(state, packageId, { status, entries: null, emergency: [] });
  return { ...next, doomed: [...next.doomed, packageId] };
}

/** The state without a package, whose secret is doomed. */
export function without(state: AgentState, packageIds: readonly string[]): AgentState {
  if (packageIds.length === 0) return state;
  return {
    ...state,
    doomed: [...state.doomed, ...packageIds],
    packages: state.packages.filter(({ packageId }) => !packageIds.includes(packageId)),
  };
}
