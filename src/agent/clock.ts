import type { Instant } from './env.ts';
import type { AgentState } from './state.ts';

/** The state as it is in this start of the computer: what another one knew of the time is nothing here. */
export function ofThisStart(state: AgentState, now: Instant): AgentState {
  const { anchor } = state;
  return anchor === null || isSameStart(anchor, now) ? state : { ...state, anchor: null };
}

/**
 * True time as well as it is known: within the start of the computer in which the server was heard, its
 * time and what has passed since, however the clock was set; after that, the clock.
 *
 * @param state of this start
 */
export function trueTimeMs({ anchor }: Pick<AgentState, 'anchor'>, now: Instant): number {
  if (anchor === null) return now.clockMs;
  return anchor.serverTimeMs + now.bootMs - anchor.bootMs;
}

/** Containers count from their own start and have the name of their host's: time behind is another start. */
function isSameStart(
  before: { readonly bootMs: number; readonly bootId: string },
  now: Instant,
): boolean {
  return before.bootId === now.bootId && before.bootMs <= now.bootMs;
}

/** Whether it is earlier than was seen before, by more than clocks go wrong. */
export function isSetBack(state: AgentState, nowMs: number, backMaxSeconds: number): boolean {
  return nowMs < state.maxSeenMs - backMaxSeconds * 1000;
}

/** The state having seen this time. */
export function seen(state: AgentState, nowMs: number): AgentState {
  return nowMs > state.maxSeenMs ? { ...state, maxSeenMs: nowMs } : state;
}

/** An answer that took longer, because the computer slept for one, does not say what time it is. */
const answerMaxMs = 20_000;

/**
 * The state having heard the server: its word goes before everything seen.
 *
 * @param asked when the server was asked: its time lies between then and now
 */
export function heard(
  state: AgentState,
  serverTimeMs: number,
  asked: Instant,
  now: Instant,
): AgentState {
  const tookMs = now.bootMs - asked.bootMs;
  if (asked.bootId !== now.bootId || tookMs > answerMaxMs) return state;
  const bootMs = asked.bootMs + Math.floor(tookMs / 2);
  const anchor = { serverTimeMs, bootMs, bootId: now.bootId };
  return { ...state, maxSeenMs: serverTimeMs, anchor };
}

const delayMaxSeconds = 32;

/** How long the next try has to wait, so that guessing takes time whatever the clock says. */
export function waitMs(
  failures: number,
  last: { readonly bootMs: number; readonly bootId: string } | null,
  now: Instant,
): number {
  if (failures === 0 || last === null) return 0;
  const delayMs = Math.min(2 ** failures, delayMaxSeconds) * 1000;
  // Another start: at least all of it has passed.
  const passedMs = isSameStart(last, now) ? now.bootMs - last.bootMs : now.bootMs;
  return Math.max(0, delayMs - passedMs);
}
