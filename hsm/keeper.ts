import { setTimeout as pause } from 'node:timers/promises';
import { fault, faultOf } from './errors.ts';
import type { ModuleFault } from './errors.ts';
import type { Library } from './library.ts';
import { establish } from './link.ts';
import type { Link, LinkSettings } from './link.ts';
import type { Credentials } from './login.ts';
import type { ModuleStatus } from './types.ts';

const backoffMs = 1000;
const backoffMsMax = 30_000;
/** Before each further try of the first link: under a second in all. */
const startPausesMs: readonly number[] = [20, 40, 80, 160, 320];

/**
 * Keeps the link to the module: builds it, says why there is none, and rebuilds it, one attempt at
 * a time and with growing pauses. A refused PIN ends all attempts until somebody unlocks.
 */
export class LinkKeeper {
  readonly #library: Library;
  readonly #credentials: Credentials;
  readonly #settings: LinkSettings;
  #link: Link | undefined;
  #state: ModuleStatus['state'] = 'failed';
  #reason = 'not opened yet';
  #failures = 0;
  #retryAt = 0;
  #attempt: Promise<void> | undefined;

  constructor(library: Library, credentials: Credentials, settings: LinkSettings) {
    this.#library = library;
    this.#credentials = credentials;
    this.#settings = settings;
  }

  get state(): ModuleStatus['state'] {
    return this.#state;
  }

  get reason(): string {
    return this.#reason;
  }

  get current(): Link | undefined {
    return this.#link;
  }

  /** @throws ModuleFault saying why the module is not there */
  require(): Link {
    if (this.#link !== undefined) return this.#link;
    const kind = this.#state === 'needs-pin' ? 'denied' : 'unavailable';
    throw fault(kind, this.#reason);
  }

  /** True when the module was lost and the pause after the last attempt is over. */
  isDue(): boolean {
    return (
      this.#state === 'failed' &&
      this.#attempt === undefined &&
      this.#settings.monotonicMs() >= this.#retryAt
    );
  }

  /**
   * The first link. While another process logs in, a library may read its p11Token as damaged or not
   * at all (SoftHSM writes its file at each login), so it is initialised anew and asked again.
   *
   * @throws ModuleFault
   */
  open(): Promise<void> {
    return this.#single(async () => {
      for (const pauseMs of startPausesMs) {
        if (await this.#opensNow()) return;
        await pause(pauseMs);
        this.#library.restart();
      }
      await this.#build(undefined);
    });
  }

  /** @throws ModuleFault `denied` when the PIN is refused */
  unlock(pin: string): Promise<void> {
    return this.#single(async () => {
      if (this.#state === 'needs-pin') await this.#build(pin);
    });
  }

  /**
   * A new link in place of the one that was lost.
   *
   * @param mustRestart start the library anew, too; it is done anyway if logging in again fails
   * @throws ModuleFault
   */
  rebuild(mustRestart: boolean): Promise<void> {
    return this.#single(async () => {
      if (this.#state === 'closed') throw fault('unavailable', this.#reason);
      this.#link?.close();
      this.#link = undefined;
      if (!mustRestart && (await this.#worksWithoutRestart())) return;
      try {
        this.#library.restart();
      } catch (error) {
        throw this.#failed(error);
      }
      await this.#build(undefined);
    });
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#reason = 'the module is closed';
    await this.#attempt?.catch(() => undefined);
    this.#link?.close();
    this.#link = undefined;
    this.#library.release();
  }

  #single(attempt: () => Promise<void>): Promise<void> {
    this.#attempt ??= attempt().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  /** False when another try may do better; never after a PIN was refused. */
  async #opensNow(): Promise<boolean> {
    try {
      await this.#build(undefined);
      return true;
    } catch (error) {
      if (faultOf(error, 'opening').failure.kind !== 'unavailable') throw error;
      if (this.#library.isShared()) throw error;
      return false;
    }
  }

  async #worksWithoutRestart(): Promise<boolean> {
    try {
      await this.#build(undefined);
      return true;
    } catch (error) {
      // Another try with the same PIN would only use up the module's patience.
      if (faultOf(error, 'login').failure.kind === 'denied') throw error;
      return false;
    }
  }

  async #build(pin: string | undefined): Promise<void> {
    let link: Link | undefined;
    try {
      const credentials = pin === undefined ? this.#credentials : { ...this.#credentials, pin };
      link = await establish(this.#library, credentials, this.#settings);
    } catch (error) {
      throw this.#failed(error);
    }
    if (this.#isClosed()) {
      link?.close();
      throw fault('unavailable', this.#reason);
    }
    this.#link = link;
    this.#failures = 0;
    this.#state = link === undefined ? 'needs-pin' : 'ready';
    this.#reason = link === undefined ? 'the module waits for its PIN' : '';
  }

  #failed(error: unknown): ModuleFault {
    const cause = faultOf(error, 'opening the module');
    if (this.#isClosed()) return cause;
    this.#state = cause.failure.kind === 'denied' ? 'needs-pin' : 'failed';
    this.#reason = cause.failure.detail;
    this.#retryAt =
      this.#settings.monotonicMs() + Math.min(backoffMs * 2 ** this.#failures, backoffMsMax);
    this.#failures += 1;
    return cause;
  }

  /** Another call may have closed it while this one waited. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}
