import { drawTokens } from '../../../emulator/fleet/draw.ts';
import { type Fleet, fleetOf } from '../../../emulator/fleet/fleet-folder.ts';
import type { Sequence } from '../../../emulator/fleet/oracle/index.ts';
import { livesOf } from '../../../emulator/fleet/fleet.ts';
import { type Row, rowWriter } from '../../../emulator/fleet/row.ts';
import { FleetRun } from '../../../emulator/fleet/run.ts';
import { readScenario } from '../../../emulator/fleet/scenario-file.ts';

/** A fleet with everything in it, small enough to run in a moment. */
export const mixedScenario: string = `
version: 1
seed: NOT-FOR-PRODUCTION mixed
start: 2026-03-01T00:00:00Z
for: P60D
tokens:
  - { serials: VT90000001..VT90000003, profile: one-button-time, behaviour: office, group: emea }
  - { serials: VT90000011..VT90000013, profile: one-button-event, behaviour: office, presses: child-with-token }
  - { serials: VT90000021..VT90000022, profile: one-button-time-event, behaviour: office }
  - { serials: [VT90000031, VT90000032], profile: keypad-multi, behaviour: night, drift: phone }
  - { serials: VT90000041, profile: keypad-cr-counter, behaviour: night, drift: { offset: PT40S, ppm: 12 } }
behaviours:
  office:
    logins: { perDay: 2, days: mon-fri, hours: 07-19, zone: Europe/Berlin }
    typingErrors: 0.05
    retries: 2
  night:
    logins: { perDay: 1.5, days: daily, hours: 18-24, zone: America/New_York }
    challengeLogons: 0.5
events:
  - { at: P5D, tokens: VT90000001, do: clock-jump, by: PT7M }
  - { at: P6D, tokens: VT90000011, do: press, times: 30 }
  - { at: P7D, tokens: VT90000012, do: unsent, times: 25 }
  - { at: P8D, tokens: VT90000012, do: resync }
  - { at: P9D, group: emea, do: storage, celsius: 45, for: P14D }
  - { at: P20D, tokens: VT90000002, do: battery-swap, gap: PT4M }
  - { at: P22D, tokens: VT90000013, do: battery-swap, gap: PT1M, policy: settable, flushEvery: 8 }
  - { at: P25D, do: restore-backup, of: P24D }
  - { at: P30D, tokens: VT90000041, do: reseed }
  - { at: P31D, tokens: VT90000003, do: away, for: P10D }
  - { at: P40D, do: unlock }
policy: { secondOtpSync: true, timeAndEventApplications: allowed, syncTimeWindowSeconds: 1200 }
`;

/** The fleet of a scenario's text. */
export function fleet(text: string): Fleet {
  const scenario = readScenario(Buffer.from(text), 'scenario.yaml');
  return fleetOf(scenario, [...drawTokens(scenario)]);
}

export function runOf({ scenario, tokens }: Fleet): FleetRun {
  return new FleetRun(livesOf(scenario, tokens));
}

export function rowsOf(run: FleetRun): Row[] {
  const rows: Row[] = [];
  for (let row = run.next(); row !== undefined; row = run.next()) rows.push(row);
  return rows;
}

export function csvOf(rows: readonly Row[]): string {
  const writer = rowWriter('csv');
  return writer.header + rows.map((row) => writer.write(row)).join('');
}

/** The beginning of a small scenario, and the rest of it. */
export function head(more: string): string {
  return `version: 1\nseed: NOT-FOR-PRODUCTION\nstart: 2026-01-01T00:00:00Z\n${more}`;
}

/** TOTP as most fobs have it. */
export const timeSequence: Sequence = {
  hash: 'SHA1',
  digits: 6,
  stepSeconds: 30,
  hasCounter: false,
  hasClock: true,
  suite: null,
  isAsked: false,
};
