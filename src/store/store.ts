import { sql } from 'kysely';
import { challengesPerDecisionMax } from '../domain/challenge.ts';
import { applicationsPerAttemptMax } from '../domain/eligible.ts';
import { nameKey } from '../domain/names.ts';
import { TallystickError } from '../errors.ts';
import type { AuditChain } from '../service/ports.ts';
import type {
  AdministerResult,
  AuditEntries,
  AuditEntry,
  CommitResult,
  Decision,
  Raise,
  RecordChange,
  Store,
} from '../service/store.ts';
import { ChangePreparer } from './administer.ts';
import type { UnchainedEvent } from './chain-tip.ts';
import { Committer } from './committer.ts';
import { EmergencyReads } from './emergency-reads.ts';
import type { Engine, PreparedDecision } from './engine.ts';
import type { DatabaseKind } from './options.ts';
import { purgeStatements } from './purge.ts';
import { type QueryBuilder, queryBuilder, statementOf } from './query-builder.ts';
import { refuseUnstorable, storedInteger } from './writes.ts';

const purgeMax = 10_000;

export interface SqlStoreOptions {
  readonly kind: DatabaseKind;
  readonly instance: string;
  readonly chain: AuditChain;
  /** False for a store opened without its instance's lock. */
  readonly mayWrite: boolean;
}

/** The store over either engine: what is written is checked, prepared and queued here. */
export class SqlStore extends EmergencyReads implements Store {
  readonly #engine: Engine;
  readonly #committer: Committer;
  readonly #changes: ChangePreparer;
  readonly #builder: QueryBuilder;
  readonly #options: SqlStoreOptions;

  constructor(engine: Engine, options: SqlStoreOptions) {
    super(engine, options.kind);
    this.#engine = engine;
    this.#options = options;
    this.#committer = new Committer(engine);
    this.#builder = queryBuilder(options.kind);
    this.#changes = new ChangePreparer(this.#builder, options.kind);
  }

  async commit(decisions: readonly Decision[]): Promise<readonly CommitResult[]> {
    this.#refuseReadOnly();
    const prepared = decisions.map((decision): PreparedDecision => {
      refuseUnstorableDecision(decision);
      return { decision, event: this.#event(decision.audit) };
    });
    return await this.#committer.commit(prepared);
  }

  async administer(
    changes: readonly (RecordChange | Raise)[],
    audit: AuditEntries,
  ): Promise<AdministerResult> {
    this.#refuseReadOnly();
    const prepared = this.#changes.prepare(changes);
    const entries: readonly AuditEntry[] = 'action' in audit ? [audit] : audit;
    const events = entries.map((entry) => this.#event(entry));
    return await this.#committer.alone(() => this.#engine.administer(prepared, events));
  }

  async purge(nowMs: number, limit: number): Promise<number> {
    this.#refuseReadOnly();
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > purgeMax) {
      throw new TallystickError('store-contract', `A purge removes 1 to ${purgeMax} rows of each.`);
    }
    const statements = purgeStatements(this.#builder, nowMs, limit);
    return await this.#committer.alone(() => this.#engine.write(statements));
  }

  async touchSession(idSha256: string, atMs: number): Promise<boolean> {
    this.#refuseReadOnly();
    refuseUnstorable(atMs);
    const write = this.#builder
      .updateTable('session')
      .where('id_sha256', '=', idSha256)
      .set({ last_used_at_ms: atMs });
    const changed = await this.#committer.alone(() => this.#engine.write([statementOf(write)]));
    return changed === 1;
  }

  async touchOfflineAgent(id: string, atMs: number): Promise<void> {
    this.#refuseReadOnly();
    refuseUnstorable(atMs);
    const write = this.#builder
      .updateTable('offline_agent')
      .where('id', '=', id)
      .where('last_seen_at_ms', '<', atMs)
      .set({ last_seen_at_ms: atMs });
    await this.#committer.alone(() => this.#engine.write([statementOf(write)]));
  }

  async reserveSend(scope: string, windowStartMs: number, limit: number): Promise<boolean> {
    this.#refuseReadOnly();
    refuseUnstorable(windowStartMs);
    // The first of a window meets no row whose count could refuse it.
    if (limit < 1) return false;
    const write = this.#builder
      .insertInto('send_count')
      .values({ scope, window_start_ms: windowStartMs, message_count: 1 })
      .onConflict((conflict) =>
        conflict
          .columns(['scope', 'window_start_ms'])
          .doUpdateSet({ message_count: sql`send_count.message_count + 1` })
          .where('send_count.message_count', '<', limit),
      );
    return (await this.#committer.alone(() => this.#engine.write([statementOf(write)]))) === 1;
  }

  async refundSend(scope: string, windowStartMs: number): Promise<void> {
    this.#refuseReadOnly();
    refuseUnstorable(windowStartMs);
    const write = this.#builder
      .updateTable('send_count')
      .where('scope', '=', scope)
      .where('window_start_ms', '=', windowStartMs)
      .where('message_count', '>', 0)
      .set({ message_count: sql`message_count - 1` });
    await this.#committer.alone(() => this.#engine.write([statementOf(write)]));
  }

  async ping(): Promise<void> {
    this.#refuseReadOnly();
    const write = this.#builder
      .updateTable('instance')
      .where('name', '=', this.#options.instance)
      .set({ ping_count: sql`ping_count + 1` });
    const changed = await this.#committer.alone(() => this.#engine.write([statementOf(write)]));
    if (changed !== 1) {
      throw new TallystickError('store-contract', 'The database no longer knows this instance.');
    }
  }

  async close(): Promise<void> {
    await this.#committer.close();
    await this.#engine.close();
  }

  #event(audit: AuditEntry): UnchainedEvent {
    refuseUnstorable(audit.atMs);
    const { atMs, subject } = audit;
    return { atMs, subjectKey: nameKey(subject), body: this.#options.chain.body(audit) };
  }

  #refuseReadOnly(): void {
    if (this.#options.mayWrite) return;
    throw new TallystickError(
      'store-read-only',
      'This store was opened beside a running server and only reads.',
    );
  }
}

/** A caller's broken contract rejects his call alone, before others share a transaction with it. */
function refuseUnstorableDecision(decision: Decision): void {
  refuseTooMany(decision);
  refuseMovedTwice(decision);
  const { advance, followers, storedAnswer, atMs } = decision;
  refuseUnstorable(atMs);
  if (advance !== null) {
    storedInteger(advance.guard.nextEventCounterAtMost);
    storedInteger(advance.guard.lastStepBelow);
    storedInteger(advance.set.nextEventCounter);
    storedInteger(advance.set.lastStep);
    for (const value of [advance.set.floorMs, advance.set.driftSeconds, advance.set.driftAtMs]) {
      refuseUnstorable(value);
    }
  }
  for (const { driftSeconds, driftAtMs } of followers) {
    refuseUnstorable(driftSeconds);
    refuseUnstorable(driftAtMs);
  }
  refuseUnstorable(storedAnswer?.expiresAtMs ?? null);
  refuseUnstorable(decision.openSession?.expiresAtMs ?? null);
  refuseUnstorableRequest(decision);
  refuseStrayPin(decision);
  refuseStrayUser(decision);
}

function refuseUnstorableRequest({ issue, backupUse }: Decision): void {
  const { endsAtMs = null, usesLeft = null } = backupUse?.after ?? {};
  for (const value of [issue?.issuedAtMs, issue?.expiresAtMs, endsAtMs, usesLeft]) {
    refuseUnstorable(value ?? null);
  }
}

function refuseStrayPin({ advance, pinChange }: Decision): void {
  if (pinChange === null || pinChange.applicationId === advance?.applicationId) return;
  throw new TallystickError('store-contract', 'A PIN changes with the response that permits it.');
}

/** What is written of a user beside his row is written under the conditions on his row. */
function refuseStrayUser({ user, passwordChange, passwordVersion, issue }: Decision): void {
  const changed = user !== null && 'userId' in user ? user.userId : null;
  const isStray =
    (passwordChange !== null && passwordChange.userId !== changed) ||
    (passwordVersion !== null && changed === null) ||
    (issue !== null && 'otpMac' in issue && issue.userId !== changed);
  if (!isStray) return;
  const message = 'A password changes, and a one-time password is issued, with its own user.';
  throw new TallystickError('store-contract', message);
}

function refuseTooMany(decision: Decision): void {
  const { challengeIds, missedOtpIds, emergencyMarks, followers, notes } = decision;
  const isTooMany =
    challengeIds.length > challengesPerDecisionMax ||
    missedOtpIds.length > challengesPerDecisionMax ||
    emergencyMarks.length > challengesPerDecisionMax ||
    followers.length > applicationsPerAttemptMax ||
    notes.length > applicationsPerAttemptMax;
  if (!isTooMany) return;
  const message = 'A decision has too many challenges, followers or notes.';
  throw new TallystickError('store-contract', message);
}

function refuseMovedTwice(decision: Decision): void {
  const { advance, followers, notes, emergencyUse, emergencyMarks } = decision;
  const moved = [
    ...(advance === null ? [] : [advance.applicationId]),
    ...followers.map(({ applicationId }) => applicationId),
    // One decoy row stands for all of them.
    ...notes.map((note) => (note.kind === 'application' ? note.applicationId : note.kind)),
    ...(emergencyUse === null ? [] : [emergencyUse.codeId]),
    ...emergencyMarks.map(({ codeId }) => codeId),
  ];
  if (new Set(moved).size === moved.length) return;
  throw new TallystickError('store-contract', 'A decision moves a row twice.');
}
