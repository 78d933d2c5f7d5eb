import type { PinVerifier } from '../domain/model.ts';
import { type PinPlan, pinMessage, wrongPins } from '../domain/server-pin.ts';
import type { Context } from './deps.ts';
import { fromModule } from './module-calls.ts';
import type { CallOptions } from './seed-module.ts';

const saltBytes = 16;
const noPins: PinPlan = { checks: [], missing: [] };

/** A PIN of nobody's, so that a refusal without one costs what one with a PIN costs. */
const decoyMessage = (): Uint8Array => pinMessage('', '0'.repeat(2 * saltBytes), '0000');

/** The PINs of one attempt: looked at when they are needed, and once. */
export interface PinTape {
  /**
   * The applications whose PIN was wrong or not put forward.
   *
   * @throws TallystickError when the module fails
   */
  wrong(): Promise<ReadonlySet<string>>;
  /** What a refusal pays whether or not there was any PIN. */
  complete(): Promise<void>;
}

/**
 * The PINs of one attempt: each is compared by one HMAC in the module, and none twice.
 *
 * @param plan what to compare; left out for a decoy, which pays without comparing
 */
export function createPinTape(
  context: Context,
  options: CallOptions,
  plan: PinPlan = noPins,
): PinTape {
  let found: ReadonlySet<string> | null = null;
  let isPaid = false;
  return {
    async wrong() {
      if (found !== null) return found;
      const messages = plan.checks.map(({ applicationId, verifier, pin }) =>
        pinMessage(applicationId, verifier.salt, pin),
      );
      const macs = messages.length === 0 ? [] : await macsOf(context, messages, options);
      isPaid = messages.length > 0;
      found = wrongPins(plan, macs);
      return found;
    },
    async complete() {
      if (isPaid) return;
      isPaid = true;
      await macsOf(context, [decoyMessage()], options);
    },
  };
}

/** What is kept of a new PIN, under a fresh salt. */
export async function newPinVerifier(
  context: Context,
  applicationId: string,
  pin: string,
): Promise<PinVerifier> {
  const salt = Buffer.from(context.randomBytes(saltBytes)).toString('hex');
  const [mac = ''] = await macsOf(context, [pinMessage(applicationId, salt, pin)], context.logon);
  return { length: pin.length, salt, mac };
}

async function macsOf(
  { module }: Context,
  messages: readonly Uint8Array[],
  options: CallOptions,
): Promise<readonly string[]> {
  try {
    const macs = await fromModule(module.hmac('pin-mac', messages, options));
    return macs.map((mac) => Buffer.from(mac).toString('hex'));
  } finally {
    for (const message of messages) message.fill(0);
  }
}
