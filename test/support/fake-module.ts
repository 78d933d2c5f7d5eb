import {
  constants,
  createHmac,
  createPublicKey,
  publicEncrypt,
  randomBytes,
  sign as signWith,
} from 'node:crypto';
import {
  decrypt,
  encrypt,
  plainBytes,
  recipientKey,
  Refusal,
  requireMessages,
} from './fake-crypto.ts';
import { digestBytes, type FakeMemory, FakeVault, freshMemory } from './fake-vault.ts';
import type {
  CallOptions,
  HmacKeyName,
  KnownSeed,
  Lane,
  MacJob,
  MacResult,
  ModuleFailure,
  ModuleFailureKind,
  ModuleStatus,
  PairedSeed,
  Residency,
  SeedModule,
  SeedMove,
  SeedReference,
  SeedSpec,
  SignKeyName,
  StoredSeed,
} from '../../src/service/seed-module.ts';

/**
 * The port over node:crypto, for tests of other rooms and of failure paths: no module, no native
 * code, and failures on demand. It passes the same contract suite as the real one.
 */
export interface FakeModule extends SeedModule {
  /** The next call (or the next `times` calls) rejects so; `method` narrows it to one method. */
  failNext(kind: ModuleFailureKind, options?: FailOptions): void;
  /** From now on calls wait, until the returned function is called; deadlines still pass. */
  stall(): () => void;
  /** What the module holds: give it to another fake for a second server on the same module. */
  readonly memory: FakeMemory;
  /** How often each method was called. */
  readonly calls: ReadonlyMap<string, number>;
  setState(state: ModuleStatus['state'], reason?: string): void;
}

export interface FailOptions {
  readonly ckr?: number;
  readonly detail?: string;
  readonly times?: number;
  readonly method?: keyof SeedModule;
}

interface Waiting {
  readonly lane: Lane;
  readonly run: () => void;
}

interface Scripted {
  readonly failure: ModuleFailure;
  readonly method: string | undefined;
  times: number;
}

const expired: ModuleFailure = { kind: 'unavailable', ckr: 0, detail: 'deadline passed' };
const laneOrder: Record<Lane, number> = { logon: 0, sync: 1, background: 2 };
class NodeCryptoModule implements FakeModule {
  readonly memory: FakeMemory;
  readonly calls: Map<string, number> = new Map();
  readonly #residency: Residency;
  readonly #vault: FakeVault;
  readonly #scripted: Scripted[] = [];
  readonly #waiting: Waiting[] = [];
  #stalled = false;
  #state: ModuleStatus['state'] = 'ready';
  #reason = '';
  #macsComputed = 0;

  constructor(residency: Residency, memory: FakeMemory) {
    this.#residency = residency;
    this.memory = memory;
    this.#vault = new FakeVault(residency, memory);
  }

  failNext(kind: ModuleFailureKind, options: FailOptions = {}): void {
    const { ckr = 0, detail = `scripted ${kind}`, times = 1, method } = options;
    this.#scripted.push({ failure: { kind, ckr, detail }, method, times });
  }

  stall(): () => void {
    this.#stalled = true;
    return () => {
      this.#stalled = false;
      const waiting = this.#waiting.splice(0);
      waiting.sort((a, b) => laneOrder[a.lane] - laneOrder[b.lane]);
      for (const { run } of waiting) run();
    };
  }

  setState(state: ModuleStatus['state'], reason = ''): void {
    this.#state = state;
    this.#reason = reason;
  }

  mac(jobs: readonly MacJob[], options: CallOptions): Promise<readonly MacResult[]> {
    return this.#call('mac', options, () => {
      for (const { messages } of jobs) requireMessages(messages);
      return jobs.map((job) => this.#macJob(job));
    });
  }

  hmac(
    key: HmacKeyName,
    messages: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<readonly Uint8Array[]> {
    return this.#call('hmac', options, () => {
      requireMessages(messages);
      return messages.map((message) =>
        plainBytes(createHmac('SHA256', this.#vault.secret(key)).update(message).digest()),
      );
    });
  }

  sign(key: SignKeyName, message: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return this.#call('sign', options, () => {
      const signer = this.memory.signers.get(key);
      if (signer === undefined) throw new Refusal('contract', `no key "${key}"`);
      return plainBytes(signWith('SHA256', message, { key: signer, dsaEncoding: 'ieee-p1363' }));
    });
  }

  publicKey(key: SignKeyName, options: CallOptions): Promise<Uint8Array> {
    return this.#call('publicKey', options, () => {
      const signer = this.memory.signers.get(key);
      if (signer === undefined) throw new Refusal('contract', `no key "${key}"`);
      return plainBytes(createPublicKey(signer).export({ format: 'der', type: 'spki' }));
    });
  }

  seal(
    key: 'sensitive-data',
    context: Uint8Array,
    plain: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    return this.#call('seal', options, () => encrypt(this.#vault.secret(key), context, plain));
  }

  open(
    key: 'sensitive-data',
    context: Uint8Array,
    sealed: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    return this.#call('open', options, () =>
      plainBytes(decrypt(this.#vault.secret(key), context, sealed)),
    );
  }

  generateSeed(spec: SeedSpec, options: CallOptions): Promise<StoredSeed> {
    return this.#call('generateSeed', options, () =>
      this.#vault.keep(spec, randomBytes(digestBytes[spec.hash])),
    );
  }

  generatePairedSeed(
    spec: SeedSpec,
    recipientPublicKey: Uint8Array,
    options: CallOptions,
  ): Promise<PairedSeed> {
    return this.#call('generatePairedSeed', options, () => {
      const recipient = recipientKey(recipientPublicKey);
      const seed = randomBytes(digestBytes[spec.hash]);
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const envelope = publicEncrypt({ key: recipient, padding, oaepHash: 'sha1' }, seed);
      return { ...this.#vault.keep(spec, seed), envelope: plainBytes(envelope) };
    });
  }

  importSeed(spec: SeedSpec, seed: Uint8Array, options: CallOptions): Promise<StoredSeed> {
    return this.#call('importSeed', options, () => {
      if (seed.length < 16 || seed.length > 128) {
        throw new Refusal('contract', `a seed has 16 to 128 bytes, not ${seed.length}`);
      }
      return this.#vault.keep(spec, Buffer.from(seed));
    });
  }

  moveSeed(
    seed: SeedReference,
    known: KnownSeed,
    to: Residency,
    options: CallOptions,
  ): Promise<SeedMove> {
    return this.#call('moveSeed', options, () => this.#vault.move(seed, known, to));
  }

  destroySeed(seedId: string, options: CallOptions): Promise<void> {
    return this.#call('destroySeed', options, () => {
      this.memory.seeds.delete(seedId);
    });
  }

  random(length: number, options: CallOptions): Promise<Uint8Array> {
    return this.#call('random', options, () => {
      if (!Number.isInteger(length) || length < 1 || length > 1024) {
        throw new Refusal('contract', 'random gives 1 to 1024 bytes');
      }
      return plainBytes(randomBytes(length));
    });
  }

  status(): ModuleStatus {
    return {
      state: this.#state,
      reason: this.#reason,
      manufacturer: 'fake',
      model: 'node:crypto',
      p11TokenLabel: 'fake',
      p11TokenSerial: '0',
      residency: this.#residency,
      residentSeeds: this.memory.seeds.size,
      sessionsOpen: this.#state === 'closed' ? 0 : 1,
      macsComputed: this.#macsComputed,
    };
  }

  close(): Promise<void> {
    this.setState('closed', 'closed');
    return Promise.resolve();
  }

  #call<T>(method: string, options: CallOptions, work: () => T): Promise<T> {
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    return new Promise<T>((resolve, reject) => {
      const refuse = (failure: unknown): void => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the port rejects with plain data
        reject(failure);
      };
      const attempt = (): void => {
        try {
          this.#refuseIfScripted(method);
          resolve(work());
        } catch (error) {
          refuse(error instanceof Refusal ? error.failure : error);
        }
      };
      if (options.deadlineMs <= 0) refuse(expired);
      else if (this.#stalled) this.#wait(options, attempt, () => refuse(expired));
      else attempt();
    });
  }

  #wait(options: CallOptions, run: () => void, expire: () => void): void {
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      expire();
    }, options.deadlineMs);
    const waiting: Waiting = {
      lane: options.lane,
      run: () => {
        clearTimeout(timer);
        run();
      },
    };
    this.#waiting.push(waiting);
  }

  #refuseIfScripted(method: string): void {
    if (this.#state === 'needs-pin') throw new Refusal('denied', 'the module waits for its PIN');
    if (this.#state !== 'ready') throw new Refusal('unavailable', `the module is ${this.#state}`);
    const index = this.#scripted.findIndex((s) => s.method === undefined || s.method === method);
    const next = this.#scripted[index];
    if (next === undefined) return;
    next.times -= 1;
    if (next.times <= 0) this.#scripted.splice(index, 1);
    throw new Refusal(next.failure.kind, next.failure.detail, next.failure.ckr);
  }

  #macJob({ seed, messages }: MacJob): MacResult {
    try {
      const key = this.#vault.find(seed);
      this.#macsComputed += messages.length;
      const macs = messages.map((message) =>
        plainBytes(createHmac(seed.hash, key).update(message).digest()),
      );
      return { ok: true, macs };
    } catch (error) {
      if (error instanceof Refusal && error.failure.kind === 'damaged') {
        return { ok: false, failure: error.failure };
      }
      throw error;
    }
  }
}

/**
 * @param residency where generated and imported seeds go
 * @param memory what another fake holds, to stand for a second server on the same module
 */
export function createFakeModule(
  residency: Residency = 'resident',
  memory: FakeMemory = freshMemory(),
): FakeModule {
  return new NodeCryptoModule(residency, memory);
}
