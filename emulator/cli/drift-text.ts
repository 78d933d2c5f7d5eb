import { ratePpmAt } from '../physics/clock.ts';
import { type ClockEvent, type ClockParameters, trueMsMax } from '../physics/clock-parameters.ts';
import type { Crystal } from '../physics/crystal.ts';
import { stoppedPpm } from '../physics/segments.ts';
import { isoTime, signedSeconds } from './context.ts';

/** The rate for people, with as many digits as mean anything. */
export function rateText(clock: ClockParameters, trueMs: number): string {
  const ppm = ratePpmAt(clock, trueMs);
  return ppm === stoppedPpm ? 'stands still' : ppmText(ppm);
}

/** What a drawn clock depends on, a row each; of one that was not, the error and the rate tell all. */
export function parameterRows({
  manufacturedAtMs,
  offsetMs,
  ratePpm,
  crystal,
  drawn,
  events,
}: ClockParameters): [string, string][] {
  if (drawn === undefined && crystal === undefined) return [];
  const rows: [string, string][] = [
    ['made', isoTime(manufacturedAtMs)],
    ['at first', `${signedSeconds(offsetMs)}, ${ppmText(ratePpm)}`],
  ];
  if (drawn !== undefined) rows.push(['drawn from', `${drawn.preset}, seed ${drawn.seed}`]);
  if (crystal !== undefined) rows.push(...crystalRows(crystal));
  const mishaps = (drawn?.events ?? []).map((event): [string, string] => [
    'drawn',
    eventText(event),
  ]);
  return [
    ...rows,
    ...mishaps,
    ...events.map((event): [string, string] => ['then', eventText(event)]),
  ];
}

function crystalRows({ temperature, ageing, jitter }: Crystal): [string, string][] {
  const rows: [string, string][] = [];
  if (temperature !== null) {
    const { curvaturePpm, turnoverC, meanC, dailyC, yearlyC } = temperature;
    rows.push(
      ['temperature', `${meanC} C, daily +-${dailyC} C, yearly +-${yearlyC} C`],
      ['crystal', `${curvaturePpm} ppm/K2 around ${turnoverC} C`],
    );
  }
  if (ageing !== null) {
    const { slopePpm, scaleDays } = ageing;
    const firstYear = ppmText(slopePpm * Math.log1p(365.25 / scaleDays));
    rows.push(['ageing', `${firstYear} in the first year`]);
  }
  if (jitter !== null) rows.push(['jitter', `${ppmText(jitter.sigmaPpm)} from day to day`]);
  return rows;
}

function eventText(event: ClockEvent): string {
  return `${isoTime(event.atMs)} ${whatHappens(event)}`;
}

function whatHappens(event: ClockEvent): string {
  switch (event.kind) {
    case 'jump':
      return `jumps by ${signedSeconds(event.byMs)}`;
    case 'set':
      return `is set to ${signedSeconds(event.offsetMs)}`;
    case 'reset':
      return `restarts at ${isoTime(event.deviceEpochMs)}`;
    case 'rate':
      return `runs at ${ppmText(event.ratePpm)}`;
    case 'pause':
      // What ends with all time ends when somebody says --resume.
      return event.untilMs === trueMsMax
        ? 'stands still for good'
        : `stands still until ${isoTime(event.untilMs)}`;
    case 'excursion':
      return `is kept at ${event.temperatureC} C until ${isoTime(event.untilMs)}`;
  }
}

function ppmText(ppm: number): string {
  return `${Math.round(ppm * 1000) / 1000} ppm`;
}
