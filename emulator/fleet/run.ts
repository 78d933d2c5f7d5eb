import type { Life, LifeMemory } from './life.ts';
import type { Row } from './row.ts';
import { Timeline } from './timeline.ts';

/** What a run came to so far. */
export interface Counts {
  readonly rows: number;
  /** Responses that were submitted. */
  readonly attempts: number;
  /** By verdict. */
  readonly expect: Readonly<Record<string, number>>;
  /** Of what was not simply accepted, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly worstDriftSeconds: number;
}

/** A run as it stands, as plain data. */
export interface RunMemory {
  readonly counts: Counts;
  readonly lives: readonly LifeMemory[];
}

/** All lives of a fleet in one order of time. Nothing is kept but what each life must know. */
export class FleetRun {
  readonly #lives: readonly Life[];
  #timeline: Timeline<Life>;
  #rows = 0;
  #attempts = 0;
  #worstDriftMs = 0;
  #expect: Record<string, number> = {};
  #reasons: Record<string, number> = {};

  constructor(lives: readonly Life[]) {
    this.#lives = lives;
    this.#timeline = new Timeline(lives);
  }

  /** When the next thing happens; infinite at the end. */
  get nextAtMs(): number {
    return this.#timeline.next?.nextAtMs ?? Infinity;
  }

  get counts(): Counts {
    return {
      rows: this.#rows,
      attempts: this.#attempts,
      expect: sorted(this.#expect),
      reasons: sorted(this.#reasons),
      worstDriftSeconds: this.#worstDriftMs / 1000,
    };
  }

  get memory(): RunMemory {
    return { counts: this.counts, lives: this.#lives.map(({ memory }) => memory) };
  }

  /** Goes on where another run of the same fleet stood. */
  recall({ counts, lives }: RunMemory): void {
    if (lives.length !== this.#lives.length) throw new RangeError('this is another fleet');
    this.#lives.forEach((life, index) => {
      const memory = lives[index];
      if (memory !== undefined) life.recall(memory);
    });
    this.#rows = counts.rows;
    this.#attempts = counts.attempts;
    this.#worstDriftMs = counts.worstDriftSeconds * 1000;
    this.#expect = { ...counts.expect };
    this.#reasons = { ...counts.reasons };
    this.#timeline = new Timeline(this.#lives);
  }

  /** The next row in time; undefined at the end. */
  next(): Row | undefined {
    for (let life = this.#timeline.next; life !== undefined; life = this.#timeline.next) {
      const row = life.step();
      this.#timeline.moved();
      if (row === null) continue;
      this.#count(row);
      return row;
    }
    return undefined;
  }

  #count({ expect, reason, trueMs, deviceMs }: Row): void {
    this.#rows += 1;
    this.#worstDriftMs = Math.max(this.#worstDriftMs, Math.abs(deviceMs - trueMs));
    if (expect === null) return;
    this.#attempts += 1;
    this.#expect[expect] = (this.#expect[expect] ?? 0) + 1;
    if (reason !== '') this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
  }
}

function sorted(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(counts).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}
