import { appendRecord, type LogKind, type LogLine } from '../offline/log.ts';
import type { Instant } from './env.ts';
import type { AgentState } from './state.ts';

/** What is written down of one event. */
export interface Noted {
  readonly kind: LogKind;
  readonly packageId: string | null;
  readonly index?: bigint;
  readonly codeId?: string;
}

/** The state with a further line in its log. */
export function noted(state: AgentState, now: Instant, event: Noted): AgentState {
  const { log, line } = appendRecord(
    { n: state.log.n, head: bytesOf(state.log.head), key: bytesOf(state.log.key) },
    {
      kind: event.kind,
      packageId: event.packageId,
      index: event.index ?? null,
      codeId: event.codeId ?? null,
      atMs: Math.max(0, now.clockMs),
      bootMs: now.bootMs,
      bootId: now.bootId,
    },
  );
  const head = log.head.toString('base64');
  return {
    ...state,
    log: { n: log.n, head, key: log.key.toString('base64') },
    lines: [
      ...state.lines,
      { record: line.record.toString('base64'), mac: line.mac.toString('base64'), head },
    ],
  };
}

/** The first lines that the server has not seen. */
export function unseenLines(state: AgentState, linesMax: number): readonly LogLine[] {
  return state.lines
    .slice(0, linesMax)
    .map(({ record, mac }) => ({ record: bytesOf(record), mac: bytesOf(mac) }));
}

/**
 * The state once the server has the lines up to `through`.
 *
 * @returns null when what the server has is no beginning of what is here
 */
export function acknowledged(state: AgentState, through: number, head: string): AgentState | null {
  const taken = through - state.acknowledged.n;
  if (taken < 0 || taken > state.lines.length) return null;
  const ours = taken === 0 ? state.acknowledged.head : (state.lines[taken - 1]?.head ?? '');
  if (bytesOf(ours).toString('hex') !== head) return null;
  return { ...state, acknowledged: { n: through, head: ours }, lines: state.lines.slice(taken) };
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
