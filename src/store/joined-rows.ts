import type { AuthenticatorWithApplications } from '../domain/model.ts';
import { applicationColumns, authenticatorColumns, userColumns } from './columns.ts';
import { cutter, type RowArray } from './cut-rows.ts';
import type { DatabaseKind } from './options.ts';
import { argument, queryBuilder, type Template, template } from './query-builder.ts';
import {
  type ApplicationRow,
  authenticatorsOf,
  type AuthenticatorRow,
  type UserRow,
} from './rows.ts';

/**
 * Authenticators come joined with their applications, and an attempt's user with both: one
 * statement, so one consistent read. Rows are arrays, cut into tables by position.
 */

const prefixed = {
  user: userColumns.map((column) => `u.${column}` as const),
  authenticator: authenticatorColumns.map((column) => `a.${column}` as const),
  application: applicationColumns.map((column) => `p.${column}` as const),
};

const userRow = cutter<UserRow>(userColumns);
const authenticatorRow = cutter<AuthenticatorRow>(authenticatorColumns);
const applicationRow = cutter<ApplicationRow>(applicationColumns);

/** The configuration's version, then user, authenticator and application, each null if missing. */
export function attemptTemplate(kind: DatabaseKind): Template<'domainId' | 'userNameKey'> {
  return template(
    queryBuilder(kind)
      .selectFrom('configuration_version as c')
      .leftJoin('user_account as u', (join) =>
        join
          .on('u.domain_id', '=', argument<string>('domainId'))
          .on('u.user_name_key', '=', argument<string>('userNameKey')),
      )
      .leftJoin('authenticator as a', 'a.user_id', 'u.id')
      .leftJoin('application as p', 'p.authenticator_id', 'a.id')
      .select(['c.version', ...prefixed.user, ...prefixed.authenticator, ...prefixed.application])
      .orderBy('a.serial')
      .orderBy('p.name'),
  );
}

/** The columns of `attemptTemplate`'s first row that say who was found; null for nobody. */
export function attemptUser(first: RowArray): UserRow | null {
  return first[1] === null ? null : userRow(first, 1);
}

/** The authenticators of `attemptTemplate`'s rows. */
export function attemptAuthenticators(
  found: readonly RowArray[],
): readonly AuthenticatorWithApplications[] {
  return joined(found, 1 + userColumns.length);
}

/** What chooses the authenticators of a list. */
export type AuthenticatorsArgument = 'serial' | 'userId' | 'after' | 'keyCheckValue' | 'limit';

/** One authenticator, those of one user, of one seed, or a page of all, in the order of serials. */
export function authenticatorsTemplate(
  kind: DatabaseKind,
  by: 'serial' | 'userId' | 'keyCheckValue' | 'page',
): Template<AuthenticatorsArgument> {
  const all = queryBuilder(kind).selectFrom('authenticator');
  const chosen = {
    serial: all.where('serial', '=', argument<string>('serial')),
    userId: all.where('user_id', '=', argument<string>('userId')),
    keyCheckValue: all
      .where('id', 'in', (from) =>
        from
          .selectFrom('application')
          .select('authenticator_id')
          .where('seed_key_check_value', '=', argument<string>('keyCheckValue')),
      )
      .orderBy('serial')
      .limit(argument<number>('limit')),
    page: all
      .where('serial', '>', argument<string>('after'))
      .orderBy('serial')
      .limit(argument<number>('limit')),
  }[by];
  return template(
    queryBuilder(kind)
      .selectFrom(chosen.select(authenticatorColumns).as('a'))
      .leftJoin('application as p', 'p.authenticator_id', 'a.id')
      .select([...prefixed.authenticator, ...prefixed.application])
      .orderBy('a.serial')
      .orderBy('p.name'),
  );
}

/** The authenticators of `authenticatorsTemplate`'s rows, or of rows where they begin at `start`. */
export function joined(
  found: readonly RowArray[],
  start: number = 0,
): readonly AuthenticatorWithApplications[] {
  const applicationAt = start + authenticatorColumns.length;
  return authenticatorsOf(
    found
      .filter((row) => row[start] !== null)
      .map((row) => ({
        authenticator: authenticatorRow(row, start),
        application: row[applicationAt] === null ? null : applicationRow(row, applicationAt),
      })),
  );
}
