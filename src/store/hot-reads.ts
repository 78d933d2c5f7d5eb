import { challengeColumns, storedAnswerColumns } from './columns.ts';
import type { DatabaseKind } from './options.ts';
import { argument, queryBuilder, type Template, template } from './query-builder.ts';

/** What an attempt reads beside its user, compiled once. */
export interface HotReads {
  readonly answer: Template<'clientId' | 'requestKey' | 'nowMs'>;
  readonly challenge: Template<'userId' | 'componentTypeKey' | 'text'>;
  readonly newestOpenChallenge: Template<'userId' | 'componentTypeKey' | 'nowMs'>;
  readonly openChallenges: Template<'userId' | 'componentTypeKey' | 'nowMs'>;
}

export function hotReads(kind: DatabaseKind): HotReads {
  const from = queryBuilder(kind);
  const challenges = from
    .selectFrom('challenge')
    .where('user_id', '=', argument<string>('userId'))
    .where('component_type_key', '=', argument<string>('componentTypeKey'));
  const open = challenges
    .where('consumed_at_ms', 'is', null)
    .where('expires_at_ms', '>', argument<number>('nowMs'));
  const newestOf = (those: typeof challenges) =>
    those.select(challengeColumns).orderBy('issued_at_ms', 'desc').orderBy('id', 'desc').limit(1);
  return {
    answer: template(
      from
        .selectFrom('stored_answer')
        .select(storedAnswerColumns)
        .where('client_id', '=', argument<string>('clientId'))
        .where('request_key', '=', argument<string>('requestKey'))
        .where('expires_at_ms', '>', argument<number>('nowMs')),
    ),
    challenge: template(newestOf(challenges.where('text', '=', argument<string>('text')))),
    newestOpenChallenge: template(newestOf(open)),
    openChallenges: template(open.select((select) => select.fn.countAll<number>().as('count'))),
  };
}
