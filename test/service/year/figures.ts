/** What a year came to, counted. */
export class Figures {
  readonly #counts = new Map<string, number>();
  readonly #greatest = new Map<string, number>();

  count(what: string, by: number = 1): void {
    this.#counts.set(what, this.of(what) + by);
  }

  /** Notes a number of which the greatest is kept. */
  reach(what: string, value: number): void {
    this.#greatest.set(what, Math.max(value, this.#greatest.get(what) ?? 0));
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** Counts and greatest values by name, in the order of the names. */
  all(): Readonly<Record<string, number>> {
    const entries = [...this.#counts, ...this.#greatest];
    return Object.fromEntries(
      entries
        .map(([what, value]) => [what, Math.round(value * 10) / 10] as const)
        .toSorted(([one], [other]) => (one < other ? -1 : 1)),
    );
  }
}
