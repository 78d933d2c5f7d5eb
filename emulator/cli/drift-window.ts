import { localAuthentication, Oracle, type Rules, type Sequence } from '../fleet/oracle/index.ts';
import { type Believed, driftSeen, expectedDrift, stepWindow } from '../fleet/oracle/window.ts';

/** How a verifier looks for a clock. */
export interface WindowSetting {
  readonly stepSeconds: number;
  /** `identificationTimeWindowSteps`: in total, half to each side. */
  readonly steps: number;
  /** Time between logons after the first; null: there is none. */
  readonly successEveryMs: number | null;
}

/** The edges of a window, in seconds ahead of true time. */
export interface WindowEdges {
  readonly lowSeconds: number;
  readonly highSeconds: number;
}

const dayMs = 86_400_000;
/** Nobody asks what it computes. */
const seed = new Uint8Array(20);

/**
 * The window of a verifier with `dynamicTimeWindow` at any time from the first logon on, which goes right whatever the clock
 * shows. Each later one is judged as a verifier would, and teaches it something only if it is accepted.
 *
 * An edge is where it is in the middle of a time step: within a step a verifier looks up to half a step further on one
 * side and less far on the other.
 */
export function dynamicWindow(
  deviceMsAt: (trueMs: number) => number,
  fromMs: number,
  untilMs: number,
  setting: WindowSetting,
): (atMs: number) => WindowEdges {
  const rules = rulesOf(setting);
  const beliefs = beliefsOf(deviceMsAt, fromMs, untilMs, setting, rules);
  return (atMs) => {
    // A logon of this very moment is judged by what was believed before.
    const last = beliefs.findLast((belief) => belief.atMs < atMs) ?? beliefs[0];
    if (last === undefined) throw new RangeError('the first logon is always there');
    const [centre] = stepWindow(last.believed, atMs, rules).centres;
    const drift = expectedDrift(last.believed, atMs, rules);
    const reach = halfWindowSeconds(centre?.half ?? 0, setting);
    return { lowSeconds: drift - reach, highSeconds: drift + reach };
  };
}

/** How far a window of so many steps to each side reaches: the middle step counts to both. */
export function halfWindowSeconds(
  halfSteps: number,
  { stepSeconds }: Pick<WindowSetting, 'stepSeconds'>,
): number {
  return (halfSteps + 0.5) * stepSeconds;
}

/** Days without a logon after which a dynamic window is wider than it is always; null if it never is. */
export function plateauDays(setting: WindowSetting): number | null {
  const rules = rulesOf(setting);
  const believed = believedAfter(oracleOf(setting, rules), 0, 0);
  const isWider = (days: number): boolean =>
    stepWindow(believed, days * dayMs, rules).kind === 'dynamic';
  let [low, high] = [0, daysMax];
  if (!isWider(high)) return null;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isWider(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** By then a dynamic window is as wide as it ever gets. */
const daysMax = 2 ** 16;

function rulesOf({ steps }: WindowSetting): Rules {
  const windows = { identificationTimeWindowSteps: steps, dynamicTimeWindow: true };
  return { ...localAuthentication, ...windows, userLockThreshold: 0 };
}

function beliefsOf(
  deviceMsAt: (trueMs: number) => number,
  fromMs: number,
  untilMs: number,
  setting: WindowSetting,
  rules: Rules,
): readonly { readonly atMs: number; readonly believed: Believed }[] {
  const oracle = oracleOf(setting, rules);
  const stepMs = setting.stepSeconds * 1000;
  const stepAt = (atMs: number): number => Math.floor(deviceMsAt(atMs) / stepMs);
  const first = believedAfter(oracle, stepAt(fromMs), fromMs);
  oracle.recall({ ...oracle.memory, believed: first });
  const beliefs = [{ atMs: fromMs, believed: first }];
  const { successEveryMs } = setting;
  if (successEveryMs === null) return beliefs;
  for (let atMs = fromMs + successEveryMs; atMs <= untilMs; atMs += successEveryMs) {
    const step = stepAt(atMs);
    // A clock before 1970 shows nothing that anybody could look for.
    if (step < 0) continue;
    const response = oracle.responseAt({ counter: null, step }, null);
    oracle.verify(atMs, { response, question: null });
    beliefs.push({ atMs, believed: oracle.memory.believed });
  }
  return beliefs;
}

function oracleOf({ stepSeconds }: WindowSetting, rules: Rules): Oracle {
  const sequence: Sequence = {
    ...{ hash: 'SHA1', digits: 10, suite: null, isAsked: false },
    ...{ hasClock: true, hasCounter: false, stepSeconds },
  };
  return new Oracle({ serial: '', applicationName: '', seed, sequence, rules });
}

/** What a verifier believes after the first response, which is of this step: nothing new if it expected that one. */
function believedAfter({ memory }: Oracle, step: number, atMs: number): Believed {
  const { believed } = memory;
  const isExpected = step === Math.floor(atMs / (believed.stepSeconds * 1000));
  const drift = isExpected ? believed.drift : driftSeen(believed, step, atMs);
  return { ...believed, lastStep: step, drift, driftAtMs: atMs };
}
