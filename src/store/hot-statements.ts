import { type RawBuilder, sql } from 'kysely';
import { argument, queryBuilder, type Template, template } from './query-builder.ts';

/**
 * The statements of an attempt, compiled once. The conditions are those of `UserChange`,
 * `ApplicationAdvance` and `Decision`: a statement that changes no row is a conflict.
 */

export type UserArgument = 'userId' | 'atMs' | 'threshold' | 'expectedTries' | 'readVersion';

const sqlite = queryBuilder('sqlite');
const atMs = argument<number>('atMs');
const threshold = sql<number>`${argument<number>('threshold')}`;

/** A condition that an argument of null switches off. */
function unlessNull(name: string, condition: RawBuilder<unknown>): RawBuilder<boolean> {
  const value = sql`${argument<string | number | null>(name)}`;
  return sql<boolean>`(${value} is null or ${condition} ${value})`;
}

/** The row is as it was read: only an edit raises its version. */
const isUnedited = unlessNull('readVersion', sql`version =`);

const openUser = sqlite
  .updateTable('user_account')
  .where('id', '=', argument<string>('userId'))
  .where(isUnedited)
  .where('is_disabled', '=', 0)
  .where('locked_at_ms', 'is', null)
  .where((at) =>
    at.or([at(threshold, '=', 0), at('lock_count', '<', argument<number>('threshold'))]),
  );

const lockedUser = sqlite
  .updateTable('user_account')
  .where('id', '=', argument<string>('userId'))
  .where(isUnedited)
  .where('is_disabled', '=', 0)
  .where('locked_by', '=', 'threshold')
  .where('unlock_tries', '=', argument<number>('expectedTries'));

const reachesThreshold = sql<boolean>`${threshold} > 0 and lock_count + 1 >= ${threshold}`;

export const userSuccess: Template<UserArgument> = template(
  openUser.set({
    lock_count: 0,
    unlock_tries: 0,
    last_attempt_at_ms: atMs,
    last_success_at_ms: atMs,
  }),
);

export const userFailure: Template<UserArgument> = template(
  openUser.set({
    lock_count: sql`lock_count + 1`,
    unlock_tries: 0,
    last_attempt_at_ms: atMs,
    locked_at_ms: sql`case when ${reachesThreshold} then ${atMs} end`,
    locked_by: sql`case when ${reachesThreshold} then 'threshold' end`,
  }),
);

export const userUnlockSuccess: Template<UserArgument> = template(
  lockedUser.set({
    lock_count: 0,
    unlock_tries: 0,
    locked_at_ms: null,
    locked_by: null,
    last_attempt_at_ms: atMs,
    last_success_at_ms: atMs,
  }),
);

export const userUnlockFailure: Template<UserArgument> = template(
  lockedUser.set({
    lock_count: sql`lock_count + 1`,
    unlock_tries: sql`unlock_tries + 1`,
    last_attempt_at_ms: atMs,
  }),
);

/** Their conditions are all that matters. */
const asItIs = { lock_count: sql<number>`lock_count` };

export const userIssue: Template<UserArgument> = template(openUser.set(asItIs));

export const userUnlockIssue: Template<UserArgument> = template(lockedUser.set(asItIs));

export const userPresent: Template<UserArgument> = template(
  sqlite.updateTable('user_account').where('id', '=', argument<string>('userId')).set(asItIs),
);

export const userTouch: Template<UserArgument> = template(
  sqlite
    .updateTable('user_account')
    .where('id', '=', argument<string>('userId'))
    .set({ last_attempt_at_ms: atMs }),
);

/** As long as the columns of a user that a decoy row does not have. */
export const decoyPadding: string = '.'.repeat(120);

export const decoyFailure: Template<'instance' | 'slot' | 'atMs'> = template(
  sqlite
    .insertInto('decoy')
    .values({
      instance: argument<string>('instance'),
      slot: argument<number>('slot'),
      lock_count: 1,
      last_attempt_at_ms: atMs,
      padding: decoyPadding,
    })
    .onConflict((conflict) =>
      conflict.columns(['instance', 'slot']).doUpdateSet({
        lock_count: sql`decoy.lock_count + 1`,
        last_attempt_at_ms: sql`excluded.last_attempt_at_ms`,
      }),
    ),
);

export const authenticatorUse: Template<
  'authenticatorId' | 'userId' | 'assignmentVersion' | 'readVersion' | 'atMs'
> = template(
  sqlite
    .updateTable('authenticator')
    .where('id', '=', argument<string>('authenticatorId'))
    .where('user_id', '=', argument<string>('userId'))
    .where('assignment_version', '=', argument<number>('assignmentVersion'))
    .where(isUnedited)
    .set({ last_used_at_ms: atMs }),
);

export const applicationAdvance: Template<
  | 'applicationId'
  | 'epoch'
  | 'nextEventCounterAtMost'
  | 'lastStepBelow'
  | 'orSpentChallenges'
  | 'failureCountBelow'
  | 'expectedPendingSync'
  | 'pinVersion'
  | 'readVersion'
  | 'nextEventCounter'
  | 'lastStep'
  | 'floorMs'
  | 'spentChallenges'
  | 'driftSeconds'
  | 'driftAtMs'
  | 'driftHistory'
  | 'isForgiving'
  | 'atMs'
> = template(
  sqlite
    .updateTable('application')
    .where('id', '=', argument<string>('applicationId'))
    .where('epoch', '=', argument<number>('epoch'))
    .where('next_event_counter', '<=', argument<number>('nextEventCounterAtMost'))
    .where((at) =>
      at.or([
        at('last_step', '<', argument<number>('lastStepBelow')),
        // Null, when nothing but the step will do, equals nothing.
        at.and([
          at('last_step', '=', argument<number>('lastStepBelow')),
          at('spent_challenges', '=', argument<string>('orSpentChallenges')),
        ]),
      ]),
    )
    .where('pin_version', '=', argument<number>('pinVersion'))
    .where(isUnedited)
    .where(unlessNull('failureCountBelow', sql`failure_count <`))
    .where(unlessNull('expectedPendingSync', sql`pending_sync =`))
    .set({
      next_event_counter: argument<number>('nextEventCounter'),
      last_step: argument<number>('lastStep'),
      floor_ms: argument<number>('floorMs'),
      spent_challenges: argument<string>('spentChallenges'),
      drift_seconds: argument<number>('driftSeconds'),
      drift_at_ms: argument<number | null>('driftAtMs'),
      drift_history: argument<string>('driftHistory'),
      failure_count: sql`case ${argument<number>('isForgiving')} when 1 then 0 else failure_count end`,
      pending_sync: null,
      last_used_at_ms: atMs,
    }),
);

/** An edit like an administrator's: it raises the version that guards theirs. */
export const pinChange: Template<'applicationId' | 'pinVersion' | 'length' | 'salt' | 'mac'> =
  template(
    sqlite
      .updateTable('application')
      .where('id', '=', argument<string>('applicationId'))
      .where('pin_version', '=', argument<number>('pinVersion'))
      .set({
        pin_is_change_forced: 0,
        pin_length: argument<number>('length'),
        pin_salt: argument<string>('salt'),
        pin_mac: argument<string>('mac'),
        pin_version: sql`pin_version + 1`,
        version: sql`version + 1`,
      }),
  );

export const applicationNote: Template<
  'applicationId' | 'epoch' | 'failures' | 'failureCountBelow' | 'pendingSync'
> = template(
  sqlite
    .updateTable('application')
    .where('id', '=', argument<string>('applicationId'))
    .where('epoch', '=', argument<number>('epoch'))
    .where(unlessNull('failureCountBelow', sql`failure_count <`))
    .set({
      failure_count: sql`failure_count + ${argument<number>('failures')}`,
      pending_sync: argument<string | null>('pendingSync'),
    }),
);

export const driftFollow: Template<'applicationId' | 'epoch' | 'driftSeconds' | 'driftAtMs'> =
  template(
    sqlite
      .updateTable('application')
      .where('id', '=', argument<string>('applicationId'))
      .where('epoch', '=', argument<number>('epoch'))
      .set({
        drift_seconds: argument<number>('driftSeconds'),
        drift_at_ms: argument<number>('driftAtMs'),
        pending_sync: null,
      }),
  );

export const challengeConsume: Template<'challengeId' | 'atMs'> = template(
  sqlite
    .updateTable('challenge')
    .where('id', '=', argument<string>('challengeId'))
    .where('consumed_at_ms', 'is', null)
    .where('expires_at_ms', '>', atMs)
    .set({ consumed_at_ms: atMs }),
);

export const sessionOpen: Template<
  | 'idSha256'
  | 'userId'
  | 'componentType'
  | 'peerAddress'
  | 'createdAtMs'
  | 'lastUsedAtMs'
  | 'expiresAtMs'
> = template(
  sqlite.insertInto('session').values({
    id_sha256: argument('idSha256'),
    user_id: argument('userId'),
    component_type: argument('componentType'),
    peer_address: argument('peerAddress'),
    created_at_ms: argument('createdAtMs'),
    last_used_at_ms: argument('lastUsedAtMs'),
    expires_at_ms: argument('expiresAtMs'),
  }),
);

export const sessionEnd: Template<'idSha256'> = template(
  sqlite.deleteFrom('session').where('id_sha256', '=', argument<string>('idSha256')),
);

/** Takes the place of an answer that has expired, and of no other. */
export const answerStore: Template<
  'clientId' | 'requestKey' | 'fingerprint' | 'answer' | 'expiresAtMs' | 'atMs'
> = template(
  sqlite
    .insertInto('stored_answer')
    .values({
      client_id: argument('clientId'),
      request_key: argument('requestKey'),
      fingerprint: argument('fingerprint'),
      answer: argument('answer'),
      expires_at_ms: argument('expiresAtMs'),
    })
    .onConflict((conflict) =>
      conflict
        .columns(['client_id', 'request_key'])
        .doUpdateSet({
          fingerprint: sql`excluded.fingerprint`,
          answer: sql`excluded.answer`,
          expires_at_ms: sql`excluded.expires_at_ms`,
        })
        .where('stored_answer.expires_at_ms', '<=', atMs),
    ),
);

export const auditInsert: Template<
  'instance' | 'sequence' | 'atMs' | 'subjectKey' | 'body' | 'previousHash' | 'hash'
> = template(
  sqlite.insertInto('audit_event').values({
    instance: argument('instance'),
    sequence: argument('sequence'),
    at_ms: atMs,
    subject_key: argument('subjectKey'),
    body: argument('body'),
    previous_hash: argument('previousHash'),
    hash: argument('hash'),
  }),
);
