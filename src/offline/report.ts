import { framed } from './bytes.ts';
import { fingerprintOf, isSigned } from './keys.ts';
import { type LogLine, recordBytesMax } from './log.ts';
import {
  base64Url,
  hex,
  list,
  object,
  oneOf,
  readJson,
  type Shape,
  uuid,
  whole,
  writeJson,
} from './members.ts';
import { OfflineError } from './offline-error.ts';

/** Lines that go together; the rest goes in the next report. */
export const reportLinesMax = 100;
/** Of one agent. */
const packagesMax = 64;

/** What an agent has to say before it may ask for a logon again. */
export interface Report {
  readonly v: number;
  readonly reportId: string;
  readonly agentId: string;
  /** Number of the first line; one more than was acknowledged when there is none. */
  readonly from: number;
  /** Of the chain before it, in hex. */
  readonly headBefore: string;
  readonly lines: readonly LogLine[];
  /** What the agent holds after the last line. */
  readonly packages: readonly HeldPackage[];
  /** The agent's clocks when it wrote this. */
  readonly clockMs: number;
  readonly bootMs: number;
  readonly bootId: string;
}

export interface HeldPackage {
  readonly packageId: string;
  readonly state: 'installed' | 'locked' | 'wiped';
  readonly eventsUsed: number;
}

const reportShape: Shape<Report> = {
  v: whole(1, 1),
  reportId: uuid,
  agentId: uuid,
  from: whole(1),
  headBefore: hex(32),
  lines: list(
    object<LogLine>({ record: base64Url(recordBytesMax), mac: base64Url(32) }),
    reportLinesMax,
  ),
  packages: list(
    object<HeldPackage>({
      packageId: uuid,
      state: oneOf('installed', 'locked', 'wiped'),
      eventsUsed: whole(0, 10_000),
    }),
    packagesMax,
  ),
  clockMs: whole(0),
  bootMs: whole(0),
  bootId: uuid,
};

/** @throws OfflineError malformed */
export function readReport(bytes: Uint8Array): Report {
  return readJson(bytes, reportShape, 'report');
}

/** @throws OfflineError malformed for a report that `readReport` would not read back */
export function writeReport(report: Omit<Report, 'v'>): Buffer {
  return writeJson({ ...report, v: 1 }, reportShape, 'report');
}

/** The server's signed answer to a report. */
export interface Acknowledgement {
  readonly v: number;
  /** The fingerprint of the server's public key. */
  readonly kid: string;
  readonly agentId: string;
  /** What it answers. */
  readonly reportId: string;
  /** `revoked`: the agent destroys all that it has, and is enrolled anew or not at all. */
  readonly agentState: 'active' | 'revoked';
  /** Number and head of the last line that the server has. */
  readonly through: number;
  readonly head: string;
  readonly serverTimeMs: number;
  /** Every package that still stands; the agent destroys the others. */
  readonly packageIds: readonly string[];
}

const acknowledgementShape: Shape<Acknowledgement> = {
  v: whole(1, 1),
  kid: hex(32),
  agentId: uuid,
  reportId: uuid,
  agentState: oneOf('active', 'revoked'),
  through: whole(0),
  head: hex(32),
  serverTimeMs: whole(0),
  packageIds: list(uuid, packagesMax),
};

/** A document and the server's signature over it. */
export interface SignedDocument {
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** @throws OfflineError malformed for an answer that `readAcknowledgement` would not read back */
export function writeAcknowledgement(acknowledgement: Omit<Acknowledgement, 'v'>): Buffer {
  return writeJson({ ...acknowledgement, v: 1 }, acknowledgementShape, 'answer');
}

/** What the server signs. */
export function acknowledgementMessage(payload: Uint8Array): Buffer {
  return framed('ovp1/ack', payload);
}

/**
 * @param expected the agent that asked, and what it asked
 * @throws OfflineError malformed, forged, or foreign when it answers something else
 */
export function readAcknowledgement(
  { payload, signature }: SignedDocument,
  serverKey: Uint8Array,
  expected: { readonly agentId: string; readonly reportId: string },
): Acknowledgement {
  if (!isSigned(serverKey, acknowledgementMessage(payload), signature)) {
    throw new OfflineError('forged', 'The signature of the answer is not the server’s.');
  }
  const read = readJson(payload, acknowledgementShape, 'answer');
  const isOurs =
    read.kid === fingerprintOf(serverKey) &&
    read.agentId === expected.agentId &&
    read.reportId === expected.reportId;
  if (!isOurs) throw new OfflineError('foreign', 'The answer is to another report.');
  return read;
}
