import { multiModeChallengeCharactersMax, signsFields } from '../oath/index.ts';
import { algorithmMode, sequenceOf } from './application.ts';
import type { Application, ApplicationMode, UserWithAuthenticators } from './model.ts';
import type { EffectivePolicy } from './policy-catalogue.ts';
import { hasPin } from './server-pin.ts';

/** What the responses of an application are good for. */
export type ApplicationUse = 'logon' | 'signature';

/** Whether an application of this mode answers challenges of that length, as far as the mode decides. */
export function takesChallengeOf(mode: ApplicationMode, characters: number): boolean {
  return mode !== 'multi-mode' || characters <= multiModeChallengeCharactersMax;
}

/** Whether an application of this mode verifies people, or the data fields that they signed. */
export function serves(mode: ApplicationMode, use: ApplicationUse): boolean {
  switch (mode) {
    case 'unlock':
      return false;
    case 'response-only':
    case 'challenge-response':
      return use === 'logon';
    case 'signature':
      return use === 'signature';
    case 'multi-mode':
      return true;
  }
}

/** The kind of an application as a policy names it (OAS: Application Type). */
export function applicationTypeOf({
  mode,
  algorithm,
}: Pick<Application, 'mode' | 'algorithm'>): Exclude<
  EffectivePolicy['applicationType'],
  'no-restriction'
> {
  return mode === 'signature' || mode === 'multi-mode' ? mode : algorithmMode(algorithm);
}

/**
 * Whether an algorithm can sign data fields once only: a suite of QH40 or longer with a counter or a
 * clock, and nothing that a request does not carry.
 */
export function canSign(algorithm: Application['algorithm']): boolean {
  if (algorithm.kind !== 'challenge-response' || !signsFields(algorithm.suite)) return false;
  const sequence = sequenceOf(algorithm);
  return sequence !== null && (sequence.hasCounter || sequence.stepping !== null);
}

/**
 * Whether an accepted signature makes the wrong attempts of its user be forgotten, as a logon does. It
 * shows the device and nothing else: where a PIN or a password is kept, whoever found the device would
 * have as many guesses at them as it makes signatures.
 */
export function forgivesUser({ user, authenticators }: UserWithAuthenticators): boolean {
  if (user.password.verifier !== null) return false;
  return authenticators.every(({ applications }) => applications.every(forgivesApplication));
}

/** The same of the wrong responses of one application. */
export function forgivesApplication({ pin }: Application): boolean {
  return !hasPin(pin);
}

/**
 * The policy by which signatures are examined: that of responses to challenges that programs bring,
 * with the window, the threshold and the one-time rule of signatures in place of the others'.
 */
export function signaturePolicy(policy: EffectivePolicy): EffectivePolicy {
  return {
    ...policy,
    identificationTimeWindowSteps: policy.signatureTimeWindowSteps,
    identificationThreshold: policy.signatureThreshold,
    oneStepChallengeResponse: 'any-challenge',
    challengeCheckMode: policy.onlineSignatureLevel === 2 ? 3 : 4,
    secondOtpSync: false,
  };
}
