import { sql } from 'kysely';
import { challengeColumns, sessionColumns, storedAnswerColumns } from './columns.ts';
import type { DatabaseKind } from './options.ts';
import { argument, queryBuilder, type Template, template } from './query-builder.ts';

/** What an attempt reads beside its user, compiled once. */
export interface HotReads {
  readonly answer: Template<'clientId' | 'requestKey' | 'nowMs'>;
  readonly challenge: Template<'userId' | 'componentTypeKey' | 'text'>;
  readonly issuedByHandle: Template<'userId' | 'componentTypeKey' | 'handle'>;
  readonly openOtp: Template<'userId' | 'componentTypeKey' | 'nowMs'>;
  readonly session: Template<'idSha256'>;
  readonly newestOpenChallenge: Template<'userId' | 'componentTypeKey' | 'nowMs'>;
  readonly openChallengeIds: Template<'userId' | 'componentTypeKey' | 'nowMs'>;
  readonly openGeneralChallenges: Template<'componentTypeKey' | 'nowMs'>;
}

/** More than a policy allows, so that what many opened at once is seen. */
const openChallengeIdsMax = 200;

export function hotReads(kind: DatabaseKind): HotReads {
  const from = queryBuilder(kind);
  const userId = argument<string>('userId');
  const atComponent = from
    .selectFrom('challenge')
    .where('component_type_key', '=', argument<string>('componentTypeKey'));
  // A general challenge is whoever's that answers it.
  const answerable = atComponent.where((at) =>
    at.or([at('user_id', '=', userId), at('user_id', 'is', null)]),
  );
  const allOpen = atComponent
    .where('consumed_at_ms', 'is', null)
    .where('expires_at_ms', '>', argument<number>('nowMs'));
  const openOfUser = allOpen.where('user_id', '=', userId);
  // Never `text is null`: the index of texts has the one-time passwords of everybody in one place.
  const open = openOfUser.where('otp_mac', 'is', null);
  const newestOf = (those: typeof atComponent) =>
    those
      .select(challengeColumns)
      .orderBy('issued_at_ms', 'desc')
      .orderBy('id', 'desc')
      // Not bound: SQLite then sorts by another plan, at 12 us instead of 1 for nothing found.
      .limit(sql.lit(1));
  return {
    answer: template(
      from
        .selectFrom('stored_answer')
        .select(storedAnswerColumns)
        .where('client_id', '=', argument<string>('clientId'))
        .where('request_key', '=', argument<string>('requestKey'))
        .where('expires_at_ms', '>', argument<number>('nowMs')),
    ),
    challenge: template(newestOf(answerable.where('text', '=', argument<string>('text')))),
    issuedByHandle: template(newestOf(answerable.where('handle', '=', argument<string>('handle')))),
    openOtp: template(newestOf(openOfUser.where('otp_mac', 'is not', null))),
    session: template(
      from
        .selectFrom('session')
        .select(sessionColumns)
        .where('id_sha256', '=', argument<string>('idSha256')),
    ),
    newestOpenChallenge: template(newestOf(open)),
    openChallengeIds: template(
      open
        .select('id')
        .orderBy('issued_at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(sql.lit(openChallengeIdsMax)),
    ),
    openGeneralChallenges: template(
      allOpen
        .where('user_id', 'is', null)
        .select((select) => select.fn.countAll<number>().as('count')),
    ),
  };
}
