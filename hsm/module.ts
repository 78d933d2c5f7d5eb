import pkcs11 from 'pkcs11js';
import { attempt, fault, faultOf, ModuleFault, plainly } from './errors.ts';
import { LinkKeeper } from './keeper.ts';
import { Lanes } from './lanes.ts';
import type { Work } from './lanes.ts';
import { openLibrary } from './library.ts';
import type { Link } from './link.ts';
import {
  boundsOf,
  checkJobs,
  checkMessages,
  checkMove,
  checkRandom,
  checkSealing,
  checkSigned,
  checkSpec,
} from './limits.ts';
import { MacWork } from './mac-work.ts';
import { computeHmac, openSealed, sealText, signMessage } from './mechanisms.ts';
import { checkedPin } from './pin.ts';
import { readPublicKey } from './public-key.ts';
import { moveSeed } from './seed-mover.ts';
import { generatePairedSeed, generateSeed, importSeed, parseRecipient } from './seed-maker.ts';
import { DECOY_SEED_ID } from './types.ts';
import type {
  CallOptions,
  HmacKeyName,
  HsmModule,
  KnownSeed,
  MacJob,
  MacResult,
  ModuleOptions,
  ModuleStatus,
  PairedSeed,
  Residency,
  SealKeyName,
  SeedMove,
  SeedReference,
  SeedSpec,
  SignKeyName,
  StoredSeed,
} from './types.ts';
import { requirePkcs11Uri } from './uri.ts';
import { destroyObject } from './wrapped.ts';

/** What modules answer to a wrong GCM tag, beside saying that it is one. */
const tagRefusals: readonly number[] = [
  pkcs11.CKR_GENERAL_ERROR,
  pkcs11.CKR_FUNCTION_FAILED,
  pkcs11.CKR_DATA_INVALID,
  pkcs11.CKR_SIGNATURE_INVALID,
];

interface Parts {
  readonly keeper: LinkKeeper;
  readonly residency: Residency;
  readonly sliceMs: number;
  readonly queueLimit: number;
  readonly monotonicMs: () => number;
}

class InProcessModule implements HsmModule {
  readonly #keeper: LinkKeeper;
  readonly #lanes: Lanes;
  readonly #residency: Residency;
  readonly #monotonicMs: () => number;
  #macsComputed = 0;

  constructor({ keeper, residency, monotonicMs, ...limits }: Parts) {
    this.#keeper = keeper;
    this.#residency = residency;
    this.#monotonicMs = monotonicMs;
    const recover = (cause: ModuleFault): Promise<void> => this.#recover(cause);
    this.#lanes = new Lanes({ ...limits, monotonicMs, recover });
  }

  mac(jobs: readonly MacJob[], options: CallOptions): Promise<readonly MacResult[]> {
    return plainly('mac', () => {
      checkJobs(jobs);
      const work = new MacWork({
        jobs,
        link: () => this.#keeper.require(),
        monotonicMs: this.#monotonicMs,
        onMac: () => {
          this.#macsComputed += 1;
        },
      });
      return this.#run(options, work);
    });
  }

  hmac(
    key: HmacKeyName,
    messages: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<readonly Uint8Array[]> {
    return plainly('hmac', () => {
      checkMessages(messages);
      const macs: Uint8Array[] = [];
      return this.#run(options, {
        result: () => macs,
        advance: (until) =>
          this.#withSession((link, session) => {
            const { handle } = link.catalogue[key];
            for (let next = messages[macs.length]; next; next = messages[macs.length]) {
              const message = next;
              macs.push(
                attempt('C_Sign', () => computeHmac(link.p11, session, 'SHA256', handle, message)),
              );
              if (this.#monotonicMs() >= until) break;
            }
            return macs.length === messages.length;
          }),
      });
    });
  }

  sign(key: SignKeyName, message: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return plainly('sign', () => {
      checkSigned(message);
      return this.#once(options, (link, session) =>
        signMessage(link.p11, session, link.catalogue[key].handle, message),
      );
    });
  }

  seal(
    key: SealKeyName,
    context: Uint8Array,
    plain: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    return plainly('seal', () => {
      checkSealing(context, plain);
      return this.#once(options, (link, session) =>
        sealText(link.p11, session, link.catalogue[key].handle, context, plain),
      );
    });
  }

  open(
    key: SealKeyName,
    context: Uint8Array,
    sealed: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    return plainly('open', () => {
      checkSealing(context, sealed);
      return this.#once(options, (link, session) => {
        try {
          return openSealed(link.p11, session, link.catalogue[key].handle, context, sealed);
        } catch (error) {
          throw judgedTag(link, faultOf(error, 'open'));
        }
      });
    });
  }

  generateSeed(spec: SeedSpec, options: CallOptions): Promise<StoredSeed> {
    return plainly('generateSeed', () => {
      checkSpec(spec);
      return this.#once(options, (link, session) =>
        generateSeed(link, session, this.#residency, spec),
      );
    });
  }

  generatePairedSeed(
    spec: SeedSpec,
    recipientPublicKey: Uint8Array,
    options: CallOptions,
  ): Promise<PairedSeed> {
    return plainly('generatePairedSeed', () => {
      checkSpec(spec);
      const recipient = parseRecipient(recipientPublicKey);
      return this.#once(options, (link, session) =>
        generatePairedSeed(link, session, this.#residency, spec, recipient),
      );
    });
  }

  importSeed(spec: SeedSpec, seed: Uint8Array, options: CallOptions): Promise<StoredSeed> {
    return plainly('importSeed', () => {
      checkSpec(spec);
      return this.#once(options, (link, session) =>
        importSeed(link, session, this.#residency, spec, seed),
      );
    });
  }

  moveSeed(
    seed: SeedReference,
    known: KnownSeed,
    to: Residency,
    options: CallOptions,
  ): Promise<SeedMove> {
    return plainly('moveSeed', () => {
      checkMove(seed, known);
      let isRepeat = false;
      return this.#once(options, (link, session) => {
        const move = { seed, known, to, isRepeat };
        isRepeat = true;
        return moveSeed(link, session, move);
      });
    });
  }

  destroySeed(seedId: string, options: CallOptions): Promise<void> {
    return plainly('destroySeed', () => {
      if (seedId === DECOY_SEED_ID) throw fault('contract', 'the decoy is no seed');
      return this.#once(options, (link, session) => {
        link.wrapped.forget(seedId);
        for (const { handle } of link.resident.objectsOf(session, seedId)) {
          destroyObject(link.p11, session, handle);
        }
        link.resident.forget(seedId);
      });
    });
  }

  random(length: number, options: CallOptions): Promise<Uint8Array> {
    return plainly('random', () => {
      checkRandom(length);
      return this.#once(options, ({ p11 }, session) =>
        attempt('C_GenerateRandom', () =>
          Uint8Array.from(p11.C_GenerateRandom(session, Buffer.alloc(length))),
        ),
      );
    });
  }

  publicKey(key: SignKeyName, options: CallOptions): Promise<Uint8Array> {
    return plainly('publicKey', () =>
      this.#once(options, ({ p11, catalogue }, session) =>
        readPublicKey(p11, session, key, catalogue[key]),
      ),
    );
  }

  status(): ModuleStatus {
    const link = this.#keeper.current;
    return {
      state: this.#keeper.state,
      reason: this.#keeper.reason,
      manufacturer: link?.info.manufacturer ?? '',
      model: link?.info.model ?? '',
      p11TokenLabel: link?.info.label ?? '',
      p11TokenSerial: link?.info.serial ?? '',
      residency: this.#residency,
      residentSeeds: link?.resident.size ?? 0,
      sessionsOpen: link === undefined ? 0 : 1 + link.sessions.open,
      macsComputed: this.#macsComputed,
    };
  }

  unwrappedSeeds(): number {
    return this.#keeper.current?.wrapped.size ?? 0;
  }

  unlock(pin: string): Promise<void> {
    return plainly('unlock', async () => {
      await this.#keeper.unlock(checkedPin(pin, 'the unlock endpoint'));
    });
  }

  async close(): Promise<void> {
    this.#lanes.close({ kind: 'unavailable', ckr: 0, detail: 'the module is closed' });
    await this.#keeper.close();
  }

  #run<T>(options: CallOptions, work: Work<T>): Promise<T> {
    if (this.#keeper.isDue()) this.#reopen();
    return this.#lanes.run(options, work);
  }

  #once<T>(options: CallOptions, call: (link: Link, session: pkcs11.Handle) => T): Promise<T> {
    if (this.#keeper.isDue()) this.#reopen();
    return this.#lanes.once(options, () => this.#withSession(call));
  }

  #withSession<T>(call: (link: Link, session: pkcs11.Handle) => T): T {
    const link = this.#keeper.require();
    return link.sessions.withSession((session) => call(link, session));
  }

  /** The calls that came meanwhile wait, and learn from the keeper how it went. */
  #reopen(): void {
    this.#lanes.pause();
    const resume = (): void => this.#lanes.resume();
    this.#keeper.rebuild(true).then(resume, resume);
  }

  async #recover(cause: ModuleFault): Promise<void> {
    if (cause.recovery === 'self-test' && isWell(this.#keeper.current)) return;
    const isLocal = cause.recovery === 'login' || cause.recovery === 'handle';
    await this.#keeper.rebuild(!isLocal);
  }
}

function isWell(link: Link | undefined): boolean {
  try {
    link?.selfTest();
    return link !== undefined;
  } catch {
    return false;
  }
}

/** A wrong tag is the text's fault, if the module that says so passes its test. */
function judgedTag(link: Link, cause: ModuleFault): ModuleFault {
  if (!tagRefusals.includes(cause.failure.ckr) || !isWell(link)) return cause;
  const detail = 'the sealed text is damaged or was sealed for another context';
  return new ModuleFault({ ...cause.failure, kind: 'damaged', detail }, 'none', cause);
}

/**
 * Opens the module that the URI describes, checks its keys and lets it prove itself. Without a PIN
 * it comes back as `needs-pin`, and every call is refused as `denied` until `unlock`.
 *
 * @returns rejects with a `ModuleFailure`: `unavailable` (no library, no p11Token), `denied` (PIN),
 *   `contract` (several p11Tokens, keys missing or not as they must be)
 */
export function openModule(options: ModuleOptions): Promise<HsmModule> {
  return plainly('openModule', async () => {
    const uri = requirePkcs11Uri(options.uri);
    const { maxSessions, lruHandles, sliceMs, queueLimit } = boundsOf(options);
    const monotonicMs = options.monotonicMs ?? (() => performance.now());
    const { residency } = options;
    const settings = { residency, maxSessions, lruHandles, monotonicMs };
    const library = openLibrary(uri.modulePath);
    const keeper = new LinkKeeper(library, { address: options, uri }, settings);
    try {
      await keeper.open();
    } catch (error) {
      await keeper.close();
      throw error;
    }
    return new InProcessModule({ keeper, residency, sliceMs, queueLimit, monotonicMs });
  });
}
