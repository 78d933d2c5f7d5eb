import type { Expected } from '../../../emulator/index.ts';
import type { Store } from '../../../src/service/store.ts';
import { type Differences, differencesOf } from './unexplained.ts';

type ExpectedEvent = Pick<Expected, 'outcome' | 'facts'> & { readonly policyOf: string };

interface Awaited {
  readonly expected: ExpectedEvent;
  readonly differ: (differences: Differences) => void;
}

interface Body {
  readonly action: string;
  readonly outcome: string;
  readonly requestId: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const pageEvents = 1000;
/** Reading in pages costs next to nothing; events are told by the request's id. */
const dueAfter = 500;

/** Compares every event of a logon or a synchronisation with what was expected of it. */
export class AuditTrail {
  readonly #store: Store;
  readonly #awaited = new Map<string, Awaited>();
  /** Committed, and read here before the one who asked got his answer. */
  readonly #early = new Map<string, Body>();
  #after = 0;
  #reading: Promise<void> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Events that nobody asked for. */
  get strangers(): number {
    return this.#early.size;
  }

  /** Expected events that have not been found. */
  get missing(): number {
    return this.#awaited.size;
  }

  expect(requestId: string, expected: ExpectedEvent, differ: Awaited['differ']): void {
    this.#awaited.set(requestId, { expected, differ });
    const early = this.#early.get(requestId);
    if (early === undefined) return;
    this.#early.delete(requestId);
    this.#compare(early);
  }

  async readWhenDue(): Promise<void> {
    if (this.#awaited.size >= dueAfter) await this.read();
  }

  async read(): Promise<void> {
    this.#reading ??= this.#readPages().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #readPages(): Promise<void> {
    for (;;) {
      const events = await this.#store.auditEvents('test', this.#after, pageEvents);
      for (const { body } of events) this.#compare(JSON.parse(body) as Body);
      this.#after = events.at(-1)?.sequence ?? this.#after;
      if (events.length < pageEvents) return;
    }
  }

  #compare(body: Body): void {
    const { action, outcome, requestId, details } = body;
    if (action !== 'authenticate' && action !== 'synchronise') return;
    const awaited = this.#awaited.get(requestId);
    if (awaited === undefined) {
      this.#early.set(requestId, body);
      return;
    }
    this.#awaited.delete(requestId);
    const { expected, differ } = awaited;
    const caller = {
      component: expected.policyOf,
      policy: expected.policyOf,
      peerAddress: '127.0.0.1',
    };
    const differences = differencesOf(
      { auditOutcome: expected.outcome, ...caller, ...expected.facts },
      { auditOutcome: outcome, ...details },
    );
    if (Object.keys(differences).length > 0) differ(differences);
  }
}
