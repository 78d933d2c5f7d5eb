import { asksForNewest, type IssuedChallenges } from '../domain/challenge.ts';
import { parseUserName } from '../domain/names.ts';
import type {
  Domain,
  IssuedChallenge,
  IssuedOtp,
  User,
  UserWithAuthenticators,
} from '../domain/model.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import { TallystickError } from '../errors.ts';
import { requireLiveKey, targetDomain } from './administration/access.ts';
import type { Caller } from './api.ts';
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
  /** Whom the request is about, once a domain in the name is told apart from the name. */
  readonly target: Target;
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
    const meant = meantBy(target, configuration, caller);
    const domain = targetDomain(configuration, caller, meant.domainName);
    const load = await context.store.loadAttempt(domain?.id ?? nobodyId, meant.userName);
    if (load.configurationVersion <= configuration.version) {
      requireLiveKey(configuration, caller, nowMs);
      const component = configuration.resolve(caller);
      return { configuration, component, target: meant, domain, found: load.found };
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

/**
 * A name without a domain beside it may have one in it: `jane@sales` and `sales\\jane` mean jane of the
 * domain sales where there is such a domain, and are names like any other where there is none.
 */
function meantBy(target: Target, configuration: Configuration, caller: Caller): Target {
  const parts = target.domainName === null ? namedDomain.exec(target.userName)?.groups : undefined;
  if (parts === undefined) return target;
  const { before = '', user = '', name = user, after = before } = parts;
  const domain = configuration.domainByName(after);
  // A key that is bound to a domain learns nothing about others.
  const isOpen = caller.domainId === null || caller.domainId === domain?.id;
  return domain === null || !isOpen ? target : { userName: name, domainName: domain.name };
}

const namedDomain = /^(?:(?<before>[^\\]+)\\(?<user>.+)|(?<name>.+)@(?<after>[^@]+))$/;

/** What a response came with: a challenge's text, the handle of one of ours, or neither. */
export interface GivenChallenge {
  readonly challenge: string | null;
  readonly challengeKey: string | null;
}

/** The challenge of a response, and the challenges of ours that it may be about. */
export interface PresentedChallenge {
  readonly text: string | null;
  readonly issued: IssuedChallenges;
  /** What was sent is answered, and not a challenge. */
  readonly otp: IssuedOtp | null;
  /** There is no challenge of that handle (any more). */
  readonly isUnknownHandle: boolean;
}

/** Looks a challenge up by what the response came with, for nobody as for somebody. */
export async function findPresentedChallenge(
  context: Context,
  caller: Caller,
  userId: string | null,
  { challenge, challengeKey }: GivenChallenge,
  now: { readonly policy: EffectivePolicy; readonly nowMs: number },
): Promise<PresentedChallenge> {
  if (challengeKey === null) {
    const found = await findIssuedChallenges(context, caller, userId, challenge, now);
    const issued = { given: unproven(found.given), newest: unproven(found.newest) };
    return { text: challenge, issued, otp: null, isUnknownHandle: false };
  }
  const user = userId ?? nobodyId;
  const named = await context.store.findIssuedByHandle(user, caller.componentType, challengeKey);
  const isOtp = named !== null && 'otpMac' in named;
  const given = isOtp ? null : named;
  const newest = asksForNewest(now.policy)
    ? await context.store.newestOpenChallenge(user, caller.componentType, now.nowMs)
    : null;
  return {
    text: given?.text ?? null,
    issued: { given, newest: newest?.id === given?.id ? newest : unproven(newest) },
    otp: isOtp ? named : null,
    isUnknownHandle: named === null,
  };
}

/** Without its key nothing says that who answers a challenge is who asked for it. */
function unproven(issued: IssuedChallenge | null): IssuedChallenge | null {
  return issued === null || issued.provenPins.length === 0 ? issued : { ...issued, provenPins: [] };
}

/** The challenges of ours that an attempt may be about, looked up for nobody as for somebody. */
async function findIssuedChallenges(
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

/** The name of the user's organisational unit, if he is in one. */
export async function organisationalUnitOf(
  { store }: Context,
  { domainId, organisationalUnitId }: User,
): Promise<string | null> {
  if (organisationalUnitId === null) return null;
  const units = await store.organisationalUnits(domainId);
  return units.find(({ id }) => id === organisationalUnitId)?.name ?? null;
}

/** How the audit names whom an attempt was about. */
export function subjectOf(target: Target, domain: Domain | null): string {
  return `${domain?.name ?? target.domainName ?? masterDomainName}/${target.userName}`;
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
