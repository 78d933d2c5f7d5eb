import { algorithmHash, algorithmText, type ResponseAlgorithm } from '../../src/oath/index.ts';
import { keyCheckValue } from '../device/mac.ts';
import { Secret } from '../device/secret.ts';
import type { DrawnToken } from './draw.ts';
import { applicationsOf } from './fleet.ts';

/** A record of the REST interface. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * Why a token of a server is not as a drive would have made it, or null: its keys and algorithms, nothing
 * used, nothing learned.
 */
export function tokenFlaw(token: DrawnToken, authenticator: Json): string | null {
  const wanted = applicationsOf(token);
  const applications = recordsOf(authenticator['applications']);
  if (applications.length !== wanted.length) {
    return `has ${applications.length} applications, not ${wanted.length}`;
  }
  if (authenticator['isDisabled'] === true) return 'is disabled';
  for (const { key, program } of wanted) {
    // Imports may name the only one as they like.
    const isNamed = (one: Json): boolean => wanted.length === 1 || one['name'] === program.name;
    const application = applications.find(isNamed);
    if (application === undefined) return `has no application ${program.name}`;
    const flaw = applicationFlaw(application, program.algorithm, key);
    if (flaw !== null) return flaw;
  }
  return null;
}

function applicationFlaw(
  application: Json,
  algorithm: ResponseAlgorithm,
  keyHex: string,
): string | null {
  const text = algorithmText(algorithm);
  if (application['algorithm'] !== text) return `has another algorithm than ${text}`;
  const key = new Secret(Buffer.from(keyHex, 'hex'));
  if (application['keyCheckValue'] !== keyCheckValue(algorithmHash(algorithm), key)) {
    return 'has another key';
  }
  return useFlaw(application);
}

/** What an application was used for, or set to. */
function useFlaw(application: Json): string | null {
  const { nextEventCounter: counter = null, driftSeconds: drift = null } = application;
  if (application['isDisabled'] === true) return 'is disabled';
  if (counter !== null && counter !== '0') return `has the event counter ${shown(counter)}, not 0`;
  if (drift !== null && drift !== 0) return `has a drift of ${shown(drift)} s, not 0`;
  if (isUsed(application)) return 'was used already';
  return application['isDriftFrozen'] === true ? 'has a drift that is frozen' : null;
}

/** The same of the user who has it. */
export function userFlaw({ serial }: DrawnToken, user: Json): string | null {
  const { serials, isDisabled, lockedAtMs, lockCount } = user;
  const isOnlyOne = Array.isArray(serials) && serials.length === 1 && serials[0] === serial;
  if (!isOnlyOne) return 'has other authenticators as well';
  if (isDisabled === true) return 'is disabled';
  if ((lockedAtMs ?? null) !== null) return 'is locked';
  return lockCount === 0 ? null : `has failed attempts: ${shown(lockCount)}`;
}

function isUsed({ lastStep, lastUsedAtMs, failureCount, hasRememberedResponse }: Json): boolean {
  const wasAccepted = (lastStep ?? lastUsedAtMs ?? null) !== null;
  return wasAccepted || failureCount !== 0 || hasRememberedResponse === true;
}

function recordsOf(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Json => typeof one === 'object' && one !== null);
}

function shown(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : 'unknown';
}
