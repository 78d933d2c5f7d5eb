import type { Admission } from './admission.ts';
import type { Health } from './health.ts';
import type { RandomBytes } from './identifiers.ts';
import type { BackEnd, Clock, Delivery, OfflineFormat, PasswordHash } from './ports.ts';
import type { SeedModule } from './seed-module.ts';
import type { Store } from './store.ts';
import type { ConfigurationCache } from './configuration.ts';
import type { SilentWorkstation } from './offline-api.ts';
import type { CallOptions } from './seed-module.ts';

/** What the composition root hands in. */
export interface ServiceDeps {
  readonly store: Store;
  readonly module: SeedModule;
  readonly clock: Clock;
  /** This server's name in the audit. */
  readonly instance: string;
  /** For ids and API keys; the operating system's generator when left out. */
  readonly randomBytes?: RandomBytes;
  /** By what one-time passwords leave; none can be sent when left out. */
  readonly delivery?: Delivery;
  /** What knows passwords beside us; nobody is asked when left out. */
  readonly backEnd?: BackEnd;
  /** scrypt when left out. */
  readonly passwordHash?: PasswordHash;
  /** How packages for logons without a server are written; none are made when left out. */
  readonly offline?: OfflineFormat;
  /** Told of each workstation that never came back, once for a package. */
  readonly onSilent?: (silent: SilentWorkstation) => void;
  readonly limits?: Partial<ServiceLimits>;
}

/** Every bound of this room in one place. */
export interface ServiceLimits {
  /** Use cases at once; more are refused as `overloaded`. */
  readonly inFlightMax: number;
  /** Synchronisations among them: each searches, and holds in memory, a whole space. */
  readonly syncsInFlightMax: number;
  /** Times that a decision is made anew after a conflict, before the attempt is given up. */
  readonly decisionRoundsMax: number;
  /** How long a stored answer waits for a repeat of its request. */
  readonly answerLifetimeMs: number;
  readonly logonDeadlineMs: number;
  readonly syncDeadlineMs: number;
  readonly backgroundDeadlineMs: number;
  /** Rows of each kind that one purge removes. */
  readonly purgeRowsMax: number;
  /** For one gateway to take a message. */
  readonly deliveryDeadlineMs: number;
  /** For all gateways that are tried for one message together. */
  readonly sendDeadlineMs: number;
  /** Messages on their way at once. */
  readonly deliveriesInFlightMax: number;
  /** Messages of all instances in an hour of the clock. */
  readonly sendsPerHourMax: number;
  /** Packages for logons without a server that are made at once. */
  readonly packagesInFlightMax: number;
}

export const defaultLimits: ServiceLimits = Object.freeze({
  inFlightMax: 1024,
  syncsInFlightMax: 32,
  decisionRoundsMax: 8,
  answerLifetimeMs: 60_000,
  logonDeadlineMs: 5_000,
  syncDeadlineMs: 15_000,
  backgroundDeadlineMs: 30_000,
  purgeRowsMax: 1_000,
  deliveryDeadlineMs: 10_000,
  sendDeadlineMs: 20_000,
  deliveriesInFlightMax: 64,
  sendsPerHourMax: 10_000,
  packagesInFlightMax: 8,
});

/** What every use case works with. */
export interface Context {
  readonly store: Store;
  readonly module: SeedModule;
  readonly health: Health;
  readonly clock: Clock;
  readonly instance: string;
  readonly startedAtMs: number;
  readonly randomBytes: RandomBytes;
  readonly limits: ServiceLimits;
  readonly configuration: ConfigurationCache;
  readonly delivery: Delivery;
  readonly deliveries: Admission;
  /** Ids of users to whom a message is on its way: no other is sent meanwhile. */
  readonly sendingTo: Set<string>;
  readonly backEnd: BackEnd | null;
  readonly passwordHash: PasswordHash;
  readonly offline: OfflineFormat | null;
  readonly onSilent: (silent: SilentWorkstation) => void;
  readonly logon: CallOptions;
  readonly sync: CallOptions;
  readonly background: CallOptions;
}
