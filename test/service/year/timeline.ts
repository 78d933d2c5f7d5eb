interface Waiting {
  readonly atMs: number;
  readonly resume: () => void;
}

/**
 * One virtual time for many lives: each runs until it waits for an instant, and the earliest goes on
 * first, with at most so many under way at once. Within a life the order is strict; between lives it
 * doesn't matter, so their commits may share a transaction.
 */
export class Timeline {
  readonly #underWayMax: number;
  readonly #heap: Waiting[] = [];
  #underWay = 0;
  #nowMs = 0;

  constructor(underWayMax: number) {
    this.#underWayMax = underWayMax;
  }

  /** The latest instant that has begun. */
  get nowMs(): number {
    return this.#nowMs;
  }

  async run(lives: readonly (() => Promise<void>)[]): Promise<void> {
    this.#underWay = lives.length;
    await Promise.all(
      lives.map(async (live) => {
        await live();
        this.#leave();
      }),
    );
  }

  async until(atMs: number): Promise<void> {
    await new Promise<void>((resume) => {
      this.#push({ atMs, resume });
      this.#leave();
    });
  }

  #leave(): void {
    this.#underWay -= 1;
    while (this.#underWay < this.#underWayMax) {
      const next = this.#pop();
      if (next === undefined) return;
      this.#underWay += 1;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.resume();
    }
  }

  #push(waiting: Waiting): void {
    const heap = this.#heap;
    heap.push(waiting);
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #pop(): Waiting | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.#atMs(right) < this.#atMs(left) ? right : left;
      if (!this.#swapIfEarlier(child, at)) return first;
      at = child;
    }
  }

  #atMs(index: number): number {
    return this.#heap[index]?.atMs ?? Infinity;
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const [lower, upper] = [this.#heap[child], this.#heap[parent]];
    if (lower === undefined || upper === undefined || lower.atMs >= upper.atMs) return false;
    this.#heap[child] = upper;
    this.#heap[parent] = lower;
    return true;
  }
}
