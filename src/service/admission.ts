import { TallystickError } from '../errors.ts';

/** Bounds what is in flight and lets the last ones finish before the process ends. */
export interface Admission {
  /**
   * Runs the work if there is room.
   *
   * @throws TallystickError `overloaded` above the limit, `shutting-down` after `drain`
   */
  admit<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Refuses new work and resolves when nothing is in flight. */
  drain(): Promise<void>;
  isDraining(): boolean;
}

export function createAdmission(inFlightMax: number): Admission {
  let inFlight = 0;
  let draining = false;
  let waiting: (() => void)[] = [];
  const leave = (): void => {
    inFlight -= 1;
    if (inFlight > 0) return;
    for (const resume of waiting) resume();
    waiting = [];
  };
  return {
    async admit<Result>(work: () => Promise<Result>): Promise<Result> {
      if (draining) throw new TallystickError('shutting-down', 'The server is shutting down.');
      if (inFlight >= inFlightMax) {
        throw new TallystickError('overloaded', 'Too many requests are in flight; try again.');
      }
      inFlight += 1;
      try {
        return await work();
      } finally {
        leave();
      }
    },
    async drain(): Promise<void> {
      draining = true;
      if (inFlight > 0) await new Promise<void>((resolve) => void waiting.push(resolve));
    },
    isDraining: () => draining,
  };
}
