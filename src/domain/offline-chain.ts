import type { OfflineAgent } from './offline.ts';

/** One line whose MAC was right, and the chain's head after it (hex). */
export interface ReportedLine {
  readonly n: number;
  readonly kind: string;
  readonly packageId: string | null;
  readonly index: bigint | null;
  /** Of a use of an emergency code. */
  readonly codeId: string | null;
  readonly atMs: number;
  readonly bootMs: number;
  readonly bootId: string;
  readonly head: string;
}

/** What of a report stands beside its lines. */
export interface ReportFacts {
  readonly from: number;
  readonly headBefore: string;
  readonly clockMs: number;
  readonly bootMs: number;
  readonly bootId: string;
  readonly packages: readonly {
    readonly packageId: string;
    readonly state: 'installed' | 'locked' | 'wiped';
    readonly eventsUsed: number;
  }[];
}

/** Head of a chain before its first line. */
export const emptyHead: string = '0'.repeat(64);

/** As many as an administrator can let go; each costs the server a hash. */
export const lostLinesMax = 100_000;

export type ChainVerdict =
  | {
      readonly kind: 'continues';
      readonly fresh: readonly ReportedLine[];
      /** How many lines before the fresh ones are lost here. */
      readonly lost: number;
    }
  /** Another successor of a line that we have: there are two of this agent. */
  | { readonly kind: 'fork'; readonly n: number }
  /** It ends before what was acknowledged: an old copy. */
  | { readonly kind: 'roll-back' }
  /** It begins behind what we have: lines are missing here. */
  | { readonly kind: 'gap' };

/**
 * Whether reported lines go on from what is known.
 *
 * @param stored heads of lines that were reported before, by their number
 */
export function judgeChain(
  {
    acknowledgedThrough,
    head,
    isGapAccepted,
  }: Pick<OfflineAgent, 'acknowledgedThrough' | 'head' | 'isGapAccepted'>,
  { from, headBefore }: Pick<ReportFacts, 'from' | 'headBefore'>,
  lines: readonly ReportedLine[],
  stored: ReadonlyMap<number, string>,
): ChainVerdict {
  const lost = Math.max(0, from - 1 - acknowledgedThrough);
  if (lost > 0) {
    return isGapAccepted && lost <= lostLinesMax
      ? { kind: 'continues', fresh: lines, lost }
      : { kind: 'gap' };
  }
  const headAt = (n: number): string | undefined =>
    n === acknowledgedThrough ? head : n === 0 ? emptyHead : stored.get(n);
  if (headAt(from - 1) !== headBefore) return { kind: 'fork', n: from - 1 };
  const known = lines.filter(({ n }) => n <= acknowledgedThrough);
  const other = known.find((line) => headAt(line.n) !== line.head);
  if (other !== undefined) return { kind: 'fork', n: other.n };
  if (from - 1 + lines.length < acknowledgedThrough) return { kind: 'roll-back' };
  return { kind: 'continues', fresh: lines.slice(known.length), lost };
}
