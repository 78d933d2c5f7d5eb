import { algorithmTimeStepping, stepInterval, type TimeStepping } from '../oath/index.ts';
import { algorithmMode } from './application.ts';
import { stepAtDrift } from './drift.ts';
import { dayMs } from './durations.ts';
import type { Application } from './model.ts';
import {
  type ApplicationRaise,
  type OfflineEvent,
  type OfflinePackage,
  type PackageState,
  standingStates,
  type UserRaise,
} from './offline.ts';
import type { ReportedLine, ReportFacts } from './offline-chain.ts';

/**
 * What becomes of an agent's log when it returns. Nothing here ever lowers anything: an agent that lies
 * can use up what it was given, and nothing else.
 */

/** What reconciling needs to know of the server's side. */
export interface Known {
  /** All of this agent that lines or the report name, or that stand. */
  readonly packages: ReadonlyMap<string, OfflinePackage>;
  /** As they are now, by id. */
  readonly applications: ReadonlyMap<string, Application>;
  /** `usedKey` of what other lines have used up. */
  readonly used: ReadonlySet<string>;
  /**
   * By package, the highest index below its end that earlier lines used of its application, anywhere, or may
   * have used where lines are lost.
   */
  readonly usedThrough: ReadonlyMap<string, bigint>;
  /** Ids of packages that nothing speaks against. */
  readonly stands: ReadonlySet<string>;
  readonly windowForwardSteps: number;
  /** The lowest of any policy; 0 where nothing is counted. */
  readonly userLockThreshold: number;
}

export interface Reconciliation {
  readonly applications: readonly ApplicationRaise[];
  readonly users: readonly UserRaise[];
  /** Reserved counters that are given back. */
  readonly releases: readonly {
    readonly applicationId: string;
    readonly epoch: number;
    readonly from: bigint;
    readonly to: bigint;
  }[];
  readonly events: readonly Omit<OfflineEvent, 'id' | 'agentId' | 'reportId' | 'version'>[];
  readonly packages: readonly {
    readonly id: string;
    readonly version: number;
    readonly set: Pick<OfflinePackage, 'state' | 'eventsUsed'>;
  }[];
  /** What still stands at the agent. */
  readonly standing: readonly string[];
  readonly accepted: number;
  readonly duplicates: number;
  readonly failures: number;
  /** Acceptances of what the agent was never given, or that is not yet: they raise nothing. */
  readonly ignored: number;
}

/** By which an index of one application is known to be used. */
export function usedKey(applicationId: string, index: bigint): string {
  return `${applicationId} ${index}`;
}

/** An acceptance that counts: of what the agent was given, at a time that has come. */
interface Use {
  readonly line: ReportedLine;
  readonly index: bigint;
  readonly offlinePackage: OfflinePackage;
  readonly application: Application | null;
  /** Of packages of time steps. */
  readonly clock: Clocked | null;
}

interface Clocked {
  readonly application: Application;
  readonly stepping: TimeStepping;
}

interface Judged {
  readonly line: ReportedLine;
  readonly offlinePackage: OfflinePackage | null;
  readonly application: Application | null;
  readonly use: Use | null;
  readonly isDuplicate: boolean;
}

/** What new lines and holdings come to. */
export function reconcile(
  report: ReportFacts,
  fresh: readonly ReportedLine[],
  known: Known,
  nowMs: number,
): Reconciliation {
  const judged = fresh.map((line) => judgeLine(line, known, nowMs));
  const packages = packagesAfter(report, judged, known, nowMs);
  const users = raisedUsers(judged, known);
  const acceptances = judged.filter(({ line }) => line.kind === 'accepted');
  return {
    applications: raisedApplications(report, judged, nowMs),
    users,
    releases: releasesOf(judged, known),
    events: judged.map(eventOf),
    packages: packages.filter(({ isChanged }) => isChanged).map(({ change }) => change),
    standing: packages
      .filter(({ change }) => standingStates.includes(change.set.state))
      .map(({ change }) => change.id),
    accepted: acceptances.length,
    duplicates: judged.filter(({ isDuplicate }) => isDuplicate).length,
    failures: [...failuresByUser(judged).values()].reduce((sum, each) => sum + each, 0),
    ignored: acceptances.filter(({ use }) => use === null).length,
  };
}

function judgeLine(line: ReportedLine, known: Known, nowMs: number): Judged {
  const offlinePackage = known.packages.get(line.packageId ?? '') ?? null;
  if (offlinePackage === null) {
    return { line, offlinePackage, application: null, use: null, isDuplicate: false };
  }
  const application = known.applications.get(offlinePackage.applicationId) ?? null;
  const use = useOf(line, offlinePackage, application, known, nowMs);
  const isDuplicate = use !== null && isUsed(use, known);
  return { line, offlinePackage, application, use, isDuplicate };
}

function useOf(
  line: ReportedLine,
  offlinePackage: OfflinePackage,
  application: Application | null,
  { windowForwardSteps }: Known,
  nowMs: number,
): Use | null {
  const { kind, first, count } = offlinePackage;
  const { index } = line;
  if (line.kind !== 'accepted' || index === null) return null;
  if (index < first || index >= first + BigInt(count)) return null;
  if (kind !== 'time') return { line, index, offlinePackage, application, clock: null };
  const stepping = application === null ? undefined : algorithmTimeStepping(application.algorithm);
  // Of a device that is another's meanwhile nobody knows what time it is.
  if (application === null || stepping === undefined) return null;
  // One more, because the agent may have learned something of the clock that we have not.
  const ahead = BigInt(windowForwardSteps + 1);
  if (index > stepAtDrift(application.driftSeconds, stepping, nowMs) + ahead) return null;
  return { line, index, offlinePackage, application, clock: { application, stepping } };
}

/**
 * Whether it is certain that it was used before: by another line, or as the last thing online. Challenges
 * are of one package each, and so is what answers them.
 */
function isUsed({ offlinePackage, application, index }: Use, { used }: Known): boolean {
  const { kind, applicationId, epoch, eventMode } = offlinePackage;
  const isChallenged =
    application !== null && algorithmMode(application.algorithm) === 'challenge-response';
  if (kind === 'challenge' || (kind === 'time' && isChallenged)) return false;
  if (used.has(usedKey(applicationId, index))) return true;
  if (application?.epoch !== epoch) return false;
  if (kind === 'time') return application.lastStep === index;
  return eventMode !== 'reserved' && application.nextEventCounter === index + 1n;
}

function eventOf({
  line,
  offlinePackage,
  use,
  isDuplicate,
}: Judged): Reconciliation['events'][number] {
  return {
    n: line.n,
    packageId: line.packageId,
    applicationId: offlinePackage?.applicationId ?? null,
    kind: line.kind,
    // What it was never given is not written as used.
    index: use?.index ?? null,
    atMs: line.atMs,
    isDuplicate,
    head: line.head,
  };
}

function raisedApplications(
  report: ReportFacts,
  judged: readonly Judged[],
  nowMs: number,
): readonly ApplicationRaise[] {
  const groups = new Map<string, [Use, ...Use[]]>();
  for (const { use } of judged) {
    if (use === null || use.offlinePackage.kind === 'challenge') continue;
    const { applicationId, epoch } = use.offlinePackage;
    const key = `${applicationId} ${epoch}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [use]);
    else group.push(use);
  }
  return [...groups.values()].map((uses) => raiseOf(report, uses, nowMs));
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function raiseOf(
  report: ReportFacts,
  uses: readonly [Use, ...Use[]],
  nowMs: number,
): ApplicationRaise {
  const [{ offlinePackage, application, clock }] = uses;
  const { epoch, applicationId } = offlinePackage;
  const { nextEventCounter = 0n, lastStep = -1n, floorMs = 0 } = application ?? {};
  const stays = { applicationId, epoch, nextEventCounter, lastStep, floorMs, drift: null };
  const highest = uses.reduce((most, { index }) => maximum(most, index), 0n);
  if (clock === null) {
    return { ...stays, nextEventCounter: maximum(highest + 1n, nextEventCounter) };
  }
  return {
    ...stays,
    lastStep: maximum(highest, lastStep),
    // The whole step, also where it could serve another challenge: which one was answered is not told.
    floorMs: Math.max(floorMs, stepInterval(highest, clock.stepping).endMs),
    drift: clock.application.epoch === epoch ? learned(report, uses, clock, nowMs) : null,
  };
}

interface Sample {
  readonly trueMs: number;
  readonly deltaSteps: number;
}

/** No clock is wrong by another step sooner; who reports often must not lead it away step by step. */
const learnedAgainMs = dayMs / 2;

/**
 * The clock of the computer is not the device's: what it did since it was started is placed by how long ago
 * that was; what it did before only if its clock is right now. The median, and one step at the most, half a
 * day after anything was learned of the clock, online or from a report.
 */
function learned(
  report: ReportFacts,
  uses: readonly Use[],
  { application, stepping }: Clocked,
  nowMs: number,
): ApplicationRaise['drift'] {
  if (application.isDriftFrozen) return null;
  const samples = uses.flatMap(({ line, index }): Sample[] => {
    const trueMs = trueTimeOf(report, line, stepping, nowMs);
    if (trueMs === null) return [];
    const expected = stepAtDrift(application.driftSeconds, stepping, trueMs);
    return [{ trueMs, deltaSteps: Number(index - expected) }];
  });
  const median = medianOf(samples.map(({ deltaSteps }) => deltaSteps));
  const moved = Math.max(-1, Math.min(1, median));
  const driftAtMs = Math.max(0, ...samples.map(({ trueMs }) => trueMs));
  if (moved === 0 || driftAtMs - (application.driftAtMs ?? 0) < learnedAgainMs) return null;
  return { driftSeconds: application.driftSeconds + moved * stepping.timeStepSeconds, driftAtMs };
}

function trueTimeOf(
  { clockMs, bootMs, bootId }: ReportFacts,
  line: ReportedLine,
  { timeStepSeconds }: TimeStepping,
  nowMs: number,
): number | null {
  if (line.bootId === bootId) {
    const agoMs = bootMs - line.bootMs;
    return agoMs < 0 || agoMs > nowMs ? null : Math.round(nowMs - agoMs);
  }
  const isClockRight = Math.abs(clockMs - nowMs) <= timeStepSeconds * 1000;
  return isClockRight && line.atMs <= nowMs ? line.atMs : null;
}

/** Of two in the middle the one nearer to nothing. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const high = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return Math.abs(low) <= Math.abs(high) ? low : high;
}

/** Tries that were begun and did not end well: pulling the plug is no way around. */
function failuresByUser(judged: readonly Judged[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { line, offlinePackage } of judged) {
    if (offlinePackage === null) continue;
    const { userId } = offlinePackage;
    const change = weights[line.kind] ?? 0;
    counts.set(userId, (counts.get(userId) ?? 0) + change);
  }
  return new Map([...counts].map(([userId, count]) => [userId, Math.max(0, count)]));
}

const weights: Readonly<Partial<Record<string, number>>> = {
  attempted: 1,
  accepted: -1,
  'emergency-accepted': -1,
};

/** Up to what a wrong response online would lock: a report alone locks nobody. */
function raisedUsers(
  judged: readonly Judged[],
  { userLockThreshold }: Known,
): readonly UserRaise[] {
  const countMax = userLockThreshold - 1;
  if (countMax < 1) return [];
  return [...failuresByUser(judged)].flatMap(([userId, failures]) =>
    failures > 0 ? [{ userId, failures, countMax }] : [],
  );
}

/** The counters that the agent says it has destroyed: they serve elsewhere again. */
function releasesOf(judged: readonly Judged[], known: Known): Reconciliation['releases'] {
  const moved = new Set<string>();
  return judged.flatMap(({ line, offlinePackage, application }) => {
    if (line.kind !== 'released' || offlinePackage?.eventMode !== 'reserved') return [];
    // A counter that has moved is nowhere to be moved from again, however often it is said.
    if (moved.has(offlinePackage.applicationId)) return [];
    const { id, first, count, epoch, applicationId, state } = offlinePackage;
    const isOfIt = (each: OfflinePackage): boolean =>
      each.applicationId === applicationId && each.epoch === epoch;
    const from = first + BigInt(count);
    // Only if nobody has used what comes after them, or given them back already.
    const isReserved = application?.epoch === epoch && application.nextEventCounter === from;
    if (!isReserved || state === 'released') return [];
    const uses = judged.flatMap(({ use }) =>
      use !== null && isOfIt(use.offlinePackage) ? [use.index] : [],
    );
    const last = uses.reduce(maximum, known.usedThrough.get(id) ?? -1n);
    const next = maximum(first, last + 1n);
    // The same report uses what comes after them.
    if (next > from) return [];
    moved.add(applicationId);
    return [{ applicationId, epoch, from, to: next }];
  });
}

const stateOfLine: Readonly<Partial<Record<string, PackageState>>> = {
  installed: 'installed',
  locked: 'locked',
  wiped: 'wiped',
  removed: 'wiped',
  released: 'released',
};

interface PackageAfter {
  readonly change: Reconciliation['packages'][number];
  readonly isChanged: boolean;
}

function packagesAfter(
  report: ReportFacts,
  judged: readonly Judged[],
  known: Known,
  nowMs: number,
): readonly PackageAfter[] {
  return [...known.packages.values()].flatMap((offlinePackage) => {
    const { id, version, state, eventsUsed } = offlinePackage;
    const held = report.packages.find(({ packageId }) => packageId === id);
    const after = stateAfter(offlinePackage, held?.state ?? null, judged, known, nowMs);
    const used = Math.max(eventsUsed, held?.eventsUsed ?? 0);
    const isChanged = after !== state || used !== eventsUsed;
    return [{ change: { id, version, set: { state: after, eventsUsed: used } }, isChanged }];
  });
}

function stateAfter(
  { id, state, notAfterMs }: OfflinePackage,
  held: ReportFacts['packages'][number]['state'] | null,
  judged: readonly Judged[],
  { stands }: Known,
  nowMs: number,
): PackageState {
  const told = judged
    .filter(({ line }) => line.packageId === id)
    .map(({ line }) => stateOfLine[line.kind])
    .filter((each) => each !== undefined);
  if (told.includes('released')) return 'released';
  if (!standingStates.includes(state)) return state;
  if (!stands.has(id)) return nowMs >= notAfterMs ? 'expired' : 'revoked';
  const last = told.at(-1) ?? state;
  if (held !== null) return held;
  // What it never had may still be on its way.
  return last === 'issued' || last === 'wiped' ? last : 'wiped';
}
