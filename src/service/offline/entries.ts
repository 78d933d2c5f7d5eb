import {
  challengeKey,
  challengeRandomBytes,
  type DigitForm,
  digitForm,
} from '../../domain/challenge.ts';
import { takesChallengeOf } from '../../domain/application-use.ts';
import type { ApplicationMode } from '../../domain/model.ts';
import type { OfflineSubject } from '../../domain/offline-plan.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { TallystickError } from '../../errors.ts';
import {
  algorithmInputs,
  type OcraSuite,
  parseEventCounter,
  parseTimeStep,
  readResponse,
  responseMessage,
} from '../../oath/index.ts';
import type { Context } from '../deps.ts';
import { drawTexts } from '../draw.ts';
import { fromModule, moduleError, seedReference } from '../module-calls.ts';
import type { OfflineBuilder, OfflineHeader } from '../ports.ts';
import { formatOf, nextTurn } from './format.ts';

/** Responses made before everything else that waits has its turn: about a millisecond. */
const entriesPerTurn = 64;
/** What the module draws at once. */
const randomBytesMax = 1024;
const challengeLengthMin = 6;

/** A random challenge for each block, no two of which have the same response. */
export async function drawChallenges(
  context: Context,
  { application }: Pick<OfflineSubject, 'application'>,
  count: number,
  policy: EffectivePolicy,
): Promise<readonly string[]> {
  const { algorithm, mode } = application;
  if (algorithm.kind !== 'challenge-response') return [];
  const form = formFor(algorithm.suite, mode, policy);
  const atOnce = Math.floor(randomBytesMax / challengeRandomBytes(form));
  const drawn = new Map<string, string>();
  while (drawn.size < count) {
    const forms = Array.from({ length: Math.min(atOnce, count - drawn.size) }, () => form);
    for (const text of await drawTexts(context, forms)) {
      drawn.set(challengeKey(algorithm, text) ?? text, text);
    }
  }
  return [...drawn.values()];
}

/** As the policy's challenges, if the device takes so many digits, and never so few that they come again. */
function formFor(suite: OcraSuite, mode: ApplicationMode, policy: EffectivePolicy): DigitForm {
  const lengthMax = suite.dataInput.question?.maxLength ?? 0;
  const form = digitForm(policy);
  const length = Math.max(challengeLengthMin, form.length);
  const whole = length + (form.hasCheckDigit ? 1 : 0);
  return whole <= lengthMax && takesChallengeOf(mode, whole)
    ? { length, hasCheckDigit: form.hasCheckDigit }
    : { length: Math.min(length, lengthMax), hasCheckDigit: false };
}

/**
 * Every response of a package, in turns: the module makes the MACs behind all logons, and what is done
 * here never keeps them waiting.
 *
 * @throws TallystickError what the module failed with
 */
export async function fillPackage(
  context: Context,
  builder: OfflineBuilder,
  header: OfflineHeader,
  { authenticator, application }: Pick<OfflineSubject, 'authenticator' | 'application'>,
  challenges: readonly string[],
): Promise<void> {
  const seed = seedReference(authenticator, application);
  const { algorithm } = application;
  const messageAt = messages(context, header, { application }, challenges);
  for (let from = 0; from < header.count; from += entriesPerTurn) {
    const length = Math.min(entriesPerTurn, header.count - from);
    const chunk = Array.from({ length }, (_, at) => messageAt(header.first + BigInt(from + at)));
    const job = { seed, messages: chunk };
    const [result] = await fromModule(context.module.mac([job], context.background));
    if (result?.ok === false) throw moduleError(result.failure);
    if (result?.macs.length !== length) {
      throw new TallystickError('module-contract', 'The security module gave too few MACs.');
    }
    for (const mac of result.macs) {
      builder.add(readResponse(algorithm, mac));
      mac.fill(0);
    }
    await nextTurn();
  }
}

/** The bytes to be MACed for an index. */
function messages(
  context: Context,
  header: OfflineHeader,
  { application: { algorithm } }: Pick<OfflineSubject, 'application'>,
  challenges: readonly string[],
): (index: bigint) => Uint8Array {
  const format = formatOf(context);
  const inputs = algorithmInputs(algorithm);
  const blockOf = format.blocksOf(header);
  const { first } = format.blockRange(header);
  return (index) =>
    responseMessage(algorithm, {
      eventCounter: inputs.eventCounter ? parseEventCounter(index) : undefined,
      timeStep: inputs.timeStep ? parseTimeStep(index) : undefined,
      question: inputs.question ? challenges[blockOf(index) - first] : undefined,
    });
}
