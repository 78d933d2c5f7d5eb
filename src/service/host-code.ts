import { refusedFor } from '../domain/lock.ts';
import type { Application, Authenticator } from '../domain/model.ts';
import type { Position, Refused } from '../domain/outcomes.ts';
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
import type { HostCodeWish } from './api.ts';
import type { Context } from './deps.ts';
import { fromModule, moduleError, seedReference } from './module-calls.ts';

/** What was accepted, and to what challenge if there was one: of a signature, what stands for its fields. */
interface Exchange {
  readonly response: Otp;
  readonly challenge: string | null;
  readonly position: Position;
}

/** The host code, if there is one, or why somebody who was right all the same gets nothing. */
export type HostCodeFound =
  | { readonly kind: 'found'; readonly hostCode: string | null }
  | { readonly kind: 'refused'; readonly refused: Refused };

/**
 * The host code of a response or signature that was found right, as far as one is wished for. Where it
 * is required and the application can have none, nobody is accepted.
 *
 * @throws TallystickError when the module fails: nothing is accepted then
 */
export async function wishedHostCode(
  context: Context,
  wish: HostCodeWish,
  authenticator: Authenticator,
  application: Application,
  { response, challenge, position }: Omit<Exchange, 'response'> & { response: Otp | undefined },
): Promise<HostCodeFound> {
  const hostCode =
    wish === 'none' || response === undefined
      ? null
      : await hostCodeOf(context, authenticator, application, { response, challenge, position });
  return hostCode === null && wish === 'required'
    ? { kind: 'refused', refused: refusedFor('host-code-none') }
    : { kind: 'found', hostCode };
}

/**
 * What shows the user of a device that it is the host who accepted his response (`emu-host-1`). The
 * module computes it. Null where the application can have none: OCRA has no such time step, or the
 * challenge is too long.
 */
async function hostCodeOf(
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
