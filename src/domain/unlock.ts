import type { OcraSuite, ResponseAlgorithm } from '../oath/index.ts';
import { sequenceOf } from './application.ts';

/**
 * Unlocking a device that locked itself after wrong PINs: it shows a challenge, the help desk reads
 * the response out, and the device compares it with its own. It proves nothing about anybody.
 */

const challengeDigitsMax = 8;
const codeDigitsMin = 6;
const challengePattern = /^[0-9]{4,8}$/;

/** What `unlockSuite` takes, in words. */
export const unlockSuiteAllowed: string =
  'an OCRA suite with nothing but a decimal challenge of 4 to 8 digits, and codes of 6 to 10 ' +
  'digits, such as OCRA-1:HOTP-SHA1-8:QN08';

/** The suite of an algorithm that can unlock a device, or null. */
export function unlockSuite(algorithm: ResponseAlgorithm): OcraSuite | null {
  const sequence = sequenceOf(algorithm);
  if (sequence === null || sequence.hasCounter || sequence.stepping !== null) return null;
  if (sequence.challenged?.kind !== 'challenge-response') return null;
  const { suite } = sequence.challenged;
  const { question } = suite.dataInput;
  if (question?.format !== 'N') return null;
  return question.maxLength <= challengeDigitsMax && suite.digits >= codeDigitsMin ? suite : null;
}

/** Whether a locked device could show this challenge: 4 digits to as many as the suite takes. */
export function isUnlockChallenge({ dataInput }: OcraSuite, challenge: string): boolean {
  const digitsMax = dataInput.question?.maxLength ?? 0;
  return challengePattern.test(challenge) && challenge.length <= digitsMax;
}
