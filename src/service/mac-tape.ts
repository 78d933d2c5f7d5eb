import type { Candidate, Candidates } from '../domain/candidate.ts';
import { type ComparisonPlan, decoyCandidate, markOf } from '../domain/comparison.ts';
import type { AuthenticatorWithApplications, IssuedChallenge } from '../domain/model.ts';
import { fromModule, moduleError, seedReference } from './module-calls.ts';
import {
  type CallOptions,
  DECOY_SEED_ID,
  type MacJob,
  type MacResult,
  type ModuleFailure,
  type SeedModule,
  type SeedReference,
} from './seed-module.ts';

/**
 * The MACs of one plan, computed in its order and compared as they arrive: what remains is a mark
 * for each candidate, kept over retries, so that nothing is computed or compared twice.
 */
export interface MacTape {
  readonly plan: ComparisonPlan;
  /** Of the candidates compared so far (`markOf`); 0 where a seed is damaged. */
  marks(): Uint8Array;
  /** Why a seed could not be used, if one could not. */
  damage(): ModuleFailure | null;
  /** Whether any candidate was compared with a MAC. */
  hasMac(): boolean;
  /**
   * Goes on to the end of the next chunk, or by `messagesAtOnceMax`.
   *
   * @throws TallystickError when the module, not a seed, failed; the marks are as before
   */
  extend(): Promise<void>;
  /** Goes on to the end: what a refusal has to cost. */
  complete(): Promise<void>;
}

/** Building messages and comparing takes the event loop, so both are done in pieces. */
const messagesAtOnceMax = 256;

const decoyReference: SeedReference = {
  seedId: DECOY_SEED_ID,
  hash: 'SHA1',
  owner: '',
  profile: '',
};

/**
 * What a plan was made for. When it has changed after a conflict (a reset, an assignment, a PIN, a
 * challenge answered or gone), MACs at hand say nothing about what is there now, and a right
 * response must not be called wrong.
 */
export function planKey(
  serving: readonly AuthenticatorWithApplications[],
  issued: readonly (IssuedChallenge | null)[],
): string {
  const applications = serving.flatMap((one) => one.applications);
  return [
    ...applications.map(({ id, epoch, pin }) => `${id} ${epoch} ${pin.version}`),
    ...issued.map((challenge) => challenge?.id ?? 'none'),
  ].join();
}

/**
 * @param serving whose seeds the candidates belong to; nobody's for a decoy. What the plan costs
 *   beyond its candidates is MACed with the decoy seed: it costs the same and matches nothing
 */
export function createMacTape(
  module: SeedModule,
  plan: ComparisonPlan,
  serving: readonly AuthenticatorWithApplications[],
  options: CallOptions,
): MacTape {
  const { candidates, chunkEnds } = plan;
  const seeds = new Map([[decoyCandidate.applicationId, decoyReference]]);
  for (const { authenticator, applications } of serving) {
    for (const application of applications) {
      seeds.set(application.id, seedReference(authenticator, application));
    }
  }
  const marks = new Uint8Array(candidates.length);
  let done = 0;
  let failure: ModuleFailure | null = null;
  let hasMac = false;
  const extend = async (): Promise<void> => {
    const chunkEnd = chunkEnds.find((end) => end > done);
    if (chunkEnd === undefined) return;
    const end = Math.min(chunkEnd, done + messagesAtOnceMax);
    const pieces = piecesOf(candidates, done, end, seeds);
    const results = await fromModule(module.mac(pieces.map(jobOf), options));
    failure = damageIn(results) ?? failure;
    for (const [number, result] of results.entries()) {
      if (!result.ok) continue;
      for (const [position, mac] of result.macs.entries()) {
        const entry = pieces[number]?.entries[position];
        if (entry === undefined) continue;
        const { candidate } = entry;
        const mark = markOf(candidate, mac, plan.responsesOf(candidate.applicationId));
        // Each MAC is a response.
        mac.fill(0);
        if (entry.index >= candidates.length) continue;
        marks[entry.index] = mark;
        hasMac = true;
      }
    }
    done = end;
  };
  return {
    plan,
    marks: () => marks.subarray(0, Math.min(done, candidates.length)),
    damage: () => failure,
    hasMac: () => hasMac,
    extend,
    async complete() {
      const end = chunkEnds.at(-1) ?? 0;
      while (done < end) await extend();
    },
  };
}

/** What one seed has to MAC, and whose candidates the messages are. */
interface Piece {
  readonly seed: SeedReference;
  readonly messages: Uint8Array[];
  readonly entries: { readonly index: number; readonly candidate: Candidate }[];
}

function jobOf({ seed, messages }: Piece): MacJob {
  return { seed, messages };
}

/** One piece a seed, as many as there are seeds between the two positions. */
function piecesOf(
  candidates: Candidates,
  start: number,
  end: number,
  seeds: ReadonlyMap<string, SeedReference>,
): readonly Piece[] {
  const pieces = new Map<string, Piece>();
  for (let index = start; index < end; index += 1) {
    const candidate = candidates.at(index) ?? decoyCandidate;
    const { applicationId, message } = candidate;
    let piece = pieces.get(applicationId);
    if (piece === undefined) {
      const seed = seeds.get(applicationId);
      if (seed === undefined) throw new RangeError('a plan names planned applications only');
      piece = { seed, messages: [], entries: [] };
      pieces.set(applicationId, piece);
    }
    piece.messages.push(message);
    piece.entries.push({ index, candidate });
  }
  return [...pieces.values()];
}

/**
 * The damage of a seed among the results, if any.
 *
 * @throws TallystickError for any other failure; the MACs beside it are overwritten
 */
function damageIn(results: readonly MacResult[]): ModuleFailure | null {
  const failures = results.flatMap((result) => (result.ok ? [] : [result.failure]));
  const fault = failures.find(({ kind }) => kind !== 'damaged');
  if (fault === undefined) return failures[0] ?? null;
  for (const result of results) {
    if (result.ok) for (const mac of result.macs) mac.fill(0);
  }
  throw moduleError(fault);
}
