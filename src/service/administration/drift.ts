import { changedDrift, type DriftChange } from '../../domain/drift-change.ts';
import { type DriftForecast, forecastDrift } from '../../domain/drift-forecast.ts';
import { parseDriftHistory } from '../../domain/drift-history.ts';
import { dayMs } from '../../domain/durations.ts';
import type { Application, AuthenticatorWithApplications } from '../../domain/model.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { algorithmTimeStepping, type TimeStepping } from '../../oath/index.ts';
import type { Administration, AuthenticatorView } from '../api.ts';
import type {
  ApplicationDriftView,
  DriftRateView,
  DriftReport,
  DriftTotals,
  DriftView,
  LeavingAuthenticatorView,
} from '../drift-views.ts';
import { invalidMember } from '../problems.ts';
import { requireUnscoped } from './access.ts';
import {
  authenticatorView,
  requireApplications,
  requireAuthenticator,
  requireEditable,
} from './authenticators.ts';
import { administer, type AtDesk, type Desk, doneEntry } from './desk.ts';
import { requireEffectivePolicy } from './policies.ts';
import { checkPage } from './values.ts';
import { authenticatorViews } from './views.ts';

/** As far as any policy's synchronisation reaches: 30 days. */
const driftSecondsMax = 2_592_000;
const withinDaysMax = 3650;
const defaultPolicyName = 'Local Authentication';

/** A report lets others have their turn after so many authenticators. */
const authenticatorsAtOnce = 20;

/** Use cases about learned clock drift: seeing it, setting it, and what it leads to. */
export function driftAdministration(
  atDesk: AtDesk,
): Pick<Administration, 'showDrift' | 'setDrift' | 'driftReport'> {
  return {
    showDrift: (caller, serial, policyName) =>
      atDesk(caller, 'authenticators.read', (desk) => showDrift(desk, serial, policyName)),
    setDrift: (caller, serial, applicationName, change) =>
      atDesk(caller, 'authenticators.assign', (desk) =>
        setDrift(desk, serial, applicationName, change),
      ),
    driftReport: (caller, asked) =>
      atDesk(caller, 'authenticators.read', (desk) => {
        requireUnscoped(caller);
        return driftReport(desk, asked);
      }),
  };
}

/** An application that has a clock. */
interface Clocked {
  readonly application: Application;
  readonly stepping: TimeStepping;
}

function clockedOf(applications: readonly Application[]): readonly Clocked[] {
  return applications.flatMap((application) => {
    const stepping = algorithmTimeStepping(application.algorithm);
    return stepping === undefined ? [] : [{ application, stepping }];
  });
}

async function showDrift(
  desk: Desk,
  serial: string,
  policyName: string | null,
): Promise<DriftView> {
  const ruling = requireEffectivePolicy(desk.configuration, policyName ?? defaultPolicyName);
  const { authenticator, applications } = await requireAuthenticator(desk, serial);
  return {
    serial: authenticator.serial,
    policyName: ruling.name,
    nowMs: desk.nowMs,
    applications: clockedOf(applications).map((one) =>
      applicationDriftView(one, desk.nowMs, ruling.policy),
    ),
  };
}

function applicationDriftView(
  { application, stepping }: Clocked,
  nowMs: number,
  policy: EffectivePolicy,
): ApplicationDriftView {
  const forecast = forecastDrift(application, stepping, nowMs, policy);
  const { uncertaintySeconds, window, leaving } = forecast;
  return {
    name: application.name,
    timeStepSeconds: stepping.timeStepSeconds,
    driftSeconds: application.driftSeconds,
    driftAtMs: application.driftAtMs,
    isDriftFrozen: application.isDriftFrozen,
    deviceSeconds: uncertaintySeconds === null ? null : tenths(forecast.deviceSeconds),
    uncertaintySeconds: uncertaintySeconds === null ? null : tenths(uncertaintySeconds),
    rate: rateView(forecast),
    window: { ...window, centreSeconds: tenths(window.centreSeconds) },
    leaving,
    samples: parseDriftHistory(application.driftHistory),
  };
}

function rateView({ estimate }: DriftForecast): DriftRateView | null {
  if (estimate === null) return null;
  const { ratePpm, ratePpmError, sampleCount, fromMs, toMs } = estimate;
  return {
    ratePpm: tenths(10 * ratePpm) / 10,
    ratePpmError: tenths(10 * ratePpmError) / 10,
    sampleCount,
    fromMs,
    toMs,
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

async function setDrift(
  desk: Desk,
  serial: string,
  applicationName: string | null,
  change: DriftChange,
): Promise<AuthenticatorView> {
  checkChange(change);
  await administer(desk, 'The authenticator', null, async () => {
    const { authenticator, applications } = await requireEditable(desk, serial);
    const named = requireApplications(applications, applicationName);
    const meant = clockedOf(named).map(({ application }) => application);
    if (meant.length === 0) throw invalidMember('applicationName', noClockText(named));
    const changed = meant.map((application) => changedDrift(application, change, desk.nowMs));
    const after = meant.map((application, index) => ({ ...application, ...changed[index] }));
    return {
      changes: meant.map(({ id, version: expectedVersion }, index) => ({
        change: 'update',
        kind: 'application',
        id,
        expectedVersion,
        set: changed[index] ?? {},
      })),
      audit: doneEntry(desk, `authenticator.drift-${change.action}`, authenticator.serial, {
        applications: meant.map(({ name }) => name).join(','),
        before: meant.map(driftText).join(','),
        after: after.map(driftText).join(','),
      }),
    };
  });
  return authenticatorView(desk, await requireAuthenticator(desk, serial));
}

function checkChange(change: DriftChange): void {
  if (change.action !== 'set') return;
  const { driftSeconds } = change;
  if (Number.isSafeInteger(driftSeconds) && Math.abs(driftSeconds) <= driftSecondsMax) return;
  const allowed = `must be whole seconds from -${driftSecondsMax} to ${driftSecondsMax}`;
  throw invalidMember('driftSeconds', allowed);
}

function noClockText(applications: readonly Application[]): string {
  const names = applications.map(({ name }) => name).join(', ');
  return `must have a clock, which ${names} has not: only responses of time have a drift`;
}

function driftText({ driftSeconds, isDriftFrozen }: Application): string {
  return isDriftFrozen ? `${driftSeconds} frozen` : String(driftSeconds);
}

/** An authenticator of which something can be said: forecasts of its applications with a clock. */
interface Examined {
  readonly found: AuthenticatorWithApplications;
  readonly forecasts: readonly {
    readonly application: Application;
    readonly forecast: DriftForecast;
  }[];
}

async function driftReport(
  desk: Desk,
  { policyName, withinDays, ...page }: Parameters<Administration['driftReport']>[1],
): Promise<DriftReport> {
  checkPage(page);
  checkWithin(withinDays);
  const ruling = requireEffectivePolicy(desk.configuration, policyName ?? defaultPolicyName);
  const found = await desk.context.store.authenticators(page);
  const examined: Examined[] = [];
  for (const [index, one] of found.entries()) {
    if (index % authenticatorsAtOnce === authenticatorsAtOnce - 1) await nextTurn();
    if (!isInUse(one, desk.nowMs)) continue;
    const forecasts = clockedOf(one.applications).map(({ application, stepping }) => ({
      application,
      forecast: forecastDrift(application, stepping, desk.nowMs, ruling.policy),
    }));
    examined.push({ found: one, forecasts });
  }
  const last = found.at(-1);
  return {
    policyName: ruling.name,
    nowMs: desk.nowMs,
    totals: totalsOf(found.length, examined),
    leaving: await leavingViews(desk, examined, desk.nowMs + withinDays * dayMs),
    next: last === undefined || found.length < page.limit ? null : last.authenticator.serial,
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function checkWithin(withinDays: number): void {
  if (Number.isSafeInteger(withinDays) && withinDays >= 1 && withinDays <= withinDaysMax) return;
  throw invalidMember('withinDays', `must be a whole number from 1 to ${withinDaysMax}`);
}

function isInUse({ authenticator }: AuthenticatorWithApplications, nowMs: number): boolean {
  const { isDisabled, expiresAtMs } = authenticator;
  return !isDisabled && (expiresAtMs === null || expiresAtMs > nowMs);
}

function totalsOf(found: number, examined: readonly Examined[]): DriftTotals {
  const clocked = examined.filter(({ forecasts }) => forecasts.length > 0);
  const countOf = (isCounted: (one: Examined) => boolean): number =>
    clocked.filter(isCounted).length;
  return {
    examined: found,
    outOfUse: found - examined.length,
    withClock: clocked.length,
    withRate: countOf(({ forecasts }) =>
      forecasts.some(({ forecast }) => forecast.estimate !== null),
    ),
    frozen: countOf(({ forecasts }) =>
      forecasts.some(({ application }) => application.isDriftFrozen),
    ),
    neverUsed: countOf(({ forecasts }) =>
      forecasts.every(({ application }) => application.driftAtMs === null),
    ),
  };
}

async function leavingViews(
  desk: Desk,
  examined: readonly Examined[],
  untilMs: number,
): Promise<readonly LeavingAuthenticatorView[]> {
  const leaving = examined.flatMap(({ found, forecasts }) => {
    const dated = forecasts.flatMap(({ application, forecast }) => {
      const atMs = forecast.leaving.earliestAtMs;
      return atMs !== null && atMs <= untilMs ? [{ atMs, application, forecast }] : [];
    });
    const [first] = dated.sort((one, other) => one.atMs - other.atMs);
    return first === undefined ? [] : [{ found, ...first }];
  });
  const views = await authenticatorViews(
    desk,
    leaving.map(({ found }) => found),
  );
  return leaving.map(({ found, application, forecast }, index) => ({
    serial: found.authenticator.serial,
    userName: views[index]?.userName ?? null,
    domainName: views[index]?.domainName ?? null,
    applicationName: application.name,
    driftSeconds: application.driftSeconds,
    driftAtMs: application.driftAtMs,
    isDriftFrozen: application.isDriftFrozen,
    rate: rateView(forecast),
    leaving: forecast.leaving,
  }));
}
