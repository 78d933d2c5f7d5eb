import pkcs11 from 'pkcs11js';
import { faultOf, ModuleFault } from './errors.ts';
import type { Work } from './lanes.ts';
import type { Link } from './link.ts';
import { isLoggedIn } from './login.ts';
import { computeHmac } from './mechanisms.ts';
import { digestBytes } from './templates.ts';
import { DECOY_SEED_ID } from './types.ts';
import type { MacJob, MacResult, SeedReference } from './types.ts';

export interface MacWorkOptions {
  readonly jobs: readonly MacJob[];
  /** The link of this moment: after a recovery it is another one. Throws while there is none. */
  readonly link: () => Link;
  readonly monotonicMs: () => number;
  readonly onMac: () => void;
}

const notAllowed: readonly number[] = [
  pkcs11.CKR_MECHANISM_INVALID,
  pkcs11.CKR_KEY_TYPE_INCONSISTENT,
  pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED,
  pkcs11.CKR_KEY_SIZE_RANGE,
];

/** One call of `mac`: job after job, message after message, able to stop between any two MACs. */
export class MacWork implements Work<readonly MacResult[]> {
  readonly #options: MacWorkOptions;
  readonly #results: MacResult[] = [];
  #link: Link | undefined;
  #key: pkcs11.Handle | undefined;
  #macs: Uint8Array[] = [];
  #room: ArrayBuffer = new ArrayBuffer(0);
  #wasLookedUpAgain = false;
  #wasTriedAgain = false;

  constructor(options: MacWorkOptions) {
    this.#options = options;
  }

  result(): readonly MacResult[] {
    return this.#results;
  }

  advance(until: number): boolean {
    const link = this.#options.link();
    if (link !== this.#link) {
      this.#link = link;
      this.#key = undefined;
    }
    return link.sessions.withSession((session) => this.#advance(link, session, until));
  }

  #advance(link: Link, session: pkcs11.Handle, until: number): boolean {
    const { jobs } = this.#options;
    for (let job = jobs[this.#results.length]; job; job = jobs[this.#results.length]) {
      try {
        if (!this.#finishJob(link, session, job, until)) return false;
        this.#settle({ ok: true, macs: this.#macs });
      } catch (error) {
        this.#failed(link, job, faultOf(error, 'C_Sign'));
      }
    }
    return true;
  }

  /** False if the time ran out. At least one MAC is computed, so that every slice gets somewhere. */
  #finishJob(link: Link, session: pkcs11.Handle, job: MacJob, until: number): boolean {
    const { seed, messages } = job;
    const bytes = digestBytes[seed.hash];
    if (this.#macs.length === 0) this.#room = new ArrayBuffer(messages.length * bytes);
    this.#key ??= keyOf(link, session, seed);
    for (
      let message = messages[this.#macs.length];
      message;
      message = messages[this.#macs.length]
    ) {
      const mac = new Uint8Array(this.#room, this.#macs.length * bytes, bytes);
      computeHmac(link.p11, session, seed.hash, this.#key, message, mac);
      this.#macs.push(mac);
      this.#options.onMac();
      if (this.#options.monotonicMs() >= until) return this.#macs.length === messages.length;
    }
    return true;
  }

  #settle(result: MacResult): void {
    this.#results.push(result);
    this.#macs = [];
    this.#key = undefined;
    this.#wasLookedUpAgain = false;
    this.#wasTriedAgain = false;
  }

  /** A damaged seed fails its own job; everything else is the module's and fails the call. */
  #failed(link: Link, { seed }: MacJob, cause: ModuleFault): void {
    if (isOfSeed(cause, seed)) {
      const { ckr, detail } = cause.failure;
      this.#settle({ ok: false, failure: { kind: 'damaged', ckr, detail } });
      return;
    }
    if (cause.recovery === 'self-test' && this.#key !== undefined && !isDecoy(seed)) {
      this.#judge(link, seed, cause);
      return;
    }
    if (cause.recovery !== 'handle' || isDecoy(seed) || this.#wasLookedUpAgain) {
      throw cause;
    }
    if (!isLoggedIn(link.p11, link.anchor)) {
      // Objects are invisible without a login: that says nothing about this seed.
      throw new ModuleFault(cause.failure, 'login', cause);
    }
    this.#wasLookedUpAgain = true;
    this.#key = undefined;
    if (seed.blob === undefined) link.resident.forget(seed.seedId);
    else link.wrapped.forget(seed.seedId);
  }

  /**
   * The module had the key and would not use it, and its number says nothing (SoftHSM's answer to
   * an object that it cannot read). If it passes its test and refuses again, the seed is at fault.
   */
  #judge(link: Link, { seedId, hash }: SeedReference, cause: ModuleFault): void {
    try {
      link.selfTest(hash);
    } catch {
      throw cause;
    }
    if (!this.#wasTriedAgain) {
      this.#wasTriedAgain = true;
      return;
    }
    const detail = `the module cannot use seed ${seedId}, though it is well`;
    this.#settle({ ok: false, failure: { ...cause.failure, kind: 'damaged', detail } });
  }
}

/**
 * A seed is at fault if it was found to be, or if it does not allow what its reference says: the
 * self-test has shown that the module computes all three HMACs.
 */
function isOfSeed({ failure }: ModuleFault, seed: SeedReference): boolean {
  if (failure.kind === 'damaged') return true;
  return !isDecoy(seed) && notAllowed.includes(failure.ckr);
}

function isDecoy({ seedId }: SeedReference): boolean {
  return seedId === DECOY_SEED_ID;
}

function keyOf(link: Link, session: pkcs11.Handle, seed: SeedReference): pkcs11.Handle {
  if (isDecoy(seed)) return link.decoy;
  if (seed.blob !== undefined) return link.wrapped.find(session, seed, seed.blob);
  return link.resident.find(session, seed.seedId, seed.owner);
}
