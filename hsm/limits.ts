import { fault } from './errors.ts';
import { requireSeedId } from './seed-id.ts';
import { DECOY_SEED_ID } from './types.ts';
import type { KnownSeed, MacJob, ModuleOptions, SeedReference, SeedSpec } from './types.ts';

/** Every size that a caller decides has a bound, checked before anything is queued. */
const jobsMax = 4096;
/** One synchronisation may look at 16,384 candidates on either side. */
const messagesMax = 65_536;
/** The longest OCRA DataInput is far below this. */
const messageBytesMax = 4096;
const textBytesMax = 65_536;
const signBytesMax = 1_048_576;
const randomBytesMax = 1024;
/** RFC 4226 R6 demands 128 bits; beyond 128 bytes no device goes. */
export const seedBytesMin = 16;
export const seedBytesMax = 128;
const ownerBytesMax = 200;
const profileBytesMax = 512;
const blobBytesMax = 1024;

const controlCharacter = /\p{Cc}/u;
const hashNames: readonly string[] = ['SHA1', 'SHA256', 'SHA512'];

export interface Bounds {
  readonly maxSessions: number;
  readonly lruHandles: number;
  readonly queueLimit: number;
  readonly sliceMs: number;
}

/** The numbers of the options, or their defaults. */
export function boundsOf(options: ModuleOptions): Bounds {
  return {
    maxSessions: bounded('maxSessions', options.maxSessions ?? 4, 1, 64),
    lruHandles: bounded('lruHandles', options.lruHandles ?? 4096, 1, 100_000),
    queueLimit: bounded('queueLimit', options.queueLimit ?? 10_000, 1, 1_000_000),
    sliceMs: bounded('sliceMs', options.sliceMs ?? 2, 0.1, 1000),
  };
}

/** @throws ModuleFault `contract` */
export function checkJobs(jobs: readonly MacJob[]): void {
  if (jobs.length > jobsMax) throw fault('contract', `at most ${jobsMax} seeds in one call`);
  let messages = 0;
  for (const job of jobs) {
    checkReference(job.seed);
    messages += job.messages.length;
    for (const message of job.messages) checkMessage(message);
  }
  if (messages > messagesMax)
    throw fault('contract', `at most ${messagesMax} messages in one call`);
}

/** @throws ModuleFault `contract` */
export function checkMessages(messages: readonly Uint8Array[]): void {
  if (messages.length > messagesMax) {
    throw fault('contract', `at most ${messagesMax} messages in one call`);
  }
  for (const message of messages) checkMessage(message);
}

/** @throws ModuleFault `contract` */
export function checkSpec(spec: SeedSpec): void {
  if (spec.seedId === DECOY_SEED_ID) throw fault('contract', 'the decoy is no seed');
  checkReference(spec);
  checkLine('owner', spec.owner, ownerBytesMax);
  checkLine('profile', spec.profile, profileBytesMax);
}

/** @throws ModuleFault `contract` */
export function checkMove(seed: SeedReference, { seedBytes }: KnownSeed): void {
  checkSpec(seed);
  bounded('the length of a seed', seedBytes, seedBytesMin, seedBytesMax);
}

/** @throws ModuleFault `contract` */
export function checkSigned(message: Uint8Array): void {
  if (message.length > signBytesMax) {
    throw fault('contract', `a signed message has at most ${signBytesMax} bytes`);
  }
}

/** @throws ModuleFault `contract` */
export function checkSealing(context: Uint8Array, text: Uint8Array): void {
  if (text.length === 0 || text.length > textBytesMax || context.length > messageBytesMax) {
    throw fault(
      'contract',
      `a sealed text has 1 to ${textBytesMax} bytes, its context at most ${messageBytesMax}`,
    );
  }
}

/** @throws ModuleFault `contract` */
export function checkRandom(length: number): void {
  if (!Number.isInteger(length) || length < 1 || length > randomBytesMax) {
    throw fault('contract', `random gives 1 to ${randomBytesMax} bytes`);
  }
}

function checkReference(seed: SeedReference): void {
  requireSeedId(seed.seedId);
  if (!hashNames.includes(seed.hash)) throw fault('contract', 'the hash is none that is known');
  if (seed.blob !== undefined && seed.blob.length > blobBytesMax) {
    throw fault('contract', `a wrapped seed has at most ${blobBytesMax} bytes`);
  }
}

/** SoftHSM refuses an empty message and leaves the operation open. */
function checkMessage(message: Uint8Array): void {
  if (message.length === 0 || message.length > messageBytesMax) {
    throw fault('contract', `a message has 1 to ${messageBytesMax} bytes, not ${message.length}`);
  }
}

function checkLine(name: string, text: string, bytesMax: number): void {
  if (text === '' || Buffer.byteLength(text) > bytesMax || controlCharacter.test(text)) {
    throw fault('contract', `the ${name} of a seed is one line of 1 to ${bytesMax} bytes`);
  }
}

function bounded(name: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most)) {
    throw fault('contract', `${name} is a number from ${least} to ${most}`);
  }
  return value;
}
