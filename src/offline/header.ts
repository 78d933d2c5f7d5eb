import {
  algorithmInputs,
  algorithmText,
  algorithmTimeStepping,
  parseAlgorithmText,
  type TimeStepping,
  timeStepAt,
} from '../oath/index.ts';
import {
  base64Url,
  decimal,
  flag,
  hex,
  list,
  mark,
  type MemberReader,
  nullable,
  object,
  oneOf,
  readJson,
  type Shape,
  text,
  uuid,
  whole,
  writeJson,
} from './members.ts';
import { malformed } from './offline-error.ts';

/** The most entries that one package may have: 99 days of 30-second steps and the day that began. */
export const entriesMax = 288_000;
/** Event counters, and challenges without a moving factor, that share one tag key. */
export const countersPerBlock = 50;
/** Of counters or challenges: the most events, and the counters that are looked at beside them. */
const countersMax = 2999 + 100;
const headerBytesMax = 8192;
const secondsPerDay = 86_400;
/** Blocks are numbered in 4 bytes. */
const blockMax = 2 ** 32 - 1;

const algorithm: MemberReader<string> = (value, part) => {
  try {
    if (typeof value === 'string' && algorithmText(parseAlgorithmText(value)) === value) {
      return value;
    }
  } catch {
    // Said below.
  }
  throw malformed(part, 'the text of an algorithm');
};

/** How a PIN, or an emergency code, is made slow to try (scrypt, RFC 7914). */
export interface SlowHash {
  readonly algorithm: 'scrypt';
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
}

/** An emergency code that the body holds, without the code. */
export interface EmergencyTerms {
  readonly codeId: string;
  /** `tokencode` stands in for the device, `passcode` for device and PIN. */
  readonly kind: 'tokencode' | 'passcode';
  readonly isPinRequired: boolean;
  readonly notAfterMs: number;
  readonly usesMax: number;
}

/** What a package says of itself in the clear, under the server's signature. */
export interface PackageHeader {
  readonly v: number;
  /** Which key signed it: the fingerprint of the server's public key. */
  readonly kid: string;
  readonly packageId: string;
  readonly agentId: string;
  /** The fingerprint of the agent's public key. */
  readonly agentKeyId: string;
  readonly userId: string;
  readonly userName: string;
  readonly domainName: string;
  readonly serial: string;
  readonly applicationName: string;
  /** The one-line form of `algorithmText`. */
  readonly algorithm: string;
  /** What the index of an entry is: a time step, an event counter or the number of a challenge. */
  readonly kind: 'time' | 'event' | 'challenge';
  /** Index of the first entry. */
  readonly first: bigint;
  readonly count: number;
  /** Token time minus host time, as the server has learned. */
  readonly driftSeconds: number;
  readonly windowBackSteps: number;
  readonly windowForwardSteps: number;
  /** Event counters that are looked at: the next one and those that follow it. */
  readonly lookAhead: number;
  /** Of event counters only: whether the server goes on from where it was, or behind this package. */
  readonly eventMode: 'shared' | 'reserved' | null;
  /** Rises with every package of this agent and application. */
  readonly sequence: number;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly eventsMax: number;
  /** Wrong tries in a row that lock. */
  readonly failuresMax: number;
  readonly warnDays: number;
  readonly warnEvents: number;
  readonly clockBackMaxSeconds: number;
  /** Where the agent's secret may be, at the least: hardware, memory, disk. */
  readonly keyMode: 'hw' | 'ram' | 'sw';
  /** Bits that the agent keeps of each entry. */
  readonly tagBits: number;
  /** `server`: a PIN comes in front of the response. */
  readonly pinMode: 'none' | 'server';
  /** The static password comes in front of that, and is stretched together with the PIN. */
  readonly isPasswordRequired?: true | undefined;
  readonly kdf: SlowHash;
  /** Of the settings that it was made under. */
  readonly policyHash: string;
  readonly emergency: readonly EmergencyTerms[];
}

const headerShape: Shape<PackageHeader> = {
  v: whole(1, 1),
  kid: hex(32),
  packageId: uuid,
  agentId: uuid,
  agentKeyId: hex(32),
  userId: uuid,
  userName: text(255),
  domainName: text(255),
  serial: text(64),
  applicationName: text(64),
  algorithm,
  kind: oneOf('time', 'event', 'challenge'),
  first: decimal,
  count: whole(1, entriesMax),
  driftSeconds: whole(-31_536_000, 31_536_000),
  windowBackSteps: whole(0, 10),
  windowForwardSteps: whole(0, 10),
  lookAhead: whole(1, 100),
  eventMode: nullable(oneOf('shared', 'reserved')),
  sequence: whole(1),
  issuedAtMs: whole(0),
  notBeforeMs: whole(0),
  notAfterMs: whole(0),
  eventsMax: whole(1, 2999),
  failuresMax: whole(1, 20),
  warnDays: whole(0, 99),
  warnEvents: whole(0, 2999),
  clockBackMaxSeconds: whole(0, 86_400),
  keyMode: oneOf('hw', 'ram', 'sw'),
  tagBits: whole(16, 64),
  pinMode: oneOf('none', 'server'),
  isPasswordRequired: mark,
  kdf: object<SlowHash>({
    algorithm: oneOf('scrypt'),
    n: whole(2 ** 10, 2 ** 20),
    r: whole(1, 32),
    p: whole(1, 16),
    salt: base64Url(64),
  }),
  policyHash: hex(32),
  emergency: list(
    object<EmergencyTerms>({
      codeId: uuid,
      kind: oneOf('tokencode', 'passcode'),
      isPinRequired: flag,
      notAfterMs: whole(0),
      usesMax: whole(1, 1000),
    }),
    2,
  ),
};

/** What the index of an entry is, or null for an algorithm that no package can be made of. */
function kindOf(line: string): PackageHeader['kind'] | null {
  const algorithm = parseAlgorithmText(line);
  if (algorithm.kind === 'hmac-challenge') return null;
  const { eventCounter, timeStep, pinHash, session } = algorithmInputs(algorithm);
  if (pinHash || session || (eventCounter && timeStep)) return null;
  if (timeStep) return 'time';
  return eventCounter ? 'event' : 'challenge';
}

/** What belongs together. */
function requireSense(header: PackageHeader): PackageHeader {
  const { kind, eventMode, count, notBeforeMs, notAfterMs, kdf } = header;
  if (notAfterMs <= notBeforeMs) throw malformed('header.notAfterMs', 'later than notBeforeMs');
  if ((kind === 'event') !== (eventMode !== null)) {
    throw malformed('header.eventMode', 'given for event counters and for nothing else');
  }
  if (kindOf(header.algorithm) !== kind) {
    throw malformed('header.algorithm', 'one whose entries are of this kind');
  }
  const blocks = blockRange(header);
  if (blocks.last > blockMax) throw malformed('header.first', `in blocks up to ${blockMax}`);
  if (Math.max(blocks.last - blocks.first + 1, kind === 'time' ? 1 : count) > countersMax) {
    throw malformed('header.count', `at most ${countersMax} counters, challenges or days`);
  }
  if (!Number.isInteger(Math.log2(kdf.n))) throw malformed('header.kdf.n', 'a power of two');
  return header;
}

/** @throws OfflineError malformed naming the member */
export function readHeader(bytes: Uint8Array): PackageHeader {
  if (bytes.length > headerBytesMax) {
    throw malformed('the header', `at most ${headerBytesMax} bytes`);
  }
  return requireSense(readJson(bytes, headerShape, 'header'));
}

/** @throws OfflineError malformed for a header that `readHeader` would not read back */
export function writeHeader(header: PackageHeader): Buffer {
  const bytes = writeJson(header, headerShape, 'header');
  readHeader(bytes);
  return bytes;
}

type Indexing = Pick<PackageHeader, 'kind' | 'algorithm'>;

function stepping({ algorithm: line }: Pick<Indexing, 'algorithm'>): TimeStepping {
  const found = algorithmTimeStepping(parseAlgorithmText(line));
  if (found === undefined) throw new RangeError('time steps need an algorithm with a clock');
  return found;
}

/**
 * Which block an entry belongs to: the UTC day of its step, fifty event counters, or the challenge
 * itself. Blocks have a tag key each and, for challenge/response, a challenge each.
 */
export function blocksOf(header: Indexing): (index: bigint) => number {
  if (header.kind === 'time') {
    const { timeStepSeconds, timeOriginSeconds } = stepping(header);
    return (index) => {
      const startSeconds = Number(index) * timeStepSeconds + timeOriginSeconds;
      return Math.floor(startSeconds / secondsPerDay);
    };
  }
  if (header.kind === 'event') return (index) => Number(index / BigInt(countersPerBlock));
  return (index) => Number(index);
}

/** First and last block of a package. */
export function blockRange(header: Indexing & Pick<PackageHeader, 'first' | 'count'>): {
  readonly first: number;
  readonly last: number;
} {
  const block = blocksOf(header);
  return {
    first: block(header.first),
    last: block(header.first + BigInt(header.count) - 1n),
  };
}

/**
 * The time step in which a device is, by its own clock; 0 before the first.
 *
 * @param nowMs true time, Unix milliseconds
 */
export function stepAt(
  header: Pick<PackageHeader, 'algorithm' | 'driftSeconds'>,
  nowMs: number,
): bigint {
  const step = timeStepAt(nowMs + header.driftSeconds * 1000, stepping(header));
  return step < 0n ? 0n : step;
}

/** Whether the agent has to show a challenge before anything can be answered. */
export function hasChallenges(header: Pick<PackageHeader, 'algorithm'>): boolean {
  return parseAlgorithmText(header.algorithm).kind === 'challenge-response';
}
