/**
 * How long a proof runs: the short form in every test run, the long form under
 * `npm run proof NAME`, which sets TALLYSTICK_PROOF=long.
 */
export const isLongProof: boolean = process.env['TALLYSTICK_PROOF'] === 'long';

/** The numbers of the rounds of a proof: one in the short form. */
export function proofRounds(long: number): readonly number[] {
  return Array.from({ length: isLongProof ? long : 1 }, (_, index) => index + 1);
}

/** Whether the long form is asked of a real SoftHSM (`--module softhsm`) where it has the choice. */
export const isSoftHsmProof: boolean = process.env['TALLYSTICK_PROOF_MODULE'] === 'softhsm';

/** How much of something a proof takes in its short and in its long form. */
export function proofSize(short: number, long: number): number {
  return isLongProof ? long : short;
}

/** Prints a figure of a long proof, for the record; the short form stays silent. */
export function reportProof(
  name: string,
  figures: Readonly<Record<string, number | string>>,
): void {
  if (!isLongProof) return;
  const line = Object.entries(figures).map(([key, value]) => `${key} ${String(value)}`);
  process.stdout.write(`proof ${name}: ${line.join(', ')}\n`);
}

/**
 * Settings for fast-check: a fixed seed in the short form; in the long form a hundred times as many
 * runs from a fresh seed, which fast-check prints with a counterexample.
 */
export function proofRuns(short: number): { numRuns: number; seed?: number } {
  return isLongProof ? { numRuns: short * 100 } : { numRuns: short, seed: 20_261_123 };
}

/** For tests whose long form takes its time. */
export const proofTimeoutMs: number = isLongProof ? 3_600_000 : 30_000;
