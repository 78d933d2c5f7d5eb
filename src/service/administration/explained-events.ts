import { explain } from '../../domain/explanations.ts';
import type { Application, AuthenticatorWithApplications } from '../../domain/model.ts';
import { nameKey } from '../../domain/names.ts';
import { algorithmTimeStepping, stepInterval, type TimeStepping } from '../../oath/index.ts';
import { storedEntry } from '../audit-entries.ts';
import type { AdministrationEvent, ExplainedAttempt, ExplainedEvent } from '../explanation.ts';
import type { AuditEntry, AuditEvent, Store } from '../store.ts';
import type { AttemptAction } from '../told.ts';
import { mapBounded } from './views.ts';

/** What the audit has about a user, newest first. */
export interface AuditTale {
  readonly aboutUser: readonly StoredEntry[];
  readonly attempts: readonly StoredEntry[];
  /** What was done to the user, and to authenticators while they were the user's. */
  readonly administration: readonly StoredEntry[];
}

/** An entry with its place in its chain. */
export type StoredEntry = AuditEntry & Pick<AuditEvent, 'instance' | 'sequence'>;

type Details = AuditEntry['details'];

/** Total: what is attempted anew does not compile until it is explained as well. */
const explainedActions: Readonly<Record<AttemptAction, true>> = {
  authenticate: true,
  logon: true,
  synchronise: true,
  'verify-signature': true,
  'issue-challenge': true,
  'change-password': true,
  'change-back-end-password': true,
};
const attemptActions: ReadonlySet<string> = new Set(Object.keys(explainedActions));
const assignAction = 'authenticator.assign';
const unassignAction = 'authenticator.unassign';

/** Events about a user that are read for each attempt that is asked for: others stand between. */
const eventsReadPerAttempt = 4;
const eventsReadPerSerial = 200;
const serialsMax = 20;

/**
 * Reads the last attempts on a user and, as far back as they reach, what was done meanwhile.
 *
 * @param found the user's authenticators now
 */
export async function readTale(
  store: Store,
  subject: string,
  found: readonly AuthenticatorWithApplications[],
  limit: number,
): Promise<AuditTale> {
  const read = await store.auditEventsAbout(subject, limit * eventsReadPerAttempt);
  const aboutUser = read.map(withPlace);
  const attempts = aboutUser.filter(({ action }) => attemptActions.has(action)).slice(0, limit);
  const own = found.map(({ authenticator }) => authenticator.serial);
  const tried = attempts.flatMap(({ details }) => textOf(details, 'serial') ?? []);
  const serials = [...new Set([...tried, ...own])].slice(0, serialsMax);
  const aboutSerials = await mapBounded(serials, async (serial) => {
    const events = (await store.auditEventsAbout(serial, eventsReadPerSerial)).map(withPlace);
    return whileAssigned(events, subject, own.includes(serial));
  });
  const sinceMs = attempts.length < limit ? 0 : (attempts.at(-1)?.atMs ?? 0);
  const administration = [
    ...aboutUser.filter(({ action }) => !attemptActions.has(action)),
    ...aboutSerials.flat(),
  ].filter(({ atMs }) => atMs >= sinceMs);
  return { aboutUser, attempts, administration: newestFirst(administration).slice(0, limit) };
}

/**
 * The events of an authenticator's time with this user, both ends included: what it went through
 * with others is none of this user's business.
 *
 * @param isOwn whether it is the user's now
 */
function whileAssigned(
  events: readonly StoredEntry[],
  subject: string,
  isOwn: boolean,
): readonly StoredEntry[] {
  const about = events.filter(({ action }) => action.startsWith('authenticator.')).toReversed();
  // What came before the first hand-over that was read tells nothing, unless there was none at all.
  const isHandOver = ({ action }: AuditEntry): boolean =>
    action === assignAction || action === unassignAction;
  let isAssigned = isOwn && !about.some(isHandOver);
  return about.filter((event) => {
    if (event.action === assignAction) isAssigned = isAssignedTo(event, subject);
    const belongs = isAssigned;
    if (event.action === unassignAction) isAssigned = false;
    return belongs;
  });
}

function isAssignedTo({ details }: AuditEntry, subject: string): boolean {
  return nameKey(textOf(details, 'user') ?? '') === nameKey(subject);
}

/** Attempts and administration in one order, each attempt explained. */
export function explainedEvents(
  { attempts, administration }: AuditTale,
  found: readonly AuthenticatorWithApplications[],
): readonly ExplainedEvent[] {
  return newestFirst([...attempts, ...administration]).map((entry) =>
    attemptActions.has(entry.action) ? explainedAttempt(entry, found) : administrationEvent(entry),
  );
}

function explainedAttempt(
  { atMs, action, outcome, actor, requestId, details }: StoredEntry,
  found: readonly AuthenticatorWithApplications[],
): ExplainedAttempt {
  const { component, policy, serial, application, ...facts } = details;
  const shown = { component, policy, serial, application };
  const at = { serial: textOf(shown, 'serial'), applicationName: textOf(shown, 'application') };
  return {
    kind: 'attempt',
    atMs,
    action,
    outcome,
    actor,
    requestId,
    component: textOf(shown, 'component'),
    policyName: textOf(shown, 'policy'),
    ...at,
    facts,
    stepsBeginAtMs: stepsBeginAtMs(facts, steppingAt(found, at)),
    ...explain(outcome, details['remembered'] === true),
  };
}

function administrationEvent(entry: StoredEntry): AdministrationEvent {
  const { atMs, action, outcome, actor, requestId, subject, details } = entry;
  return {
    kind: 'administration',
    atMs,
    action,
    outcome,
    actor,
    requestId,
    subject,
    facts: details,
  };
}

/** How steps were counted: by the application that is named, or by all that may be meant alike. */
function steppingAt(
  found: readonly AuthenticatorWithApplications[],
  at: { readonly serial: string | null; readonly applicationName: string | null },
): TimeStepping | null {
  const meant = (given: string | null, name: string): boolean => given === null || given === name;
  const applications = found
    .filter(({ authenticator }) => meant(at.serial, authenticator.serial))
    .flatMap((one) => one.applications)
    .filter(({ name }) => meant(at.applicationName, name));
  const steppings = applications.flatMap(({ algorithm }: Application) => {
    return algorithmTimeStepping(algorithm) ?? [];
  });
  const [first = null] = steppings;
  const isOne = steppings.every(
    ({ timeStepSeconds, timeOriginSeconds }) =>
      timeStepSeconds === first?.timeStepSeconds && timeOriginSeconds === first.timeOriginSeconds,
  );
  return isOne ? first : null;
}

/** Steps are text in the audit, under names that end in Step. */
function stepsBeginAtMs(facts: Details, stepping: TimeStepping | null): Record<string, number> {
  if (stepping === null) return {};
  const steps = Object.entries(facts).flatMap(([name, value]): [string, number][] => {
    if (!name.endsWith('Step') || typeof value !== 'string' || !/^\d{1,15}$/.test(value)) return [];
    return [[name, stepInterval(BigInt(value), stepping).startMs]];
  });
  return Object.fromEntries(steps);
}

function textOf(details: Partial<Details>, name: string): string | null {
  const value = details[name];
  return typeof value === 'string' ? value : null;
}

function withPlace(event: AuditEvent): StoredEntry {
  const { instance, sequence } = event;
  return { ...storedEntry(event), instance, sequence };
}

/** Instances have no common order but the time. */
function newestFirst(entries: readonly StoredEntry[]): readonly StoredEntry[] {
  return entries.toSorted(
    (one, other) =>
      other.atMs - one.atMs ||
      (one.instance === other.instance
        ? other.sequence - one.sequence
        : one.instance < other.instance
          ? -1
          : 1),
  );
}
