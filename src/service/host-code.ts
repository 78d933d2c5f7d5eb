import type { Application, Authenticator } from '../domain/model.ts';
import type { Position } from '../domain/outcomes.ts';
import {
  algorithmInputs,
  decodeOcra,
  hostCodeMessage,
  hostCodeSuite,
  OathError,
  type Otp,
  parseEventCounter,
  parseTimeStep,
} from '../oath/index.ts';
import { TallystickError } from '../errors.ts';
import type { Context } from './deps.ts';
import { fromModule, moduleError, seedReference } from './module-calls.ts';

/** What was accepted, and to what challenge if there was one. */
export interface Exchange {
  readonly response: Otp;
  readonly challenge: string | null;
  readonly position: Position;
}

/**
 * What shows the user of a device that it is the host who accepted his response (`emu-host-1`). The
 * module computes it, and only for a response that is accepted. Null where the application can have
 * none: OCRA has no such time step, or the challenge is too long.
 *
 * @throws TallystickError when the module fails: nothing is accepted then
 */
export async function hostCodeOf(
  context: Context,
  authenticator: Authenticator,
  application: Application,
  exchange: Exchange,
): Promise<string | null> {
  const suite = hostCodeSuite(application.algorithm);
  if (suite === null) return null;
  const message = messageOf(suite, application, exchange);
  if (message === null) return null;
  const seed = seedReference(authenticator, application);
  const [result] = await fromModule(
    context.module.mac([{ seed, messages: [message] }], context.logon),
  );
  if (result?.ok === false) throw moduleError(result.failure);
  const mac = result?.macs[0];
  if (mac === undefined) {
    throw new TallystickError('module-contract', 'The security module gave no MAC.');
  }
  const hostCode = decodeOcra(mac, suite);
  mac.fill(0);
  return hostCode;
}

function messageOf(
  suite: Parameters<typeof hostCodeMessage>[0],
  { algorithm }: Application,
  { response, challenge, position: { eventCounter, timeStep } }: Exchange,
): Uint8Array | null {
  const isChallenged = algorithmInputs(algorithm).question;
  try {
    return hostCodeMessage(suite, {
      response,
      challenge: isChallenged && challenge !== null ? challenge : undefined,
      eventCounter: eventCounter === null ? undefined : parseEventCounter(eventCounter),
      timeStep: timeStep === null ? undefined : parseTimeStep(timeStep),
    });
  } catch (error) {
    if (error instanceof OathError) return null;
    throw error;
  }
}
