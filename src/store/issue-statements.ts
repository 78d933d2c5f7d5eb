import { sql } from 'kysely';
import { otpAnswersMax } from '../domain/virtual-otp.ts';
import { argument, queryBuilder, type Template, template } from './query-builder.ts';

/** The statements by which something is issued to be answered, or a password set; see `hot-statements.ts`. */

const sqlite = queryBuilder('sqlite');
const atMs = argument<number>('atMs');

/** The condition is all that matters. */
export const passwordHolds: Template<'userId' | 'passwordVersion'> = template(
  sqlite
    .updateTable('user_account')
    .where('id', '=', argument<string>('userId'))
    .where('password_version', '=', argument<number>('passwordVersion'))
    .set({ lock_count: sql<number>`lock_count` }),
);

/** An edit like an administrator's: it raises the version that guards theirs. */
export const passwordChange: Template<'userId' | 'passwordVersion' | 'salt' | 'mac' | 'atMs'> =
  template(
    sqlite
      .updateTable('user_account')
      .where('id', '=', argument<string>('userId'))
      .where('password_version', '=', argument<number>('passwordVersion'))
      .set({
        password_salt: argument<string>('salt'),
        password_mac: argument<string>('mac'),
        password_set_at_ms: atMs,
        password_version: sql`password_version + 1`,
        version: sql`version + 1`,
      }),
  );

export const passwordRemember: Template<'userId' | 'passwordVersion' | 'replacedMac'> = template(
  sqlite.insertInto('password_history').values({
    user_id: argument('userId'),
    password_version: argument('passwordVersion'),
    mac: argument('replacedMac'),
  }),
);

/** No policy asks for more than the last 24. */
export const passwordForget: Template<'userId' | 'forgottenVersion'> = template(
  sqlite
    .deleteFrom('password_history')
    .where('user_id', '=', argument<string>('userId'))
    .where('password_version', '<=', argument<number>('forgottenVersion')),
);

/** Raises the version too: an edit of what the use changes must not bring the use back. */
export const backupUse: Template<
  | 'authenticatorId'
  | 'userId'
  | 'assignmentVersion'
  | 'endsBeforeMs'
  | 'usesBefore'
  | 'endsAtMs'
  | 'usesLeft'
> = template(
  sqlite
    .updateTable('authenticator')
    .where('id', '=', argument<string>('authenticatorId'))
    .where('user_id', '=', argument<string>('userId'))
    .where('assignment_version', '=', argument<number>('assignmentVersion'))
    .where('backup_ends_at_ms', 'is', argument<null>('endsBeforeMs'))
    .where('backup_uses_left', 'is', argument<null>('usesBefore'))
    .set({
      backup_ends_at_ms: argument<number | null>('endsAtMs'),
      backup_uses_left: argument<number | null>('usesLeft'),
      version: sql`version + 1`,
    }),
);

/** Another takes its place: one is live at a time. */
export const otpSupersede: Template<'userId' | 'atMs'> = template(
  sqlite
    .updateTable('challenge')
    .where('user_id', '=', argument<string>('userId'))
    // Not by its text: the index of texts has those of everybody in one place.
    .where('otp_mac', 'is not', null)
    .where('consumed_at_ms', 'is', null)
    .set({ consumed_at_ms: atMs }),
);

const isLastMiss = sql`miss_count + 1 >= ${otpAnswersMax}`;

export const otpMiss: Template<'otpId' | 'atMs'> = template(
  sqlite
    .updateTable('challenge')
    .where('id', '=', argument<string>('otpId'))
    .where('consumed_at_ms', 'is', null)
    .set({
      miss_count: sql`miss_count + 1`,
      consumed_at_ms: sql`case when ${isLastMiss} then ${atMs} end`,
    }),
);

export type ChallengeArgument =
  | 'id'
  | 'handle'
  | 'userId'
  | 'authenticatorId'
  | 'componentType'
  | 'componentTypeKey'
  | 'kind'
  | 'method'
  | 'provenPins'
  | 'text'
  | 'userVersion'
  | 'authenticatorVersion'
  | 'otpDigits'
  | 'otpMac'
  | 'missCount'
  | 'issuedAtMs'
  | 'expiresAtMs'
  | 'consumedAtMs';

export const challengeIssue: Template<ChallengeArgument> = template(
  sqlite.insertInto('challenge').values({
    id: argument('id'),
    handle: argument('handle'),
    user_id: argument('userId'),
    authenticator_id: argument('authenticatorId'),
    component_type: argument('componentType'),
    component_type_key: argument('componentTypeKey'),
    kind: argument('kind'),
    method: argument('method'),
    proven_pins: argument('provenPins'),
    text: argument('text'),
    user_version: argument('userVersion'),
    authenticator_version: argument('authenticatorVersion'),
    otp_digits: argument('otpDigits'),
    otp_mac: argument('otpMac'),
    miss_count: argument('missCount'),
    issued_at_ms: argument('issuedAtMs'),
    expires_at_ms: argument('expiresAtMs'),
    consumed_at_ms: argument('consumedAtMs'),
  }),
);
