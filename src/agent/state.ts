import { join } from 'node:path';
import { z } from 'zod';
import { framed } from '../offline/bytes.ts';
import { decrypt, encrypt } from '../offline/seal.ts';
import { brokenAgent } from './agent-error.ts';
import type { EntriesName } from './entries-file.ts';
import { type Files, isDamage, replaceFile } from './files.ts';

/**
 * All that the agent remembers, in one file under one seal: counts, locks, the log that the server has
 * not seen and how far each package is used up. Bytes are base64 text here, indices decimal text.
 */
export interface EmergencyState {
  readonly codeId: string;
  readonly isPinRequired: boolean;
  readonly notAfterMs: number;
  readonly usesMax: number;
  readonly uses: number;
  /** Length and alphabet of the code, to know one when it is typed. */
  readonly characters: number;
  readonly isDigits: boolean;
  readonly salt: string;
  readonly verifier: string;
}

export interface PackageState {
  readonly packageId: string;
  /** As the server signed it. */
  readonly header: string;
  /**
   * Names without a domain beside them by which the server verified this user: which of several domains a
   * name means is for the server to say.
   */
  readonly namedBy: readonly string[];
  /**
   * `soft-locked`: until an emergency code or a new package; `locked` and `damaged`: until a new package,
   * with the secrets gone.
   */
  readonly status: 'installed' | 'soft-locked' | 'locked' | 'damaged';
  readonly lastIndex: string | null;
  readonly eventsUsed: number;
  /** Wrong tries in a row; one that is being computed counts as one. */
  readonly failures: number;
  readonly emergencyFailures: number;
  readonly lastFailure: { readonly bootMs: number; readonly bootId: string } | null;
  readonly emergency: readonly EmergencyState[];
  /** Where the entries are, or null once they were wiped. */
  readonly entries: EntriesName | null;
}

export interface AgentState {
  readonly v: 1;
  /** One more with every write. */
  readonly counter: number;
  readonly isRevoked: boolean;
  readonly log: { readonly n: number; readonly head: string; readonly key: string };
  /** The last line that the server has. */
  readonly acknowledged: { readonly n: number; readonly head: string };
  /** Those it does not have, each with the head of the chain after it. */
  readonly lines: readonly {
    readonly record: string;
    readonly mac: string;
    readonly head: string;
  }[];
  /** The latest time ever seen, and true time at one moment of one start of this computer. */
  readonly maxSeenMs: number;
  readonly anchor: {
    readonly serverTimeMs: number;
    readonly bootMs: number;
    readonly bootId: string;
  } | null;
  /** The highest sequence of each application that was ever installed. */
  readonly floors: Readonly<Record<string, number>>;
  /** Labels of secrets that are to be destroyed, should that have been interrupted. */
  readonly doomed: readonly string[];
  readonly packages: readonly PackageState[];
}

const counted = z.int().min(0);
const bytes = z.base64();

const emergencyShape: z.ZodType<EmergencyState> = z.strictObject({
  codeId: z.string(),
  isPinRequired: z.boolean(),
  notAfterMs: counted,
  usesMax: counted,
  uses: counted,
  characters: counted,
  isDigits: z.boolean(),
  salt: bytes,
  verifier: bytes,
});

const packageShape: z.ZodType<PackageState> = z.strictObject({
  packageId: z.string(),
  header: z.string(),
  namedBy: z.array(z.string()),
  status: z.enum(['installed', 'soft-locked', 'locked', 'damaged']),
  lastIndex: z
    .string()
    .regex(/^\d{1,20}$/)
    .nullable(),
  eventsUsed: counted,
  failures: counted,
  emergencyFailures: counted,
  lastFailure: z.strictObject({ bootMs: counted, bootId: z.string() }).nullable(),
  emergency: z.array(emergencyShape),
  entries: z.strictObject({ name: z.string(), sha256: z.string(), firstBlock: counted }).nullable(),
});

const stateShape: z.ZodType<AgentState> = z.strictObject({
  v: z.literal(1),
  counter: counted,
  isRevoked: z.boolean(),
  log: z.strictObject({ n: counted, head: bytes, key: bytes }),
  acknowledged: z.strictObject({ n: counted, head: bytes }),
  lines: z.array(z.strictObject({ record: bytes, mac: bytes, head: bytes })),
  maxSeenMs: counted,
  anchor: z.strictObject({ serverTimeMs: counted, bootMs: counted, bootId: z.string() }).nullable(),
  floors: z.record(z.string(), counted),
  doomed: z.array(z.string()),
  packages: z.array(packageShape),
});

const fileName = 'state';
/** Thousands of lines that no server has taken yet. */
const stateBytesMax = 16 * 2 ** 20;

export function newState(logKey: Uint8Array): AgentState {
  const zeros = Buffer.alloc(32).toString('base64');
  return {
    v: 1,
    counter: 0,
    isRevoked: false,
    log: { n: 0, head: zeros, key: Buffer.from(logKey).toString('base64') },
    acknowledged: { n: 0, head: zeros },
    lines: [],
    maxSeenMs: 0,
    anchor: null,
    floors: {},
    doomed: [],
    packages: [],
  };
}

/** Where the state is and under which key. */
export interface StatePlace {
  readonly files: Files;
  readonly folder: string;
  readonly agentId: string;
  readonly key: Uint8Array;
}

/** @throws AgentError damaged when a byte of it is another, or it is gone */
export async function readState(place: StatePlace): Promise<AgentState> {
  const path = join(place.folder, fileName);
  let plain: Buffer | null = null;
  try {
    const sealed = await place.files.read(path, stateBytesMax);
    plain = decrypt(place.key, contextOf(place), sealed);
    return stateShape.parse(JSON.parse(plain.toString('utf8')));
  } catch (error) {
    if (!isDamage(error)) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw brokenAgent(`${path} is ${isMissing ? 'missing' : 'damaged'}`, error);
  } finally {
    plain?.fill(0);
  }
}

/** Durable when it returns. */
export async function writeState(place: StatePlace, state: AgentState): Promise<void> {
  const plain = Buffer.from(JSON.stringify(state), 'utf8');
  const sealed = encrypt(place.key, contextOf(place), plain);
  plain.fill(0);
  await replaceFile(place.files, place.folder, fileName, sealed);
}

function contextOf({ agentId }: StatePlace): Buffer {
  return framed('ovp1/state', agentId);
}

/** The state with one package changed. */
export function withPackage(
  state: AgentState,
  packageId: string,
  changed: Partial<PackageState>,
): AgentState {
  const packages = state.packages.map((each) =>
    each.packageId === packageId ? { ...each, ...changed } : each,
  );
  return { ...state, packages };
}
