import type { CliWorld } from './context.ts';

/** Shows how far a fleet is, on a terminal; elsewhere nothing is shown. */
export interface FleetProgress {
  show(done: number, total: number, rows: number): void;
  /** The last state stays. */
  end(): void;
}

const redrawMs = 100;
const barMin = 10;
const barMax = 40;
const clearToEnd = '\u001b[K';
const dayMs = 86_400_000;

/** Days, rate and remaining time in one line that fits, behind a bar where there is room for one. */
export function fleetLine(
  done: number,
  total: number,
  { rows, elapsedMs, columns }: { rows: number; elapsedMs: number; columns: number },
): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const days = `day ${Math.floor(done / dayMs)} of ${Math.ceil(total / dayMs)}`;
  const rate = elapsedMs > 0 ? [`${Math.round((rows * 1000) / elapsedMs)} rows/s`] : [];
  const left = share > 0 && share < 1 ? [`${durationText(elapsedMs * (1 / share - 1))} left`] : [];
  const facts = [days, ...rate, ...left].join(', ');
  // A full line would make some terminals begin another.
  const room = columns - 1;
  const width = Math.min(barMax, room - facts.length - '[]  '.length);
  if (width < barMin) return facts.slice(0, room);
  const filled = Math.floor(width * share);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]  ${facts}`;
}

/** One line that is drawn again, at most ten times a second. */
export function fleetProgress(world: CliWorld): FleetProgress {
  const { terminalColumns } = world;
  if (terminalColumns === undefined) return { show: () => undefined, end: () => undefined };
  const startedAtMs = world.env.monotonicMs();
  let shownAtMs = -Infinity;
  let last: readonly [number, number, number] | null = null;
  const draw = (): void => {
    if (last === null) return;
    const [done, total, rows] = last;
    const elapsedMs = world.env.monotonicMs() - startedAtMs;
    const line = fleetLine(done, total, { rows, elapsedMs, columns: terminalColumns() });
    world.err(`\r${line}${clearToEnd}`);
  };
  return {
    show(done, total, rows) {
      last = [done, total, rows];
      const nowMs = world.env.monotonicMs();
      if (nowMs - shownAtMs < redrawMs) return;
      shownAtMs = nowMs;
      draw();
    },
    end() {
      if (last === null) return;
      draw();
      world.err('\n');
    },
  };
}

/** The two largest units, rounded up: nobody minds to wait less. */
function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
