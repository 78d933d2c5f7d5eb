/**
 * The settings that the oracle reckons with, as docs/policies.md describes them. It has no other
 * source: neither names nor defaults come from the product.
 */
export interface Rules {
  readonly userLockThreshold: number;
  readonly autoUnlockMaxTries: number;
  readonly autoUnlockMinDurationSeconds: number;
  readonly autoUnlockMultiplier: number;
  readonly identificationTimeWindowSteps: number;
  readonly initialTimeWindowSeconds: number;
  readonly dynamicTimeWindow: boolean;
  readonly hostClockCentre: boolean;
  readonly driftPrediction: boolean;
  readonly eventWindowSteps: number;
  readonly timeAndEventApplications: 'allowed' | 'forbidden';
  readonly identificationThreshold: number;
  readonly syncTimeWindowSeconds: number;
  readonly syncEventWindowSteps: number;
  readonly syncMaxGapSteps: number;
  readonly syncBackwardMarginSeconds: number | null;
  readonly secondOtpSync: boolean;
  readonly secondOtpSyncLifetimeSeconds: number;
}

/** The policy Local Authentication: the Base Policy's values, and its own few. */
export const localAuthentication: Rules = {
  userLockThreshold: 3,
  autoUnlockMaxTries: 5,
  autoUnlockMinDurationSeconds: 300,
  autoUnlockMultiplier: 2,
  identificationTimeWindowSteps: 20,
  initialTimeWindowSeconds: 0,
  dynamicTimeWindow: false,
  hostClockCentre: false,
  driftPrediction: false,
  eventWindowSteps: 20,
  timeAndEventApplications: 'forbidden',
  identificationThreshold: 0,
  syncTimeWindowSeconds: 21_600,
  syncEventWindowSteps: 1000,
  syncMaxGapSteps: 1,
  syncBackwardMarginSeconds: 900,
  secondOtpSync: false,
  secondOtpSyncLifetimeSeconds: 300,
};

/** What a setting may be; a range has both ends. */
export type RuleLimit =
  | {
      readonly kind: 'whole';
      readonly min: number;
      readonly max: number;
      readonly isNullable: boolean;
    }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'word'; readonly words: readonly string[] };

const whole = (min: number, max: number): RuleLimit => ({
  kind: 'whole',
  min,
  max,
  isNullable: false,
});
const yesOrNo: RuleLimit = { kind: 'boolean' };
const thirtyDays = 2_592_000;

/** The ranges of docs/policies.md. */
export const ruleLimits: Readonly<Record<keyof Rules, RuleLimit>> = {
  userLockThreshold: whole(0, 1000),
  autoUnlockMaxTries: whole(0, 100),
  autoUnlockMinDurationSeconds: whole(1, 604_800),
  autoUnlockMultiplier: whole(1, 10),
  identificationTimeWindowSteps: whole(0, 1000),
  initialTimeWindowSeconds: whole(0, thirtyDays),
  dynamicTimeWindow: yesOrNo,
  hostClockCentre: yesOrNo,
  driftPrediction: yesOrNo,
  eventWindowSteps: whole(1, 10_000),
  timeAndEventApplications: { kind: 'word', words: ['allowed', 'forbidden'] },
  identificationThreshold: whole(0, 1000),
  syncTimeWindowSeconds: whole(0, thirtyDays),
  syncEventWindowSteps: whole(1, 100_000),
  syncMaxGapSteps: whole(1, 2),
  syncBackwardMarginSeconds: { kind: 'whole', min: 0, max: thirtyDays, isNullable: true },
  secondOtpSync: yesOrNo,
  secondOtpSyncLifetimeSeconds: whole(30, 3600),
};

/**
 * Whether every setting is one that there may be: the oracle would reckon with any number.
 *
 * @throws RangeError
 */
export function checkRules(rules: Rules): void {
  for (const [name, limit] of Object.entries(ruleLimits)) {
    if (!isWithin(limit, rules[name as keyof Rules])) {
      throw new RangeError(`${name} is out of range, or missing`);
    }
  }
}

function isWithin(limit: RuleLimit, value: Rules[keyof Rules] | undefined): boolean {
  switch (limit.kind) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'word':
      return typeof value === 'string' && limit.words.includes(value);
    case 'whole':
      if (value === null) return limit.isNullable;
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) return false;
      return value >= limit.min && value <= limit.max;
  }
}
