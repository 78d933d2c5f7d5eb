import type { DeliveryFailure } from '../service/ports.ts';

/** A failure on its way to the door of this room, where only the plain part leaves. */
export class DeliveryFault extends Error {
  override readonly name = 'DeliveryFault';
  readonly failure: DeliveryFailure;

  constructor(failure: DeliveryFailure) {
    super(failure.detail);
    this.failure = failure;
  }
}

/**
 * @param detail for the operator: what was wrong and what is allowed, and never a value of the
 *   message, the secret or a word of the other side
 */
export function fault(kind: DeliveryFailure['kind'], detail: string): DeliveryFault {
  return new DeliveryFault({ kind, detail });
}

/** The code of an error of the system, TLS or a library; `unknown` where there is none. */
export function errorCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  // The mail library puts its own code in front of the system's, which says more.
  const codes = [Reflect.get(error, 'originalCode'), Reflect.get(error, 'code')] as unknown[];
  const plain = codes.find(
    (code): code is string => typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code),
  );
  return plain ?? 'unknown';
}

/** Runs one send: whatever goes wrong inside, the caller gets a plain `DeliveryFailure`. */
export async function plainly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // An error nobody expected is named by its code: its text may quote the message.
    const failure: DeliveryFailure =
      error instanceof DeliveryFault
        ? error.failure
        : { kind: 'contract', detail: `sending failed unexpectedly (${errorCodeOf(error)})` };
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the port rejects with plain data
    throw failure;
  }
}
