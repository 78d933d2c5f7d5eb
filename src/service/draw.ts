import {
  type ChallengeForm,
  challengeRandomBytes,
  type DigitForm,
  newChallenge,
} from '../domain/challenge.ts';
import type { Context } from './deps.ts';
import { fromModule } from './module-calls.ts';

/** Ten digits: a handle need not be secret, only no other one's. */
export const handleForm: DigitForm = { length: 10, hasCheckDigit: false };

const handlePattern = new RegExp(`^[0-9]{${handleForm.length}}$`);

/** Whether a text could be a handle of ours; whether there is such a one is not asked. */
export function isHandle(text: string): boolean {
  return handlePattern.test(text);
}

/**
 * Random challenges and handles, by the module's generator in one call.
 *
 * @throws TallystickError when the module fails
 */
export async function drawTexts(
  { module, logon }: Context,
  forms: readonly ChallengeForm[],
): Promise<readonly string[]> {
  const bytes = forms.map(challengeRandomBytes);
  const total = bytes.reduce((sum, each) => sum + each, 0);
  const random = await fromModule(module.random(total, logon));
  let start = 0;
  const texts = forms.map((form, index) => {
    const end = start + (bytes[index] ?? 0);
    const text = newChallenge(form, random.subarray(start, end));
    start = end;
    return text;
  });
  random.fill(0);
  return texts;
}
