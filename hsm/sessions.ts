import pkcs11 from 'pkcs11js';
import { attempt, ckrOf, fault, ModuleFault } from './errors.ts';

const sessionFlags = pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION;

export function openSession(p11: pkcs11.PKCS11, slot: pkcs11.Handle): pkcs11.Handle {
  return attempt('C_OpenSession', () => p11.C_OpenSession(slot, sessionFlags));
}

/** Closing is the end of the matter: a session that cannot be closed is gone already. */
export function closeSession(p11: pkcs11.PKCS11, session: pkcs11.Handle): void {
  try {
    p11.C_CloseSession(session);
  } catch {
    // Nothing is left that could be given back.
  }
}

/**
 * Work sessions, borrowed for one synchronous stretch and used last-in first-out. They are opened
 * one at a time, when first needed; one whose call failed is closed, because an operation may still
 * be active in it.
 */
export class SessionPool {
  readonly #p11: pkcs11.PKCS11;
  readonly #slot: pkcs11.Handle;
  readonly #sessionsMax: number;
  readonly #idle: pkcs11.Handle[] = [];
  #open = 0;

  constructor(p11: pkcs11.PKCS11, slot: pkcs11.Handle, sessionsMax: number) {
    this.#p11 = p11;
    this.#slot = slot;
    this.#sessionsMax = sessionsMax;
  }

  get open(): number {
    return this.#open;
  }

  /**
   * Lends a session to `use`, which must not keep it.
   *
   * @throws ModuleFault `capacity` when all are lent
   */
  withSession<T>(use: (session: pkcs11.Handle) => T): T {
    const session = this.#idle.pop() ?? this.#openOne();
    try {
      const result = use(session);
      this.#idle.push(session);
      return result;
    } catch (error) {
      if (isOurs(error)) this.#idle.push(session);
      else this.#drop(session);
      throw error;
    }
  }

  close(): void {
    for (const session of this.#idle.splice(0)) this.#drop(session);
  }

  #openOne(): pkcs11.Handle {
    if (this.#open >= this.#sessionsMax) {
      throw fault('capacity', `all ${this.#sessionsMax} sessions are in use`);
    }
    const session = openSession(this.#p11, this.#slot);
    this.#open += 1;
    return session;
  }

  #drop(session: pkcs11.Handle): void {
    closeSession(this.#p11, session);
    this.#open -= 1;
  }
}

/** True for a failure that was found on our side, after which the session is as good as before. */
function isOurs(error: unknown): boolean {
  if (error instanceof ModuleFault) return error.failure.ckr === 0;
  return ckrOf(error) === undefined;
}
