import { asksForNewest, type IssuedChallenges } from '../domain/challenge.ts';
import { parseUserName } from '../domain/names.ts';
import type { Domain, IssuedChallenge, UserWithAuthenticators } from '../domain/model.ts';
import type { RefusalCode } from '../domain/outcomes.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import { TallystickError } from '../errors.ts';
import { requireLiveKey, targetDomain } from './administration/access.ts';
import type { Caller, RefusedAnswer } from './api.ts';
import { type Configuration, masterDomainName, type ResolvedComponent } from './configuration.ts';
import type { Context } from './deps.ts';
import { parseMember } from './problems.ts';

/** An id that no record has: attempts on nobody read and write as others do. */
export const nobodyId: string = '00000000-0000-0000-0000-000000000000';
const reloadsMax = 4;
const challengeCharactersMax = 128;

/** Whom a request is about. */
export interface Target {
  readonly userName: string;
  readonly domainName: string | null;
}

/** One consistent reading of all that an attempt depends on. */
export interface Reading {
  readonly configuration: Configuration;
  readonly component: ResolvedComponent | null;
  readonly domain: Domain | null;
  readonly found: UserWithAuthenticators | null;
}

/** The facts of an attempt for the audit. */
export type Facts = Record<string, string | number | boolean | null>;

/**
 * Checks the user's name: its form says nothing about whether the user exists.
 *
 * @throws TallystickError `request-invalid`, member `user`
 */
export function parseTarget(target: Target): Target {
  return {
    userName: parseMember('user', () => parseUserName(target.userName)),
    domainName: target.domainName,
  };
}

/**
 * Reads the user, under the newest configuration: the load carries the configuration's version, and
 * a newer one than the cached is loaded first.
 *
 * @throws TallystickError `unauthenticated` when the caller's key is gone, `forbidden` when it is
 *   bound to another domain, `overloaded` when the configuration never stands still
 */
export async function readAttempt(
  context: Context,
  caller: Caller,
  target: Target,
  nowMs: number,
): Promise<Reading> {
  const current = context.configuration.current();
  let configuration = current instanceof Promise ? await current : current;
  for (let reload = 0; reload < reloadsMax; reload += 1) {
    const domain = targetDomain(configuration, caller, target.domainName);
    const load = await context.store.loadAttempt(domain?.id ?? nobodyId, target.userName);
    if (load.configurationVersion <= configuration.version) {
      requireLiveKey(configuration, caller, nowMs);
      const component = configuration.resolve(caller);
      return { configuration, component, domain, found: load.found };
    }
    configuration = await context.configuration.reload();
  }
  throw new TallystickError('overloaded', 'The configuration changes too fast; try again.');
}

/** The newest issued challenge of this text, looked up for nobody as for somebody. */
export function findIssuedChallenge(
  context: Context,
  caller: Caller,
  userId: string | null,
  challenge: string | null,
): Promise<IssuedChallenge | null> {
  if (challenge === null || challenge.length > challengeCharactersMax) {
    return Promise.resolve(null);
  }
  return context.store.findChallenge(userId ?? nobodyId, caller.componentType, challenge);
}

/** The challenges of ours that an attempt may be about, looked up for nobody as for somebody. */
export async function findIssuedChallenges(
  context: Context,
  caller: Caller,
  userId: string | null,
  challenge: string | null,
  { policy, nowMs }: { readonly policy: EffectivePolicy; readonly nowMs: number },
): Promise<IssuedChallenges> {
  // Beside a response without a challenge the newest only matters where it is always the one.
  const isAsked = challenge === null ? policy.challengeCheckMode === 2 : asksForNewest(policy);
  const given =
    challenge === null ? null : await findIssuedChallenge(context, caller, userId, challenge);
  if (!isAsked) return { given, newest: null };
  const { store } = context;
  const newest = await store.newestOpenChallenge(userId ?? nobodyId, caller.componentType, nowMs);
  return { given, newest };
}

/** How the audit names whom an attempt was about. */
export function subjectOf(target: Target, domain: Domain | null): string {
  return `${domain?.name ?? target.domainName ?? masterDomainName}/${target.userName}`;
}

/** What may be told of a refusal: with generic answers only that it was one. */
export function toldRefusal(code: RefusalCode, policy: EffectivePolicy | null): RefusedAnswer {
  return { outcome: 'refused', code: policy?.genericAnswers === true ? 'refused' : code };
}

/** Facts that every attempt has. */
export function standingFacts(reading: Reading): Facts {
  return { policy: reading.component?.policyName ?? null };
}

/** Positions and counters go into the audit as text: they are 64-bit. */
export function positionFacts(position: {
  readonly eventCounter: bigint | null;
  readonly timeStep: bigint | null;
}): Facts {
  return {
    eventCounter: position.eventCounter === null ? null : String(position.eventCounter),
    timeStep: position.timeStep === null ? null : String(position.timeStep),
  };
}

/** Gives up after too many conflicts: technical, so nobody is let in and nothing is counted. */
export function tooManyConflicts(): TallystickError {
  return new TallystickError('overloaded', 'Too many attempts on this user at once; try again.');
}
