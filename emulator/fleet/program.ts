import {
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  type ResponseAlgorithm,
  responseCharacters,
} from '../../src/oath/index.ts';
import { type ApplicationProgram, modeOf, parseAlgorithmText } from '../device/application.ts';
import { type Profile, profileNamed } from '../device/profiles.ts';
import { EmulatorError } from '../errors.ts';
import type { Sequence } from './oracle/index.ts';
import type { GroupSpec } from './scenario.ts';

/** What the tokens of a group may be used for: one application each, of these. */
export interface GroupProgram {
  readonly profile: Profile;
  /** One, or where the scenario leaves it open one of each mode: by press first, then by challenge. */
  readonly applications: readonly ApplicationProgram[];
}

const otpDigitsMin = 4;
const otpDigitsMax = 10;

/**
 * What a group's profile, application and algorithm come to.
 *
 * @throws EmulatorError input-invalid
 */
export function programOf(group: GroupSpec): GroupProgram {
  const profile = profileNamed(group.profile);
  if (profile.hull.keys === 'keypad' && profile.hull.pin !== null) {
    throw invalid('tokens with a device PIN need a person: choose another profile');
  }
  const { application, algorithm } = group;
  const names = profile.applications.map(({ name }) => name);
  const named = profile.applications.filter(({ name }) => name === application);
  if (application !== undefined && named.length === 0) {
    throw invalid(`there is no such application; ${group.profile} has ${names.join(', ')}`);
  }
  const open = application === undefined ? oneOfEachMode(profile.applications) : named;
  const [first] = open;
  if (first === undefined) throw new TypeError('every profile has an application');
  if (algorithm === undefined) {
    open.forEach(checkForFleet);
    return { profile, applications: open };
  }
  const changed = { ...first, algorithm: parseAlgorithmText(algorithm) };
  const program = { ...changed, mode: modeOf(changed.algorithm) };
  if (profile.hull.keys === 'one-button' && program.mode !== 'response-only') {
    throw invalid('a one-button token takes no challenge: choose a keypad');
  }
  checkForFleet(program);
  return { profile, applications: [program] };
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

/** What the oracle can reckon with. */
function checkForFleet({ algorithm }: ApplicationProgram): void {
  const { pinHash, session, eventCounter, timeStep } = algorithmInputs(algorithm);
  const needs: readonly (readonly [isMet: boolean, otherwise: string])[] = [
    [!pinHash && !session, 'takes no algorithm with a PIN or session data in the response'],
    [eventCounter || timeStep, 'needs an algorithm with a counter or a clock'],
    [hasRightLength(algorithm), `takes responses of ${otpDigitsMin} to ${otpDigitsMax} digits`],
    [hasNoOrigin(algorithm), 'takes no algorithm with a time origin (T0)'],
    [isDecimal(algorithm), 'takes decimal challenges (QN) alone'],
  ];
  const unmet = needs.find(([isMet]) => !isMet);
  if (unmet !== undefined) throw invalid(`a fleet ${unmet[1]}`);
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
