import pkcs11 from 'pkcs11js';
import type { ModuleFailure, ModuleFailureKind } from './types.ts';

/**
 * What may be tried once before a failure is passed on. `session`: another session; `login`: log in
 * and look everything up again; `reinitialise`: start the library anew; `handle`: look this one
 * object up again; `self-test`: the number says nothing, so ask the module whether it still works.
 */
export type Recovery =
  'none' | 'retry' | 'session' | 'handle' | 'login' | 'reinitialise' | 'self-test';

interface Meaning {
  readonly kind: ModuleFailureKind;
  readonly recovery: Recovery;
}

const rows: readonly (readonly [ModuleFailureKind, Recovery, readonly number[]])[] = [
  ['unavailable', 'retry', [pkcs11.CKR_FUNCTION_FAILED]],
  [
    'unavailable',
    'session',
    [
      pkcs11.CKR_SESSION_CLOSED,
      pkcs11.CKR_SESSION_HANDLE_INVALID,
      pkcs11.CKR_OPERATION_ACTIVE,
      pkcs11.CKR_OPERATION_NOT_INITIALIZED,
    ],
  ],
  [
    'unavailable',
    'handle',
    [
      pkcs11.CKR_KEY_HANDLE_INVALID,
      pkcs11.CKR_OBJECT_HANDLE_INVALID,
      pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID,
      pkcs11.CKR_UNWRAPPING_KEY_HANDLE_INVALID,
    ],
  ],
  ['unavailable', 'login', [pkcs11.CKR_USER_NOT_LOGGED_IN]],
  [
    'unavailable',
    'reinitialise',
    [
      pkcs11.CKR_SLOT_ID_INVALID,
      pkcs11.CKR_DEVICE_ERROR,
      pkcs11.CKR_DEVICE_REMOVED,
      pkcs11.CKR_TOKEN_NOT_PRESENT,
      pkcs11.CKR_TOKEN_NOT_RECOGNIZED,
      pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED,
    ],
  ],
  ['unavailable', 'self-test', [pkcs11.CKR_GENERAL_ERROR]],
  [
    'unavailable',
    'none',
    [
      pkcs11.CKR_CANCEL,
      pkcs11.CKR_FUNCTION_CANCELED,
      pkcs11.CKR_FUNCTION_REJECTED,
      pkcs11.CKR_CANT_LOCK,
      pkcs11.CKR_MUTEX_BAD,
      pkcs11.CKR_MUTEX_NOT_LOCKED,
      pkcs11.CKR_RANDOM_NO_RNG,
      pkcs11.CKR_FIPS_SELF_TEST_FAILED,
    ],
  ],
  [
    'denied',
    'none',
    [
      pkcs11.CKR_PIN_INCORRECT,
      pkcs11.CKR_PIN_INVALID,
      pkcs11.CKR_PIN_LEN_RANGE,
      pkcs11.CKR_PIN_EXPIRED,
      pkcs11.CKR_PIN_LOCKED,
      pkcs11.CKR_USER_PIN_NOT_INITIALIZED,
      pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
      pkcs11.CKR_USER_TOO_MANY_TYPES,
      pkcs11.CKR_USER_TYPE_INVALID,
    ],
  ],
  [
    'capacity',
    'none',
    [pkcs11.CKR_HOST_MEMORY, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_SESSION_COUNT],
  ],
  [
    'damaged',
    'none',
    [
      pkcs11.CKR_WRAPPED_KEY_INVALID,
      pkcs11.CKR_WRAPPED_KEY_LEN_RANGE,
      pkcs11.CKR_ENCRYPTED_DATA_INVALID,
      pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE,
    ],
  ],
];

const meanings: ReadonlyMap<number, Meaning> = new Map(
  rows.flatMap(([kind, recovery, numbers]) =>
    numbers.map((ckr): [number, Meaning] => [ckr, { kind, recovery }]),
  ),
);

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(pkcs11)
    .filter((entry): entry is [string, number] => /^CKR_/.test(entry[0]))
    .map(([name, ckr]) => [ckr, name]),
);

/** A return value as the standard writes it; vendors define numbers of their own. */
function nameOf(ckr: number): string {
  return names.get(ckr) ?? 'unknown PKCS#11 return value';
}

/** A failure on its way to the edge of this room, where only the plain part leaves. */
export class ModuleFault extends Error {
  override readonly name = 'ModuleFault';
  readonly failure: ModuleFailure;
  readonly recovery: Recovery;

  constructor(failure: ModuleFailure, recovery: Recovery, cause?: unknown) {
    super(failure.detail, cause === undefined ? undefined : { cause });
    this.failure = failure;
    this.recovery = recovery;
  }
}

/** A failure found on our side. */
export function fault(kind: ModuleFailureKind, detail: string): ModuleFault {
  return new ModuleFault({ kind, ckr: 0, detail }, 'none');
}

/**
 * What a PKCS#11 return value means to the caller: by number, because libraries and bindings
 * spell the names differently. An unknown number is `contract`: nothing was agreed about it.
 */
function meaningOf(ckr: number): Meaning {
  return meanings.get(ckr) ?? { kind: 'contract', recovery: 'none' };
}

/**
 * The return value inside an error of the binding, or undefined if it is not one. Some of its
 * calls leave the number in the text only.
 */
export function ckrOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const inText = /\bCKR_\w+:(\d+)/.exec(error.message);
  if (inText?.[1] !== undefined) return Number(inText[1]);
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'number' && code > 0 ? code : undefined;
}

/**
 * Any error as a fault.
 *
 * @param call which call failed, in the operator's words
 */
export function faultOf(error: unknown, call: string): ModuleFault {
  if (error instanceof ModuleFault) return error;
  const ckr = ckrOf(error);
  if (ckr === undefined) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return new ModuleFault({ kind: 'contract', ckr: 0, detail: `${call}: ${text}` }, 'none', error);
  }
  const { kind, recovery } = meaningOf(ckr);
  const detail = `${call}: ${nameOf(ckr)} (0x${ckr.toString(16)})`;
  return new ModuleFault({ kind, ckr, detail }, recovery, error);
}

/** Runs one call on the module and turns what it throws into a fault that names the call. */
export function attempt<T>(call: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw faultOf(error, call);
  }
}

/**
 * Runs one public method: whatever goes wrong inside, the caller gets a plain `ModuleFailure`.
 *
 * @param call the method's name
 */
export function plainly<T>(call: string, work: () => Promise<T> | T): Promise<T> {
  const refuse = (error: unknown): never => {
    const { failure } = faultOf(error, call);
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the port rejects with plain data, which survives a structured clone
    throw failure;
  };
  try {
    return Promise.resolve(work()).catch(refuse);
  } catch (error) {
    return Promise.reject(error as Error).catch(refuse);
  }
}
