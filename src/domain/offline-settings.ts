import { choice, onOrOff, type PolicySetting, whole } from './policy-setting.ts';

/**
 * Where a workstation keeps its half of offline data: in hardware, in memory only (the server hands it
 * out at each start), or on its disk.
 */
export type KeyMode = 'hw' | 'ram' | 'sw';

/** Whether event counters that a package holds may serve elsewhere too. */
export type OfflineEventMode = 'shared' | 'reserved';

/** Logons at workstations that can't reach any server (OAS: Offline Authentication). */
export interface OfflineSettings {
  readonly offlineEnabled: boolean;
  readonly offlineDays: number;
  readonly offlineEvents: number;
  readonly offlineKeyMode: KeyMode;
  readonly offlineFailuresMax: number;
  readonly offlineWarnDays: number;
  readonly offlineWarnEvents: number;
  readonly offlineMinPinLength: number;
  readonly offlinePinless: 'allowed' | 'forbidden';
  readonly offlineRequirePassword: boolean;
  readonly offlineAgentsPerAuthenticatorMax: number;
  readonly offlineAuthenticatorsPerUserMax: number;
  readonly offlineWindowBackSteps: number;
  readonly offlineWindowForwardSteps: number;
  readonly offlineEventMode: OfflineEventMode;
  readonly offlineLookAheadSteps: number;
  readonly offlinePackagesPerDayMax: number;
  readonly offlineClockBackMaxSeconds: number;
  readonly offlineSilentDays: number;
}

export const offlineSettings: {
  readonly [Name in keyof OfflineSettings]: PolicySetting<OfflineSettings[Name]>;
} = {
  offlineEnabled: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether workstations of this policy are given what they need to verify users without a server.',
  },
  offlineDays: {
    unit: 'days',
    default: 21,
    range: whole(1, 99),
    oasField: null,
    description:
      'How long a package lasts. Whatever is set here, at most 3 days with keys on the disk, 7 in hardware, 14 in memory.',
  },
  offlineEvents: {
    unit: 'events',
    default: 300,
    range: whole(1, 2999),
    oasField: null,
    description:
      'Logons that a package is good for. Whatever is set here, at most 30 with keys on the disk, 100 in hardware or in memory.',
  },
  offlineKeyMode: {
    unit: '',
    default: 'hw',
    range: choice('hw', 'ram', 'sw'),
    oasField: null,
    description:
      'The weakest place where a workstation may keep its secret: hardware; memory, which a restart without a server empties; its disk, for responses of 8 digits or more only.',
  },
  offlineFailuresMax: {
    unit: 'attempts',
    default: 5,
    range: whole(1, 20),
    oasField: null,
    description: 'Wrong tries in a row, without a server, that lock a package.',
  },
  offlineWarnDays: {
    unit: 'days',
    default: 2,
    range: whole(0, 98),
    oasField: null,
    description: 'Days before the end from which the user is told to connect.',
  },
  offlineWarnEvents: {
    unit: 'events',
    default: 10,
    range: whole(0, 2998),
    oasField: null,
    description: 'Logons before the end from which the user is told to connect.',
  },
  offlineMinPinLength: {
    unit: 'digits',
    default: 4,
    range: whole(3, 8),
    oasField: null,
    description: 'Server PINs that are shorter get no package; with keys on the disk at least 6.',
  },
  offlinePinless: {
    unit: '',
    default: 'forbidden',
    range: choice('allowed', 'forbidden'),
    oasField: null,
    description: 'Whether there are packages for applications without a server PIN.',
  },
  offlineRequirePassword: {
    unit: '',
    default: false,
    range: onOrOff,
    oasField: null,
    description:
      'Whether the static password that this server keeps stands in front of PIN and response at workstations, with a server and without; users who have none get no package.',
  },
  offlineAgentsPerAuthenticatorMax: {
    unit: '',
    default: 2,
    range: whole(1, 10),
    oasField: null,
    description: 'Workstations that may hold packages of one authenticator at a time.',
  },
  offlineAuthenticatorsPerUserMax: {
    unit: '',
    default: 2,
    range: whole(1, 10),
    oasField: null,
    description: 'Authenticators of one user of which one workstation may hold packages.',
  },
  offlineWindowBackSteps: {
    unit: 'steps',
    default: 1,
    range: whole(0, 10),
    oasField: null,
    description: 'Time steps before the expected one that are accepted without a server.',
  },
  offlineWindowForwardSteps: {
    unit: 'steps',
    default: 1,
    range: whole(0, 10),
    oasField: null,
    description: 'Time steps after the expected one that are accepted without a server.',
  },
  offlineEventMode: {
    unit: '',
    default: 'shared',
    range: choice('shared', 'reserved'),
    oasField: null,
    description:
      'With `shared` the event counters of a package also serve online, so that one which was used without a server is good elsewhere until the workstation reports; with `reserved` they serve at that workstation alone until it gives the rest back.',
  },
  offlineLookAheadSteps: {
    unit: 'events',
    default: 10,
    range: whole(1, 100),
    oasField: null,
    description: 'Event counters that are looked at without a server.',
  },
  offlinePackagesPerDayMax: {
    unit: '',
    default: 3,
    range: whole(1, 100),
    oasField: null,
    description: 'Packages of one authenticator in 24 hours, for all workstations together.',
  },
  offlineClockBackMaxSeconds: {
    unit: 'seconds',
    default: 300,
    range: whole(0, 86_400),
    oasField: null,
    description: 'How far the clock of a workstation may have been set back.',
  },
  offlineSilentDays: {
    unit: 'days',
    default: 7,
    range: whole(0, 90),
    oasField: null,
    description:
      'After so many days since the end of a package, without a word of its workstation, an alarm is raised once; 0 never.',
  },
};
