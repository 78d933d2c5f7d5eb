import { localAuthentication, type Rules } from '../../../emulator/index.ts';

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
