import { type SelectQueryBuilder, sql } from 'kysely';
import { TallystickError } from '../errors.ts';
import type { Raise } from '../service/store.ts';
import type { DatabaseKind } from './options.ts';
import { argument, type QueryBuilder, type template } from './query-builder.ts';
import type { Schema } from './schema.ts';
import { type Columns, refuseUnstorable, storedInteger, tableOf } from './writes.ts';

/** A statement to compile once per shape, and what goes into it. */
export interface ShapedStatement {
  readonly shape: string;
  readonly build: () => Parameters<typeof template>[0];
  readonly values: Columns;
}

/** A raise as one statement, or as two where the second must see what others wrote before the first. */
export interface ShapedRaise {
  readonly hold: ShapedStatement | null;
  readonly write: ShapedStatement;
}

/**
 * What only ever rises, as statements that compare with the row as it is when they run: two at once
 * leave the higher of both. None touches the version, which guards the edits of administrators, but that
 * of an emergency code, which it may end.
 */
export class Raises {
  readonly #builder: QueryBuilder;
  /** The greater and the lesser of two values; SQLite's `max` of one argument is another function. */
  readonly #most: ReturnType<typeof sql.raw>;
  readonly #least: ReturnType<typeof sql.raw>;

  constructor(builder: QueryBuilder, kind: DatabaseKind) {
    this.#builder = builder;
    this.#most = sql.raw(kind === 'sqlite' ? 'max' : 'greatest');
    this.#least = sql.raw(kind === 'sqlite' ? 'min' : 'least');
  }

  /** @throws TallystickError store-contract for what would lower, or what no database could hold */
  statements(raise: Raise): ShapedRaise {
    const write = this.#shaped(raise);
    for (const value of Object.values(write.values)) refuseUnstorable(value);
    return { hold: raise.change === 'release' ? this.#hold(raise) : null, write };
  }

  #shaped(raise: Raise): ShapedStatement {
    switch (raise.change) {
      case 'raise-application':
        return this.#application(raise);
      case 'raise-user':
        return this.#user(raise);
      case 'raise-emergency':
        return this.#emergency(raise);
      case 'reserve':
      case 'release':
        return this.#move(raise);
      case 'take-turn':
        return this.#turn(raise);
    }
  }

  #application(raise: Extract<Raise, { change: 'raise-application' }>): ShapedStatement {
    const { applicationId, epoch, nextEventCounter, lastStep, floorMs, drift } = raise;
    return {
      shape: drift === null ? raise.change : `${raise.change} drift`,
      build: () =>
        this.#builder
          .updateTable('application')
          .set({
            next_event_counter: this.#atLeast('next_event_counter'),
            last_step: this.#atLeast('last_step'),
            floor_ms: this.#atLeast('floor_ms'),
            ...(drift === null ? {} : learnedDrift),
          })
          .where('id', '=', argument<string>('#id'))
          .where('epoch', '=', argument<number>('#epoch')),
      values: {
        '#id': applicationId,
        '#epoch': epoch,
        next_event_counter: storedInteger(nextEventCounter),
        last_step: storedInteger(lastStep),
        floor_ms: floorMs,
        ...(drift === null
          ? {}
          : { drift_seconds: drift.driftSeconds, drift_at_ms: drift.driftAtMs }),
      },
    };
  }

  #user({
    change,
    userId,
    failures,
    countMax,
  }: Extract<Raise, { change: 'raise-user' }>): ShapedStatement {
    if (failures < 0) throw new TallystickError('store-contract', 'A raise lowers no count.');
    const most = sql<number>`${this.#most}(lock_count, ${argument<number>('countMax')})`;
    const sum = sql<number>`lock_count + ${argument<number>('failures')}`;
    return {
      shape: change,
      build: () =>
        this.#builder
          .updateTable('user_account')
          // A count that is beyond the most already stays as it is.
          .set({ lock_count: sql<number>`${this.#least}(${most}, ${sum})` })
          .where('id', '=', argument<string>('#id')),
      values: { '#id': userId, failures, countMax },
    };
  }

  /** Of a code that has ended the uses are counted too; its state stays. */
  #emergency({
    change,
    codeId,
    uses,
  }: Extract<Raise, { change: 'raise-emergency' }>): ShapedStatement {
    if (uses < 1) throw new TallystickError('store-contract', 'A raise lowers no count.');
    const sum = sql<number>`use_count + ${argument<number>('uses')}`;
    const isEnd = sql<boolean>`state = 'live' and ${sum} >= uses_max`;
    return {
      shape: change,
      build: () =>
        this.#builder
          .updateTable('emergency_code')
          .set({
            use_count: sql<number>`${this.#least}(coalesce(uses_max, ${sum}), ${sum})`,
            state: sql<string>`case when ${isEnd} then 'used-up' else state end`,
            macs: sql<string>`case when ${isEnd} then '[]' else macs end`,
            sealed: sql<null>`case when ${isEnd} then null else sealed end`,
            // An edit of what it changes must not bring the code back.
            version: sql<number>`version + 1`,
          })
          .where('id', '=', argument<string>('#id')),
      values: { '#id': codeId, uses },
    };
  }

  #move(raise: Extract<Raise, { change: 'reserve' | 'release' }>): ShapedStatement {
    const { change, applicationId, epoch, from, to } = raise;
    if (change === 'reserve' ? to < from : to > from) {
      throw new TallystickError('store-contract', `A ${change} moves the counter the other way.`);
    }
    return {
      shape: change,
      build: () => {
        const moved = this.#builder
          .updateTable('application')
          .set({ next_event_counter: argument<number>('to') })
          .where('id', '=', argument<string>('#id'))
          .where('epoch', '=', argument<number>('#epoch'))
          .where('next_event_counter', '=', argument<number>('from'));
        return change === 'reserve' ? moved : moved.where((at) => at.not(at.exists(this.#used())));
      },
      values: {
        '#id': applicationId,
        '#epoch': epoch,
        from: storedInteger(from),
        to: storedInteger(to),
      },
    };
  }

  /** What anybody was seen to use of what is given back; of a package that is gone nobody knows the epoch. */
  #used(): SelectQueryBuilder<Schema, 'offline_event' | 'offline_package', object> {
    return this.#builder
      .selectFrom('offline_event')
      .leftJoin('offline_package', 'offline_package.id', 'offline_event.package_id')
      .select(sql.lit(1).as('one'))
      .where('offline_event.application_id', '=', argument<string>('#id'))
      .where('offline_event.entry_index', '>=', argument<number>('to'))
      .where('offline_event.entry_index', '<', argument<number>('from'))
      .where((at) =>
        at.or([
          at('offline_package.id', 'is', null),
          at('offline_package.epoch', '=', argument<number>('#epoch')),
        ]),
      );
  }

  /**
   * Whoever reports a use raises the row before he writes it down: once the row is ours, the statement that
   * follows sees all that were written, and who comes later finds the counter where it is by then.
   */
  #hold({ applicationId }: Extract<Raise, { change: 'reserve' | 'release' }>): ShapedStatement {
    return {
      shape: 'hold',
      build: () =>
        this.#builder
          .updateTable('application')
          .set({ next_event_counter: sql<number>`next_event_counter` })
          .where('id', '=', argument<string>('#id')),
      values: { '#id': applicationId },
    };
  }

  #turn({
    change,
    of,
    id,
    expectedVersion,
    turn,
  }: Extract<Raise, { change: 'take-turn' }>): ShapedStatement {
    return {
      shape: `${change} ${of}`,
      build: () =>
        this.#builder
          // Which of the two it is makes no difference.
          .updateTable(tableOf[of] as 'authenticator')
          .set({ offline_turn: sql<number>`offline_turn + 1` })
          .where('id', '=', argument<string>('#id'))
          .where('version', '=', argument<number>('#version'))
          .where('offline_turn', '=', argument<number>('turn')),
      values: { '#id': id, '#version': expectedVersion, turn },
    };
  }

  #atLeast(column: string): ReturnType<typeof sql<number>> {
    return sql<number>`${this.#most}(${sql.ref(column)}, ${argument<number>(column)})`;
  }
}

/** A drift that an administrator froze stays, and so does one that was learned later. */
const isLearned = sql`is_drift_frozen = 0
  and (drift_at_ms is null or drift_at_ms <= ${argument<number>('drift_at_ms')})`;
const learnedDrift = {
  drift_seconds: sql<number>`case when ${isLearned}
    then ${argument<number>('drift_seconds')} else drift_seconds end`,
  drift_at_ms: sql<number>`case when ${isLearned}
    then ${argument<number>('drift_at_ms')} else drift_at_ms end`,
};
