import type { ProfileName } from '../device/profiles.ts';
import { usualBattery } from '../physics/battery.ts';
import type { DriftPreset } from '../physics/presets.ts';
import type { PressPreset } from '../physics/presses.ts';
import type { ColumnName, OutputFormat } from './columns.ts';
import type { Rules } from './oracle/index.ts';

/**
 * A scenario as its file has it, with every default filled in. Members are called as in the file;
 * durations and times are milliseconds.
 */
export interface Scenario {
  readonly version: 1;
  readonly seed: string;
  readonly start: number;
  readonly for: number;
  readonly tokens: readonly GroupSpec[];
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  readonly events: readonly ScenarioEvent[];
  readonly policy: Partial<Rules>;
  readonly output: {
    readonly format: OutputFormat;
    readonly columns?: readonly ColumnName[] | undefined;
  };
}

/** Presses that nobody submits. */
export type PressSpec =
  | PressPreset
  | {
      readonly meanPerDay: number;
      readonly shape: number;
      readonly burstsPerDay: number;
      readonly burstMean: number;
    };

/** Absent or `none`: it never ends. */
export type BatterySpec =
  | 'none'
  | BatteryKind
  | {
      readonly kind: BatteryKind;
      readonly life: number;
      /** By how much lives differ, as a part of them. */
      readonly spread: number;
      /** How long it has been in use when the scenario begins. */
      readonly age: number;
      readonly celsius: number;
      readonly warnBefore: number;
    };

/** What a battery is that is only named. */
export const usualLife: Omit<Extract<BatterySpec, object>, 'kind'> = {
  life: usualBattery.lifeMs,
  spread: 0.1,
  age: 0,
  celsius: 20,
  warnBefore: usualBattery.warnBeforeMs,
};

export const batteryKinds = ['sealed', 'replaceable'] as const;
export type BatteryKind = (typeof batteryKinds)[number];

/** Tokens of one kind. */
export interface GroupSpec {
  readonly serials: string | readonly string[];
  readonly profile: ProfileName;
  readonly application?: string | undefined;
  /** Several that the token has and its owner uses, in place of one. */
  readonly applications?: readonly string[] | undefined;
  readonly algorithm?: string | undefined;
  readonly drift: DriftPreset | { readonly offset: number; readonly ppm: number };
  readonly battery?: BatterySpec | undefined;
  readonly presses?: PressSpec | undefined;
  readonly group?: string | undefined;
  readonly behaviour?: string | undefined;
}

/** What owners do. */
export interface Behaviour {
  readonly logins: {
    readonly perDay: number;
    readonly days: string;
    readonly hours: string;
    readonly zone: string;
  };
  readonly submitDelay: { readonly from: number; readonly to: number };
  readonly typingErrors: number;
  readonly presses: PressSpec;
  readonly challengeLogons: number;
  /** How often each application is used, by its name; in proportion. */
  readonly applications?: Readonly<Record<string, number>> | undefined;
  /** Of devices that have one; drawn where it is not given. */
  readonly devicePin?: string | undefined;
  /** Share of device PINs that are mistyped at logons. */
  readonly pinErrors?: number | undefined;
  readonly autoOff: boolean;
  readonly retries: number;
}

/** Whom an event concerns: these serials, that group, or all. */
export interface When {
  readonly at: number;
  readonly tokens?: string | readonly string[] | undefined;
  readonly group?: string | undefined;
}

/** The application that is named, or the first one. */
interface WithApplication {
  readonly application?: string | undefined;
}

/** What a clock does while a battery is out; see `BatteryPolicy`. */
export type SwapPolicy = 'pause' | 'holdup' | 'reset' | 'settable';

export type ScenarioEvent = When &
  (
    | ({ readonly do: 'press'; readonly times: number; readonly submit: boolean } & WithApplication)
    | ({ readonly do: 'unsent'; readonly times: number } & WithApplication)
    | { readonly do: 'storage'; readonly celsius: number; readonly for: number }
    | {
        readonly do: 'battery-swap';
        readonly gap: number;
        readonly policy: SwapPolicy;
        readonly hold?: number | undefined;
        readonly error?: number | undefined;
        readonly flushEvery: number;
      }
    | { readonly do: 'clock-jump'; readonly by: number }
    | { readonly do: 'restore-backup'; readonly of: number }
    | ({ readonly do: 'resync' } & WithApplication)
    | { readonly do: 'reseed' | 'unlock' | 'device-unlock' }
    | { readonly do: 'away'; readonly for: number }
  );

/** What is wrong with a scenario, and at which member. */
export interface ScenarioProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Whether it is the member's name that is wrong. */
  readonly isName?: boolean;
}

/** Of a part of a scenario what can be read: members, and the names of those that cannot. */
export interface Part<Whole> {
  readonly read: Partial<Whole>;
  readonly broken: ReadonlySet<string>;
}

/** A scenario that may have errors, as far as it can be read. */
export interface ScenarioParts {
  readonly start: number | null;
  readonly for: number | null;
  readonly tokens: readonly Part<GroupSpec>[];
  /** Whether these are all that there are. */
  readonly isEachGroupHere: boolean;
  readonly behaviours: Readonly<Record<string, Part<Behaviour>>>;
  readonly events: readonly {
    readonly when: Partial<When>;
    readonly whole: ScenarioEvent | null;
  }[];
  readonly policy: Part<Rules>;
}
