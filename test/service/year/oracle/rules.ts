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
const localAuthentication: Rules = {
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

/** One policy of the year: what it sets, and what then holds. */
export interface YearPolicy {
  readonly name: string;
  readonly settings: Partial<Rules>;
  readonly rules: Rules;
}

const settingsByName: Readonly<Record<string, Partial<Rules>>> = {
  plain: {},
  dynamic: { dynamicTimeWindow: true, identificationTimeWindowSteps: 8 },
  'second-otp': {
    secondOtpSync: true,
    initialTimeWindowSeconds: 7200,
    syncEventWindowSteps: 300,
    identificationTimeWindowSteps: 4,
    eventWindowSteps: 5,
    userLockThreshold: 4,
  },
  narrow: {
    identificationTimeWindowSteps: 4,
    eventWindowSteps: 5,
    syncMaxGapSteps: 2,
    syncBackwardMarginSeconds: 120,
    identificationThreshold: 7,
    autoUnlockMaxTries: 0,
  },
  predicted: { hostClockCentre: true, driftPrediction: true, identificationTimeWindowSteps: 6 },
};

/** Clock and counter multiply, so their twins of the policies reach less far in time. */
const withCounterAndClock: Partial<Rules> = {
  timeAndEventApplications: 'allowed',
  syncTimeWindowSeconds: 1200,
};

export const policyNames: readonly string[] = Object.keys(settingsByName);

/** A policy by its name, or its twin for devices with clock and counter. */
export function yearPolicy(name: string, isTwin: boolean): YearPolicy {
  const own = settingsByName[name] ?? {};
  if (!isTwin) return { name, settings: own, rules: { ...localAuthentication, ...own } };
  const initialTimeWindowSeconds = own.secondOtpSync === true ? 900 : 0;
  const settings = { ...own, ...withCounterAndClock, initialTimeWindowSeconds };
  return { name: `${name}, both`, settings, rules: { ...localAuthentication, ...settings } };
}
