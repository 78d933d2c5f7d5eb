import type { AuthenticatorWithApplications, IssuedChallenge } from '../domain/model.ts';
import { fromModule, moduleError, seedReference } from './module-calls.ts';
import {
  type CallOptions,
  DECOY_SEED_ID,
  type MacJob,
  type ModuleFailure,
  type SeedModule,
  type SeedReference,
} from './seed-module.ts';

/** What a plan of the domain asks to be MACed, in order. */
export interface MacPlan {
  readonly candidates: readonly { readonly applicationId: string; readonly message: Uint8Array }[];
  /** Where to pause and decide; the last one is the end. */
  readonly chunkEnds: readonly number[];
}

/**
 * The MACs of the first candidates of one plan, kept over retries, so that none is computed twice.
 * Null where a seed is damaged.
 */
export interface MacTape {
  readonly plan: MacPlan;
  readonly macs: readonly (Uint8Array | null)[];
  /** Why a seed could not be used, if one could not. */
  damage(): ModuleFailure | null;
  /** Whether any MAC was computed. */
  hasMac(): boolean;
  /**
   * Goes on to the end of the next chunk, or by `messagesAtOnceMax`.
   *
   * @throws TallystickError when the module, not a seed, failed
   */
  extend(): Promise<void>;
  /** Goes on to the end: what a refusal has to cost. */
  complete(): Promise<void>;
  /** Overwrites the MACs: each of them is a response. */
  wipe(): void;
}

/** Building messages takes the event loop, so the largest plans are handed over in pieces. */
const messagesAtOnceMax = 512;

const decoyReference: SeedReference = {
  seedId: DECOY_SEED_ID,
  hash: 'SHA1',
  owner: '',
  profile: '',
};

/**
 * What a plan was made for. When it has changed after a conflict (a reset, an assignment, a
 * challenge answered or gone), MACs at hand say nothing about what is there now, and a right
 * response must not be called wrong.
 */
export function planKey(
  serving: readonly AuthenticatorWithApplications[],
  issued: readonly (IssuedChallenge | null)[],
): string {
  const applications = serving.flatMap((one) => one.applications);
  return [
    ...applications.map(({ id, epoch }) => `${id} ${epoch}`),
    ...issued.map((challenge) => challenge?.id ?? 'none'),
  ].join();
}

/** MACs by the applications' own seeds. */
export function createMacTape(
  module: SeedModule,
  plan: MacPlan,
  serving: readonly AuthenticatorWithApplications[],
  options: CallOptions,
): MacTape {
  const references = new Map<string, SeedReference>();
  for (const { authenticator, applications } of serving) {
    for (const application of applications) {
      references.set(application.id, seedReference(authenticator, application));
    }
  }
  return tapeOf(module, plan, options, (applicationId) => {
    const reference = references.get(applicationId);
    if (reference === undefined) throw new RangeError('a plan names planned applications only');
    return reference;
  });
}

/** MACs by the decoy seed: they cost the same and match nothing. */
export function createDecoyTape(module: SeedModule, plan: MacPlan, options: CallOptions): MacTape {
  return tapeOf(module, plan, options, () => decoyReference);
}

function tapeOf(
  module: SeedModule,
  plan: MacPlan,
  options: CallOptions,
  referenceOf: (applicationId: string) => SeedReference,
): MacTape {
  const macs: (Uint8Array | null)[] = [];
  let failure: ModuleFailure | null = null;
  const extend = async (): Promise<void> => {
    const start = macs.length;
    const chunkEnd = plan.chunkEnds.find((end) => end > start);
    if (chunkEnd === undefined) return;
    const end = Math.min(chunkEnd, start + messagesAtOnceMax);
    const { jobs, indexes } = jobsOf(plan, start, end, referenceOf);
    const results = await fromModule(module.mac(jobs, options));
    for (const [job, result] of results.entries()) {
      const at = indexes[job] ?? [];
      if (result.ok) {
        for (const [message, index] of at.entries()) macs[index] = result.macs[message] ?? null;
        continue;
      }
      if (result.failure.kind !== 'damaged') throw moduleError(result.failure);
      failure = result.failure;
      for (const index of at) macs[index] = null;
    }
  };
  return {
    plan,
    macs,
    damage: () => failure,
    hasMac: () => macs.some((mac) => mac !== null),
    extend,
    async complete() {
      while (macs.length < plan.candidates.length) await extend();
    },
    wipe() {
      for (const mac of macs) mac?.fill(0);
    },
  };
}

/** One job a seed, and where in the plan the MACs of each job belong. */
function jobsOf(
  plan: MacPlan,
  start: number,
  end: number,
  referenceOf: (applicationId: string) => SeedReference,
): { readonly jobs: readonly MacJob[]; readonly indexes: readonly (readonly number[])[] } {
  const jobs: { seed: SeedReference; messages: Uint8Array[] }[] = [];
  const indexes: number[][] = [];
  const jobByApplication = new Map<string, number>();
  for (let index = start; index < end; index += 1) {
    const candidate = plan.candidates[index];
    if (candidate === undefined) break;
    const { applicationId, message } = candidate;
    const job = jobByApplication.get(applicationId);
    if (job === undefined) {
      jobByApplication.set(applicationId, jobs.length);
      jobs.push({ seed: referenceOf(applicationId), messages: [message] });
      indexes.push([index]);
    } else {
      jobs[job]?.messages.push(message);
      indexes[job]?.push(index);
    }
  }
  return { jobs, indexes };
}
