import { join } from 'node:path';
import { z } from 'zod';
import { framed } from '../offline/bytes.ts';
import { decrypt, encrypt } from '../offline/seal.ts';
import { AgentError } from './agent-error.ts';
import { type Files, replaceFile } from './files.ts';

/**
 * All that the agent remembers, in one file under one seal: counts, locks, the log that the server has
 * not seen and how far each package is used up. Bytes are base64 text here, indices decimal text.
 */
const counted = z.int().min(0);
const decimalText = z.string().regex(/^\d{1,20}$/);
const base64Text = z.base64();

const instantSpan = z.strictObject({ bootMs: counted, bootId: z.string() });

const emergencyShape = z.strictObject({
  codeId: z.string(),
  isPinRequired: z.boolean(),
  notAfterMs: counted,
  usesMax: counted,
  uses: counted,
  /** Length and alphabet of the code, to know one when it is typed. */
  characters: counted,
  isDigits: z.boolean(),
  salt: base64Text,
  verifier: base64Text,
});

const packageShape = z.strictObject({
  packageId: z.string(),
  /** As the server signed it. */
  header: z.string(),
  /**
   * `soft-locked`: until an emergency code or a new package; `locked` and `damaged`: until a new package,
   * with the secrets gone.
   */
  status: z.enum(['installed', 'soft-locked', 'locked', 'damaged']),
  lastIndex: decimalText.nullable(),
  eventsUsed: counted,
  /** Wrong tries in a row; one that is being computed counts as one. */
  failures: counted,
  emergencyFailures: counted,
  lastFailure: instantSpan.nullable(),
  emergency: z.array(emergencyShape),
  /** Where the entries are, or null once they were wiped. */
  entries: z.strictObject({ name: z.string(), sha256: z.string(), firstBlock: counted }).nullable(),
});

const stateShape = z.strictObject({
  v: z.literal(1),
  /** One more with every write. */
  counter: counted,
  isRevoked: z.boolean(),
  log: z.strictObject({ n: counted, head: base64Text, key: base64Text }),
  /** The last line that the server has. */
  acknowledged: z.strictObject({ n: counted, head: base64Text }),
  /** Those it does not have, each with the head of the chain after it. */
  lines: z.array(z.strictObject({ record: base64Text, mac: base64Text, head: base64Text })),
  /** The latest time ever seen, and true time at one moment of one start of this computer. */
  maxSeenMs: counted,
  anchor: z.strictObject({ serverTimeMs: counted, bootMs: counted, bootId: z.string() }).nullable(),
  /** The highest sequence of each application that was ever installed. */
  floors: z.record(z.string(), counted),
  /** Labels of secrets that are to be destroyed, should that have been interrupted. */
  doomed: z.array(z.string()),
  packages: z.array(packageShape),
});

export type AgentState = z.infer<typeof stateShape>;
export type PackageState = z.infer<typeof packageShape>;
export type EmergencyState = z.infer<typeof emergencyShape>;

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
    const { code } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ENOENT';
    throw new AgentError('damaged', `${path} is ${isMissing ? 'missing' : 'damaged'}`, {
      cause: error,
    });
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
