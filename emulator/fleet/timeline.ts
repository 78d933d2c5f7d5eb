/** Something that goes on at known times. */
export interface Timed {
  /** Never falls; infinite once it is over. */
  readonly nextAtMs: number;
}

/**
 * The order in which many things go on: the earliest first, and of those at one time the first of the
 * list. A heap: each turn costs the logarithm of their number.
 */
export class Timeline<Member extends Timed> {
  readonly #members: readonly Member[];
  /** Times and places of the members that are not over, as a heap. */
  readonly #heap: number[] = [];
  readonly #timesMs: Float64Array;

  constructor(members: readonly Member[]) {
    this.#members = members;
    this.#timesMs = new Float64Array(members.length);
    members.forEach(({ nextAtMs }, index) => {
      this.#timesMs[index] = nextAtMs;
      if (nextAtMs === Infinity) return;
      this.#heap.push(index);
      this.#rise(this.#heap.length - 1);
    });
  }

  /** Whose turn it is; undefined once everything is over. */
  get next(): Member | undefined {
    const [index] = this.#heap;
    return index === undefined ? undefined : this.#members[index];
  }

  /** After the next one has had its turn. */
  moved(): void {
    const [index] = this.#heap;
    const member = this.next;
    if (index === undefined || member === undefined) return;
    this.#timesMs[index] = member.nextAtMs;
    if (member.nextAtMs === Infinity) {
      const last = this.#heap.pop();
      if (this.#heap.length === 0 || last === undefined) return;
      this.#heap[0] = last;
    }
    this.#sink();
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, at)) return;
      this.#swap(child, at);
      at = child;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [first, second] = [this.#heap[one], this.#heap[other]];
    if (first === undefined || second === undefined) return first !== undefined;
    const byTime = (this.#timesMs[first] ?? 0) - (this.#timesMs[second] ?? 0);
    return byTime === 0 ? first < second : byTime < 0;
  }

  #swap(one: number, other: number): void {
    const kept = this.#heap[one] ?? 0;
    this.#heap[one] = this.#heap[other] ?? 0;
    this.#heap[other] = kept;
  }
}
