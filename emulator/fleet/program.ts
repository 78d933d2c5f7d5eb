import {
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  type ResponseAlgorithm,
  responseCharacters,
} from '../../src/oath/index.ts';
import {
  type ApplicationProgram,
  modeOf,
  parseAlgorithmText,
  signs,
} from '../device/application.ts';
import { type Profile, profileNamed } from '../device/profiles.ts';
import { checkDevice } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import type { Sequence } from './oracle/index.ts';
import type { GroupSpec } from './scenario.ts';

/** What the tokens of a group have, and may be used for. */
export interface GroupProgram {
  readonly profile: Profile;
  /** By press first, then by challenge, where the scenario names none. */
  readonly applications: readonly ApplicationProgram[];
  /** Whether each token has all of these; else one of them is chosen for each. */
  readonly hasAll: boolean;
  /** What takes the codes of a help desk, on devices that can be unlocked. */
  readonly unlock: ApplicationProgram | null;
}

const otpDigitsMin = 4;
const otpDigitsMax = 10;

/**
 * What a group's profile, applications and algorithm come to.
 *
 * @throws EmulatorError input-invalid
 */
export function programOf(group: ProgramSpec): GroupProgram {
  const profile = profileNamed(group.profile);
  const { application, applications, algorithm } = group;
  const unlock = profile.applications.find(({ mode }) => mode === 'unlock') ?? null;
  const hasAll = applications !== undefined;
  if (hasAll) {
    if (application !== undefined || algorithm !== undefined) {
      throw invalid('must choose: applications excludes application and algorithm');
    }
    const all = applications.map((name) => applicationNamed(profile, name));
    if (new Set(all).size < all.length) throw invalid('must name each application once');
    all.forEach(checkForFleet);
    return { profile, applications: all, hasAll, unlock };
  }
  const open =
    application === undefined
      ? oneOfEachMode(profile.applications)
      : [applicationNamed(profile, application)];
  const [first] = open;
  if (first === undefined) throw new TypeError('every profile has an application');
  if (algorithm === undefined) {
    open.forEach(checkForFleet);
    return { profile, applications: open, hasAll, unlock };
  }
  const program = withAlgorithm(profile, first, algorithm);
  return { profile, applications: [program], hasAll, unlock };
}

/** The part of a group that says what its tokens are. */
export type ProgramSpec = Pick<GroupSpec, 'profile' | 'application' | 'applications' | 'algorithm'>;

function withAlgorithm(
  { hull }: Profile,
  first: ApplicationProgram,
  algorithm: string,
): ApplicationProgram {
  const changed = { ...first, algorithm: parseAlgorithmText(algorithm) };
  const program = { ...changed, mode: modeOf(changed.algorithm) };
  if (hull.keys === 'one-button' && program.mode !== 'response-only') {
    throw invalid('must need no challenge on a token with one button: choose a keypad');
  }
  checkForFleet(program);
  return program;
}

function applicationNamed(
  { name: profile, applications }: Profile,
  name: string,
): ApplicationProgram {
  const found = applications.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = applications.map((one) => one.name).join(', ');
  throw invalid(`must be an application of ${profile}: ${names}`);
}

/** The oracle's words for an algorithm. */
export function sequenceOf(algorithm: ResponseAlgorithm): Sequence {
  const { eventCounter, timeStep } = algorithmInputs(algorithm);
  return {
    hash: algorithmHash(algorithm),
    digits: responseCharacters(algorithm),
    stepSeconds: algorithmTimeStepping(algorithm)?.timeStepSeconds ?? 30,
    hasCounter: eventCounter,
    hasClock: timeStep,
    suite: 'suite' in algorithm ? algorithm.suite.text : null,
    isAsked: algorithm.kind === 'challenge-response',
  };
}

/** How many decimal digits somebody types as a challenge. */
export function challengeDigits(algorithm: ResponseAlgorithm): number {
  if (algorithm.kind !== 'challenge-response') return 0;
  return Math.min(8, algorithm.suite.dataInput.question?.maxLength ?? 0);
}

function oneOfEachMode(all: readonly ApplicationProgram[]): readonly ApplicationProgram[] {
  const byPress = all.find(({ mode }) => mode === 'response-only');
  const byChallenge = all.find(({ mode }) => mode === 'challenge-response');
  return [byPress, byChallenge].filter((one) => one !== undefined);
}

/**
 * Whether a profile with these applications is a device, and one for fleets.
 *
 * @throws EmulatorError input-invalid
 */
export function checkPrograms(
  { hull }: Profile,
  applications: readonly ApplicationProgram[],
): void {
  checkDevice({ hull, applications });
  applications.filter(({ mode }) => mode !== 'unlock').forEach(checkForFleet);
}

/** What the oracle can reckon with. */
function checkForFleet({ mode, algorithm }: ApplicationProgram): void {
  const { pinHash, session, eventCounter, timeStep } = algorithmInputs(algorithm);
  const needs: readonly (readonly [isMet: boolean, otherwise: string])[] = [
    [!signs({ mode }), 'takes no application that signs data fields'],
    [mode !== 'unlock', 'takes no application that only unlocks the device'],
    [!pinHash && !session, 'takes no algorithm with a PIN or session data in the response'],
    [eventCounter || timeStep, 'needs an algorithm with a counter or a clock'],
    [hasRightLength(algorithm), `takes responses of ${otpDigitsMin} to ${otpDigitsMax} digits`],
    [hasNoOrigin(algorithm), 'takes no algorithm with a time origin (T0)'],
    [isDecimal(algorithm), 'takes decimal challenges (QN) alone'],
  ];
  const unmet = needs.find(([isMet]) => !isMet);
  if (unmet !== undefined) throw invalid(`is not for fleets: a fleet ${unmet[1]}`);
}

function hasRightLength(algorithm: ResponseAlgorithm): boolean {
  const characters = responseCharacters(algorithm);
  return characters >= otpDigitsMin && characters <= otpDigitsMax;
}

function hasNoOrigin(algorithm: ResponseAlgorithm): boolean {
  return (algorithmTimeStepping(algorithm)?.timeOriginSeconds ?? 0) === 0;
}

function isDecimal(algorithm: ResponseAlgorithm): boolean {
  if (algorithm.kind === 'event' || algorithm.kind === 'time') return true;
  if (algorithm.kind === 'hmac-challenge') return false;
  return algorithm.suite.dataInput.question?.format === 'N';
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
