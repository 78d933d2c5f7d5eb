import type { CliIo } from './io.ts';

/** How far some work is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
  /** Room in the line; 0 for a line that is no bar. */
  readonly columns: number;
}

/** Shows how far some work is, on standard error. */
export interface ProgressDisplay {
  readonly show: (done: number, total: number) => void;
  /** The last state stays; whatever is said next begins a line of its own. */
  readonly end: () => void;
}

const redrawMs = 100;
const lineMs = 5_000;
const barMin = 10;
const barMax = 40;
const clearToEnd = '\u001b[K';

/**
 * Count, rate and remaining time in one line that fits, behind a bar where there is room for one.
 */
export function progressLine({ done, total, elapsedMs, columns }: Progress): string {
  const facts = [`${done} of ${total}`, ...paceOf(done, total, elapsedMs)].join(', ');
  if (columns === 0) return facts;
  // A full line would make some terminals begin another.
  const room = columns - 1;
  const width = Math.min(barMax, room - facts.length - '[]  '.length);
  if (width < barMin) return facts.slice(0, room);
  const filled = total === 0 ? width : Math.floor((width * Math.min(done, total)) / total);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]  ${facts}`;
}

function paceOf(done: number, total: number, elapsedMs: number): readonly string[] {
  if (done === 0 || elapsedMs <= 0) return [];
  const perSecond = (done * 1000) / elapsedMs;
  const rate = `${perSecond < 9.95 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`;
  if (done >= total) return [rate, `${durationText(elapsedMs / 1000)} in all`];
  return [rate, `${durationText((total - done) / perSecond)} left`];
}

/** The two largest units, rounded up: nobody minds to wait less. */
function durationText(exactSeconds: number): string {
  const seconds = Math.ceil(exactSeconds);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * On a terminal one line that is drawn again, at most ten times a second; elsewhere, such as in a
 * log, a line every few seconds.
 */
export function createProgress(
  { say, terminal }: Pick<CliIo, 'say' | 'terminal'>,
  monotonicMs: () => number,
): ProgressDisplay {
  const startedAt = monotonicMs();
  let latest: readonly [number, number] | null = null;
  let shownAt = terminal === null ? startedAt : Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    if (latest === null) return;
    const [done, total] = latest;
    const elapsedMs = monotonicMs() - startedAt;
    const line = progressLine({ done, total, elapsedMs, columns: terminal?.columns() ?? 0 });
    if (terminal === null) say(line);
    else terminal.write(`\r${line}${clearToEnd}`);
  };
  return {
    show(done, total) {
      latest = [done, total];
      const nowMs = monotonicMs();
      if (nowMs - shownAt < (terminal === null ? lineMs : redrawMs)) return;
      shownAt = nowMs;
      draw();
    },
    end() {
      if (terminal === null || latest === null) return;
      draw();
      terminal.write('\n');
    },
  };
}
