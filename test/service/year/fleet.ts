import {
  createToken,
  profileNamed,
  type Sequence,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { type Span, typicalClock } from './device-clock.ts';
import { Draws } from './draws.ts';
import { policyNames, type YearPolicy, yearPolicy } from './policies.ts';

export interface FleetToken {
  readonly userName: string;
  readonly kind: Kind;
  readonly policy: YearPolicy;
  readonly device: VirtualToken;
  readonly seed: Buffer;
  readonly sequence: Sequence;
  /** Unsent presses, times the usual: a careful owner, most owners, one with a child. */
  readonly carelessness: 0.2 | 1 | 10;
  /** What its owner does. */
  readonly draws: Draws;
  /** Days of the year, counted from 0, on which nobody logs on. */
  readonly isAway: (day: number) => boolean;
}

type Kind =
  | 'one-button-time'
  | 'one-button-event'
  | 'keypad-cr-time'
  | 'keypad-cr-counter'
  | 'time-and-event';

const sequences: Readonly<Record<Kind, Sequence>> = {
  'one-button-time': sequence(6, 'T'),
  'one-button-event': sequence(6, 'C'),
  'keypad-cr-time': sequence(6, 'T', 'OCRA-1:HOTP-SHA1-6:QN08-T30S', true),
  'keypad-cr-counter': sequence(6, 'C', 'OCRA-1:HOTP-SHA1-6:C-QN08', true),
  'time-and-event': sequence(8, 'CT', 'OCRA-1:HOTP-SHA1-8:C-QN08-T30S'),
};

/** Mostly buttons with a clock; the first eight have everything. */
const kinds: readonly Kind[] = [
  'one-button-time',
  'one-button-event',
  'keypad-cr-time',
  'one-button-time',
  'keypad-cr-counter',
  'one-button-time',
  'time-and-event',
  'one-button-time',
  'one-button-time',
  'one-button-time',
  'one-button-event',
  'one-button-time',
  'one-button-time',
  'one-button-event',
  'one-button-time',
  'keypad-cr-time',
];

/** The tokens of a fleet, each drawn from its own labels: more of them change none. */
export function drawFleet(seed: string, count: number, span: Span): readonly FleetToken[] {
  return Array.from({ length: count }, (_, index) => {
    const serial = `YR${String(index + 1).padStart(8, '0')}`;
    const kind = kinds[Math.floor(index / policyNames.length) % kinds.length] ?? 'one-button-time';
    const clock = typicalClock(new Draws(seed, serial, 'clock'), span);
    const secret = new Draws(seed, serial, 'seed').seed();
    const name = policyNames[index % policyNames.length] ?? '';
    return {
      userName: `user-${serial}`,
      kind,
      policy: yearPolicy(name, kind === 'time-and-event'),
      device: createToken({ serial, profile: profileOf(kind), clock }, [Buffer.from(secret)]),
      seed: secret,
      sequence: sequences[kind],
      carelessness: drawCarelessness(new Draws(seed, serial, 'carelessness')),
      draws: new Draws(seed, serial, 'life'),
      isAway: drawAbsences(new Draws(seed, serial, 'absences')),
    };
  });
}

function profileOf(kind: Kind): ReturnType<typeof profileNamed> {
  return profileNamed(kind === 'time-and-event' ? 'one-button-time-event' : kind);
}

function drawCarelessness(draws: Draws): FleetToken['carelessness'] {
  const drawn = draws.unit();
  if (drawn < 0.15) return 0.2;
  return drawn < 0.85 ? 1 : 10;
}

/** Holidays of one to five weeks, and for a few tokens months in a drawer. */
function drawAbsences(draws: Draws): FleetToken['isAway'] {
  const spans: { readonly from: number; readonly to: number }[] = [];
  const holidays = draws.poisson(3);
  for (let holiday = 0; holiday < holidays; holiday += 1) {
    const from = draws.whole(1, 360);
    spans.push({ from, to: from + 7 * draws.whole(1, 5) });
  }
  if (draws.chance(0.08)) {
    const from = draws.whole(5, 200);
    spans.push({ from, to: from + draws.whole(60, 300) });
  }
  return (day) => spans.some(({ from, to }) => day >= from && day < to);
}

function sequence(
  digits: number,
  factors: string,
  suite: string | null = null,
  isAsked = false,
): Sequence {
  const [hasCounter, hasClock] = [factors.includes('C'), factors.includes('T')];
  return { hash: 'SHA1', digits, stepSeconds: 30, hasCounter, hasClock, suite, isAsked };
}
