import type { ClockEvent, ClockParameters } from '../../../emulator/index.ts';
import type { Draws } from './draws.ts';

const dayMs = 86_400_000;
const yearMs = 365.25 * dayMs;
const pieceMs = 5 * dayMs;
const shelfDaysMax = 180;

/** When a fleet is used, and how many times as much as usual happens to it. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly pace: number;
}

/** That a device's clock jumps in a year. */
const jumpsProbability = 0.1;

/** ppm for each square degree away from the turnover of a tuning-fork crystal. */
const parabolaPpm = -0.034;
const turnoverCelsius = 25;
const pocket = { meanCelsius: 24, dayCelsius: 5, yearCelsius: 3 };
const ageing = { ppmFirstYear: 3, tauDays: 30 };

/**
 * The clock of a typical device, drawn once: trimmed to a few ppm, set within two seconds, then up
 * to half a year on a shelf, ageing, and carried through warm and cold seasons. The rate stands still
 * for five days at a time. A few have their battery changed, or are set wrong.
 */
export function typicalClock(draws: Draws, span: Span): ClockParameters {
  const { fromMs, toMs, pace } = span;
  const manufacturedAtMs = fromMs - draws.whole(1, shelfDaysMax) * dayMs;
  const offsetMs = draws.whole(-2000, 2000);
  const rateAt = drawRate(draws);
  const events: ClockEvent[] = [];
  for (let atMs = manufacturedAtMs; atMs < toMs; atMs += pieceMs) {
    events.push({ kind: 'rate', atMs, ratePpm: rateAt(atMs + pieceMs / 2 - manufacturedAtMs) });
  }
  const jumps = draws.chance(pace * jumpsProbability) ? draws.whole(1, 2) : 0;
  for (let jump = 0; jump < jumps; jump += 1) {
    const atMs = draws.whole(fromMs + dayMs, toMs - dayMs);
    events.push({ kind: 'jump', atMs, byMs: drawJumpMs(draws) });
  }
  events.sort((one, other) => one.atMs - other.atMs);
  return { manufacturedAtMs, offsetMs, ratePpm: 0, events };
}

/** The same clock, set right by the help desk. */
export function setRight(clock: ClockParameters, nowMs: number, errorMs: number): ClockParameters {
  const jump: ClockEvent = { kind: 'jump', atMs: nowMs, byMs: -errorMs };
  const events = [
    ...clock.events.filter(({ atMs }) => atMs <= nowMs),
    jump,
    ...clock.events.filter(({ atMs }) => atMs > nowMs),
  ];
  return { ...clock, events };
}

/** @returns ppm as a function of milliseconds since manufacture; the days' swing enters as its mean */
function drawRate(draws: Draws): (sinceMs: number) => number {
  let trimPpm: number;
  do trimPpm = 3 * draws.normal();
  while (Math.abs(trimPpm) > 10);
  const sign = draws.chance(0.5) ? 1 : -1;
  const phase = draws.between(0, 2 * Math.PI);
  const { ppmFirstYear, tauDays } = ageing;
  const slope = (sign * ppmFirstYear) / Math.log(1 + 365 / tauDays);
  return (sinceMs) => {
    const season = pocket.yearCelsius * Math.sin((2 * Math.PI * sinceMs) / yearMs + phase);
    const away = pocket.meanCelsius - turnoverCelsius + season;
    const heat = parabolaPpm * (away ** 2 + pocket.dayCelsius ** 2 / 2);
    return trimPpm + heat + slope * Math.log(1 + sinceMs / dayMs / tauDays);
  };
}

/** A battery out for minutes; a clock set by hand; hours, within a synchronisation or beyond it. */
function drawJumpMs(draws: Draws): number {
  const kind = draws.unit();
  const sign = draws.chance(0.5) ? 1 : -1;
  if (kind < 0.4) return -1000 * draws.whole(20, 900);
  if (kind < 0.7) return sign * 1000 * draws.whole(10, 300);
  return sign * 1000 * (kind < 0.9 ? draws.whole(600, 9000) : draws.whole(12_000, 40_000));
}
