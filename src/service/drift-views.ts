import type { Leaving, WindowNow } from '../domain/drift-forecast.ts';

/** What is known of one application's clock, and where that leads under a policy. */
export interface ApplicationDriftView {
  readonly name: string;
  readonly timeStepSeconds: number;
  /** Device time minus host time as learned or set; negative when the device is behind. */
  readonly driftSeconds: number;
  /** Null before the first use and after a reset. */
  readonly driftAtMs: number | null;
  readonly isDriftFrozen: boolean;
  /** Where the device is expected now, and how much that may be off to each side; null before the first use. */
  readonly deviceSeconds: number | null;
  readonly uncertaintySeconds: number | null;
  /** Null while too few responses were seen to tell. */
  readonly rate: DriftRateView | null;
  readonly window: WindowNow;
  readonly leaving: Leaving;
  /** What accepted responses showed, oldest first. */
  readonly samples: readonly { readonly atMs: number; readonly driftSeconds: number }[];
}

/** How fast a clock runs: positive is fast, 11.6 ppm is a second a day. */
export interface DriftRateView {
  readonly ratePpm: number;
  /** Half of the 95 % interval. */
  readonly ratePpmError: number;
  readonly sampleCount: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface DriftView {
  readonly serial: string;
  readonly policyName: string;
  readonly nowMs: number;
  /** Those with a clock. */
  readonly applications: readonly ApplicationDriftView[];
}

/** An authenticator that may leave its window soon, by the application that does so first. */
export interface LeavingAuthenticatorView {
  readonly serial: string;
  readonly userName: string | null;
  readonly domainName: string | null;
  readonly applicationName: string;
  readonly driftSeconds: number;
  readonly driftAtMs: number | null;
  readonly isDriftFrozen: boolean;
  readonly rate: DriftRateView | null;
  readonly leaving: Leaving;
}

/** Authenticators of one page, counted. */
export interface DriftTotals {
  readonly examined: number;
  /** Disabled or expired: in none of the other counts, and never listed. */
  readonly outOfUse: number;
  readonly withClock: number;
  /** With an application whose rate is known. */
  readonly withRate: number;
  readonly frozen: number;
  /** No application with a clock was used since it was made or reset. */
  readonly neverUsed: number;
}

export interface DriftReport {
  readonly policyName: string;
  readonly nowMs: number;
  readonly totals: DriftTotals;
  /** In the order of their serials: those whose earliest date lies within the days asked for. */
  readonly leaving: readonly LeavingAuthenticatorView[];
  /** The last serial that was examined, while there may be more. */
  readonly next: string | null;
}
