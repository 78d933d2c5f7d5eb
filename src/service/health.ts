import { TallystickError } from '../errors.ts';
import type { AuditEntry, Store } from './store.ts';
import { fromModule } from './module-calls.ts';
import type { Clock } from './ports.ts';
import type { MacResult, ModuleStatus, SeedModule } from './seed-module.ts';

/** What keeps database and module from their work right now; null when nothing does. */
export interface Health {
  /** Whether the database takes what a decision writes. */
  store(): Promise<TallystickError | null>;
  /** Whether the module computes. */
  module(): Promise<ModuleStatus>;
}

export interface Watched {
  readonly store: Store;
  readonly module: SeedModule;
  readonly health: Health;
}

/** Anybody may ask for readiness, so a probe is made no more often than this. */
const probeEveryMs = 1000;
const probeDeadlineMs = 2000;
/** A probe that fits proves little where a decision just did not: it is not tried at once. */
const faultHoldMs = 5000;
const probeMessage: Uint8Array = new TextEncoder().encode('tallystick readiness probe');

/**
 * Watches the writes through a store, and names the seed's owner where the module says that a seed
 * is damaged. Health is what really happens: a write that failed is remembered until one like it
 * succeeds, because a small write may still fit where a decision does not.
 *
 * @param instance this server's name: the actor of the event that ends a fault of the database
 */
export function watch(
  parts: { readonly store: Store; readonly module: SeedModule; readonly clock: Clock },
  instance: string,
): Watched {
  const { store, module, clock } = parts;
  const memory = createWriteMemory(clock);
  const probeStore = async (): Promise<TallystickError | null> => {
    if (memory.isHeld()) return memory.fault();
    try {
      await store.ping();
      // Nobody asks a server that is not ready, so no decision would ever show that it is again.
      if (memory.fault() !== null) await store.administer([], recovered(instance, clock.nowMs()));
      memory.clear();
      return null;
    } catch (error) {
      return memory.note(error);
    }
  };
  const storeProbe = atMostOften(probeStore, clock);
  const moduleProbe = atMostOften(() => probeModule(module), clock);
  return {
    store: watchedStore(store, memory),
    module: attributing(module),
    health: {
      store: async () => (await storeProbe()) ?? memory.fault(),
      module: async () => {
        const status = module.status();
        const fault = status.state === 'ready' ? await moduleProbe() : null;
        return fault === null ? status : { ...status, state: 'failed', reason: fault.message };
      },
    },
  };
}

/** The last fault of a write, until one succeeds. */
interface WriteMemory {
  readonly fault: () => TallystickError | null;
  readonly isHeld: () => boolean;
  /** Remembers what lasts; returns it in our words. */
  readonly note: (error: unknown) => TallystickError;
  readonly clear: () => void;
}

function createWriteMemory(clock: Clock): WriteMemory {
  let latest: { readonly fault: TallystickError; readonly atMs: number } | null = null;
  return {
    fault: () => latest?.fault ?? null,
    isHeld: () => latest !== null && clock.monotonicMs() - latest.atMs < faultHoldMs,
    note: (error) => {
      const fault =
        error instanceof TallystickError
          ? error
          : new TallystickError('internal', 'It cannot be used.', { cause: error });
      if (lastingFaults.has(fault.code)) latest = { fault, atMs: clock.monotonicMs() };
      return fault;
    },
    clear: () => {
      latest = null;
    },
  };
}

/** Faults of the database itself, not of one statement or of too much work. */
const lastingFaults: ReadonlySet<string> = new Set([
  'store-unavailable',
  'store-read-only',
  'store-full',
]);

function watchedStore(store: Store, memory: WriteMemory): Store {
  const noting = <Result>(write: Promise<Result>): Promise<Result> =>
    write.then(
      (result) => {
        memory.clear();
        return result;
      },
      (error: unknown) => {
        memory.note(error);
        throw error;
      },
    );
  return overriding(store, {
    commit: (decisions) => noting(store.commit(decisions)),
    administer: (changes, audit) => noting(store.administer(changes, audit)),
  });
}

/** A seed is known to the module by an id; the operator knows serials. */
function attributing(module: SeedModule): SeedModule {
  return overriding(module, {
    mac: (jobs, options) =>
      module.mac(jobs, options).then((results) => {
        if (results.every(({ ok }) => ok)) return results;
        return results.map((result, index): MacResult => {
          const owner = jobs[index]?.seed.owner;
          if (result.ok || owner === undefined) return result;
          const detail = `${result.failure.detail} (authenticator and application ${owner})`;
          return { ok: false, failure: { ...result.failure, detail } };
        });
      }),
  });
}

/** The object with some of its methods replaced; the others work on the object itself. */
function overriding<Target extends object>(target: Target, own: Partial<Target>): Target {
  return new Proxy(target, {
    get(from, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name);
      const value: unknown = Reflect.get(from, name);
      return typeof value === 'function' ? (value.bind(from) as unknown) : value;
    },
  });
}

async function probeModule(module: SeedModule): Promise<TallystickError | null> {
  try {
    const options = { lane: 'logon', deadlineMs: probeDeadlineMs } as const;
    await fromModule(module.hmac('request-mac', [probeMessage], options));
    return null;
  } catch (error) {
    if (error instanceof TallystickError) return error;
    return new TallystickError('internal', 'The security module fails.', { cause: error });
  }
}

/** One call at a time, its result good for `probeEveryMs`. */
function atMostOften<Result>(call: () => Promise<Result>, clock: Clock): () => Promise<Result> {
  let latest: { readonly atMs: number; readonly result: Promise<Result> } | null = null;
  return () => {
    const nowMs = clock.monotonicMs();
    if (latest === null || nowMs - latest.atMs >= probeEveryMs) {
      latest = { atMs: nowMs, result: call() };
    }
    return latest.result;
  };
}

function recovered(instance: string, atMs: number): AuditEntry {
  return {
    atMs,
    requestId: '',
    action: 'store.recovered',
    outcome: 'done',
    actor: instance,
    subject: instance,
    details: {},
  };
}
