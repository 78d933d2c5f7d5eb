import type { ProfileName } from '../device/profiles.ts';
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

/** Tokens of one kind. */
export interface GroupSpec {
  readonly serials: string | readonly string[];
  readonly profile: ProfileName;
  readonly application?: string | undefined;
  readonly algorithm?: string | undefined;
  readonly drift: DriftPreset | { readonly offset: number; readonly ppm: number };
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
  readonly autoOff: boolean;
  readonly retries: number;
}

/** Whom an event concerns: these serials, that group, or all. */
interface When {
  readonly at: number;
  readonly tokens?: string | readonly string[] | undefined;
  readonly group?: string | undefined;
}

/** What a clock does while a battery is out; see `BatteryPolicy`. */
export type SwapPolicy = 'pause' | 'holdup' | 'reset' | 'settable';

export type ScenarioEvent = When &
  (
    | { readonly do: 'press'; readonly times: number; readonly submit: boolean }
    | { readonly do: 'unsent'; readonly times: number }
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
    | { readonly do: 'reseed' | 'unlock' | 'resync' }
    | { readonly do: 'away'; readonly for: number }
  );

/** What is wrong with a scenario, and at which member. */
export interface ScenarioProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Whether it is the member's name that is wrong. */
  readonly isName?: boolean;
}
