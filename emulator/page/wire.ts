/**
 * What the page and its server say to each other: types alone, so that the browser's code shares
 * them with the server's and nothing else. Times and durations are milliseconds; counters and time
 * steps are text.
 */

export type Body = 'fob' | 'keypad' | 'continuous';

/** What it looks like besides. */
export type Form = 'card' | 'phone';

/** What the keypad enters now; null when digits do nothing. */
export type Asks = 'application' | 'pin' | 'challenge' | 'field' | 'unlock-code' | null;

/** What the display shows, in characters that it has. */
export interface LcdView {
  readonly isOn: boolean;
  /** The large characters: capital letters, digits, space, _ and -. */
  readonly main: string;
  /** The small line above them. */
  readonly note: string;
  /** The same for people who listen. */
  readonly spoken: string;
  readonly asks: Asks;
  /** What is worth copying, and what it is. */
  readonly copy: { readonly what: string; readonly text: string } | null;
  readonly isBatteryLow: boolean;
}

export interface ApplicationView {
  readonly name: string;
  readonly mode: string;
  readonly algorithm: string;
}

/** What the application on display takes besides what is keyed in, with the next OK. */
export interface Extras {
  readonly pin: boolean;
  readonly session: boolean;
}

export interface BatteryView {
  readonly state: 'good' | 'low' | 'dead' | 'out';
  readonly charge: number;
  readonly endsAtMs: number | null;
  readonly isReplaceable: boolean;
}

export interface ClockView {
  readonly errorMs: number;
  readonly ratePpm: number;
  readonly deviceTimeMs: number;
  readonly preset: string | null;
}

/** What a token is: as long as this is the same, it is drawn the same. */
export interface Make {
  readonly model: string;
  readonly body: Body;
  readonly form: Form | null;
  readonly hasPin: boolean;
  readonly hasHexKeys: boolean;
  /** Keys that lead to the data fields of a multi-mode application, and to host codes. */
  readonly hasSignKey: boolean;
  readonly hasHostCodeKey: boolean;
  /** How long its button is held for the menu behind it; null without such a menu. */
  readonly longPressMs: number | null;
  readonly isProgrammable: boolean;
  readonly hasBattery: boolean;
  readonly isPaired: boolean;
  readonly applications: readonly ApplicationView[];
}

export interface TokenView {
  readonly serial: string;
  readonly make: Make;
  readonly isLocked: boolean;
  /** The next event counter of each application, in their order; null without one. */
  readonly nextEventCounters: readonly (string | null)[];
  readonly lcd: LcdView;
  readonly extras: Extras;
  /** Whether the key for signing leads to data fields now. */
  readonly signsNext: boolean;
  /** Until the display goes off by itself; null while it is off, or always on. */
  readonly displayOff: { readonly remainingMs: number; readonly ofMs: number } | null;
  /** Of the application on display, or the only one; null without a clock in it. */
  readonly timeStep: { readonly stepMs: number; readonly remainingMs: number } | null;
  /** What the device shows of it beside a response: bars, or a part of one; null where nothing. */
  readonly countdown: CountdownView | null;
  readonly clock: ClockView;
  readonly battery: BatteryView | null;
}

export interface CountdownView {
  readonly stepMs: number;
  readonly remainingMs: number;
  /** How many of `barsMax` are left; null where one bar shrinks. */
  readonly bars: number | null;
  readonly barsMax: number;
}

export interface DeskView {
  /** True time as the page has it: the wall clock and how far one has travelled. */
  readonly trueTimeMs: number;
  readonly travelMs: number;
  readonly tokens: readonly TokenView[];
  /** How many tokens fit the search; `tokens` has the first of them. */
  readonly count: number;
  readonly damaged: readonly { readonly serial: string; readonly reason: string }[];
  /** Another text whenever the inbox has changed; null without messages. */
  readonly inboxVersion: string | null;
}

/** A response that was made. */
export interface GeneratedView {
  readonly applicationName: string;
  readonly response: string;
  readonly eventCounter: string | null;
  readonly timeStep: string | null;
  readonly trueTimeMs: number;
  /** Nobody looked: the counter moved, the response was not read. */
  readonly isUnread: boolean;
}

/** What became of keys that were pressed. */
export interface Outcome {
  readonly token: TokenView;
  readonly generated: GeneratedView | null;
  /** Why the token did not do it, in a sentence; null when it did. */
  readonly refusal: string | null;
  /** What the display of a real one shows for a moment then. */
  readonly flash: string | null;
}

/** One key, or one act of the person who holds the token. */
export type Key =
  | { readonly kind: 'press'; readonly heldMs?: number }
  | { readonly kind: 'clear' | 'change-pin' | 'sign' | 'host-code' }
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'select'; readonly applicationName: string }
  | { readonly kind: 'pin'; readonly pin: string }
  | { readonly kind: 'confirm'; readonly pin?: string; readonly sessionHex?: string };

export interface ClockChangeRequest {
  readonly offsetMs?: number;
  readonly jumpMs?: number;
  readonly ratePpm?: number;
}

export interface NewToken {
  readonly serial: string;
  readonly profile: string;
  readonly preset: string;
  readonly battery: string;
}

/** What a new token can be made of. */
export interface Choices {
  readonly profiles: readonly { readonly name: string; readonly description: string }[];
  readonly presets: readonly string[];
  readonly batteries: readonly { readonly name: string; readonly description: string }[];
}

export interface MessageView {
  readonly atMs: number;
  readonly channel: string;
  readonly to: string;
  readonly subject: string | null;
  readonly text: string;
  /** The one-time password in it; null if there is none. */
  readonly otp: string | null;
}

export interface InboxView {
  readonly version: string | null;
  /** The newest first. */
  readonly messages: readonly MessageView[];
}

export interface ErrorView {
  readonly error: { readonly code: string; readonly message: string };
}
