/** One way of doing a row's work: sets nothing up, does `count` operations, takes its time. */
export interface Variant {
  readonly name: string;
  run(count: number): Promise<void>;
}

export interface Measured {
  readonly name: string;
  /** Median over the rounds. */
  readonly microsecondsEach: number;
}

export interface BenchRow {
  readonly row: string;
  readonly operation: string;
  readonly microsecondsEach: number;
  readonly floorMicrosecondsEach: number;
  readonly floor: string;
  readonly ratio: number;
  readonly target: string;
}

/**
 * Runs the variants in turn, round after round, so that whatever else the machine does falls on all
 * of them; the first round warms up and is not counted.
 *
 * @param rounds counted rounds, at least five
 */
export async function alternate(
  variants: readonly Variant[],
  count: number,
  rounds: number,
): Promise<readonly Measured[]> {
  const samples = variants.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, variant] of variants.entries()) {
      const startedNs = process.hrtime.bigint();
      await variant.run(count);
      const elapsedNs = Number(process.hrtime.bigint() - startedNs);
      if (round > 0) samples[index]?.push(elapsedNs / 1000 / count);
    }
  }
  return variants.map(({ name }, index) => ({
    name,
    microsecondsEach: median(samples[index] ?? []),
  }));
}

/** The median of at least one number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** `count` tasks by `width` workers, each taking the next when it is done. */
export async function inFlight(
  width: number,
  count: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await task(index);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
