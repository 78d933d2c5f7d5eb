/** What a value may be. */
export type SettingRange =
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | {
      readonly type: 'whole-number';
      readonly min: number;
      readonly max: number;
      /** What null means, where null is a value. */
      readonly nullMeans?: string;
    }
  | { readonly type: 'boolean' }
  | { readonly type: 'names'; readonly of: 'application' | 'model'; readonly maxEntries: number }
  | {
      readonly type: 'text';
      readonly charactersMax: number;
      /** What has to be in it, once. */
      readonly mustHold?: string;
    };

export interface PolicySetting<Value> {
  /** Unit of a number, '' for the rest. */
  readonly unit:
    | ''
    | 'attempts'
    | 'seconds'
    | 'hours'
    | 'days'
    | 'digits'
    | 'characters'
    | 'passwords'
    | 'messages'
    | 'steps'
    | 'events'
    | 'challenges';
  /** The value of the Base Policy. */
  readonly default: Value;
  readonly range: SettingRange;
  /** The field of an OAS policy that it stands for; null where OAS has none. */
  readonly oasField: string | null;
  readonly description: string;
}

export const choice = (...choices: readonly string[]): SettingRange => ({
  type: 'choice',
  choices,
});
export const whole = (min: number, max: number): SettingRange => ({
  type: 'whole-number',
  min,
  max,
});
export const onOrOff: SettingRange = { type: 'boolean' };
