import type { CompiledQuery } from 'kysely';
import type {
  AuthenticatorWithApplications,
  Issued,
  IssuedChallenge,
  IssuedOtp,
  OrganisationalUnit,
  User,
} from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import { passwordHistoryMax } from '../domain/static-password.ts';
import { TallystickError } from '../errors.ts';
import type {
  AttemptLoad,
  AuditEvent,
  ConfigurationSnapshot,
  Page,
  Session,
  StoredAnswer,
} from '../service/store.ts';
import * as columns from './columns.ts';
import { cutter } from './cut-rows.ts';
import type { Engine } from './engine.ts';
import { type HotReads, hotReads } from './hot-reads.ts';
import {
  type AuthenticatorsArgument,
  attemptAuthenticators,
  attemptTemplate,
  attemptUser,
  authenticatorsTemplate,
  joined,
} from './joined-rows.ts';
import type { DatabaseKind } from './options.ts';
import {
  type QueryBuilder,
  queryBuilder,
  type SqlValue,
  statementOf,
  type Template,
} from './query-builder.ts';
import * as rows from './rows.ts';

export const pageMax = 1_000;
const auditPageMax = 10_000;
const sameKeyCheckMax = 64;

interface Query<Row> {
  compile(): CompiledQuery<Row>;
}

const answerRow = cutter<rows.StoredAnswerRow>(columns.storedAnswerColumns);
const sessionRow = cutter<rows.SessionRow>(columns.sessionColumns);
const challengeRow = cutter<rows.ChallengeRow>(columns.challengeColumns);

type AuthenticatorsTemplate = ReturnType<typeof authenticatorsTemplate>;

/** Everything that only reads. Its methods are those of `Store`, see there. */
export class Reads {
  readonly #engine: Engine;
  protected readonly from: QueryBuilder;
  readonly #attempt: Template<'domainId' | 'userNameKey'>;
  readonly #hot: HotReads;
  readonly #bySerial: AuthenticatorsTemplate;
  readonly #byUser: AuthenticatorsTemplate;
  readonly #byPage: AuthenticatorsTemplate;
  readonly #byKeyCheckValue: AuthenticatorsTemplate;

  constructor(engine: Engine, kind: DatabaseKind) {
    this.#engine = engine;
    this.from = queryBuilder(kind);
    this.#attempt = attemptTemplate(kind);
    this.#hot = hotReads(kind);
    this.#bySerial = authenticatorsTemplate(kind, 'serial');
    this.#byUser = authenticatorsTemplate(kind, 'userId');
    this.#byPage = authenticatorsTemplate(kind, 'page');
    this.#byKeyCheckValue = authenticatorsTemplate(kind, 'keyCheckValue');
  }

  async loadAttempt(domainId: string, userName: string): Promise<AttemptLoad> {
    const values = { domainId, userNameKey: nameKey(userName) };
    const found = await this.#engine.arrays(this.#attempt, values);
    const first = found[0] ?? [];
    const configurationVersion = rows.integer(first[0]);
    const user = attemptUser(first);
    if (user === null) return { configurationVersion, found: null };
    return {
      configurationVersion,
      found: { user: rows.userOf(user), authenticators: attemptAuthenticators(found) },
    };
  }

  async loadConfiguration(): Promise<ConfigurationSnapshot> {
    const from = this.from;
    const queries = {
      version: from.selectFrom('configuration_version').select('version'),
      domains: from.selectFrom('domain').select(columns.domainColumns).orderBy('name_key'),
      policies: from.selectFrom('policy').select(columns.policyColumns).orderBy('name_key'),
      components: from
        .selectFrom('component')
        .select(columns.componentColumns)
        .orderBy('component_type_key')
        .orderBy('location'),
      apiKeys: from.selectFrom('api_key').select(columns.apiKeyColumns).orderBy('id'),
      gateways: from
        .selectFrom('gateway')
        .select(columns.gatewayColumns)
        .orderBy('channel')
        .orderBy('position')
        .orderBy('name_key'),
    };
    const results = await this.#engine.rows(Object.values(queries).map(statementOf));
    const [version = [], domains = [], policies = [], components = [], apiKeys = []] = results;
    const gateways = results[5] ?? [];
    return {
      version: rows.integer((version[0] as { version: number } | undefined)?.version),
      domains: (domains as rows.DomainRow[]).map(rows.domainOf),
      policies: (policies as rows.PolicyRow[]).map(rows.policyOf),
      components: (components as rows.ComponentRow[]).map(rows.componentOf),
      apiKeys: (apiKeys as rows.ApiKeyRow[]).map(rows.apiKeyOf),
      gateways: (gateways as rows.GatewayRow[]).map(rows.gatewayOf),
    };
  }

  async findAnswer(
    clientId: string,
    requestKey: string,
    nowMs: number,
  ): Promise<StoredAnswer | null> {
    const values = { clientId, requestKey, nowMs };
    const [found] = await this.#engine.arrays(this.#hot.answer, values);
    return found === undefined ? null : rows.storedAnswerOf(answerRow(found));
  }

  async findChallenge(
    userId: string,
    componentType: string,
    text: string,
  ): Promise<IssuedChallenge | null> {
    const values = { userId, componentTypeKey: nameKey(componentType), text };
    const [found] = await this.#engine.arrays(this.#hot.challenge, values);
    return found === undefined ? null : rows.challengeOf(challengeRow(found));
  }

  async findIssuedByHandle(
    userId: string,
    componentType: string,
    handle: string,
  ): Promise<Issued | null> {
    const values = { userId, componentTypeKey: nameKey(componentType), handle };
    const [found] = await this.#engine.arrays(this.#hot.issuedByHandle, values);
    return found === undefined ? null : rows.issuedOf(challengeRow(found));
  }

  async openOtp(userId: string, componentType: string, nowMs: number): Promise<IssuedOtp | null> {
    const values = { userId, componentTypeKey: nameKey(componentType), nowMs };
    const [found] = await this.#engine.arrays(this.#hot.openOtp, values);
    return found === undefined ? null : rows.otpOf(challengeRow(found));
  }

  async passwordHistory(userId: string, limit: number): Promise<readonly string[]> {
    const found = await this.all(
      this.from
        .selectFrom('password_history')
        .select('mac')
        .where('user_id', '=', userId)
        .orderBy('password_version', 'desc')
        .limit(limitOf(limit, passwordHistoryMax)),
    );
    return found.map(({ mac }) => mac);
  }

  async findSession(idSha256: string): Promise<Session | null> {
    const [found] = await this.#engine.arrays(this.#hot.session, { idSha256 });
    return found === undefined ? null : rows.sessionOf(sessionRow(found));
  }

  async countSessions(userId: string, nowMs: number, usedSinceMs: number): Promise<number> {
    const found = await this.first(
      this.from
        .selectFrom('session')
        .where('user_id', '=', userId)
        .where('expires_at_ms', '>', nowMs)
        .where('last_used_at_ms', '>=', usedSinceMs)
        .select((select) => select.fn.countAll<number>().as('count')),
    );
    return rows.integer(found?.count);
  }

  async countGeneralChallenges(componentType: string, nowMs: number): Promise<number> {
    const values = { componentTypeKey: nameKey(componentType), nowMs };
    const [found] = await this.#engine.arrays(this.#hot.openGeneralChallenges, values);
    return rows.integer(found?.[0]);
  }

  async openChallengeIds(
    userId: string,
    componentType: string,
    nowMs: number,
  ): Promise<readonly string[]> {
    const values = { userId, componentTypeKey: nameKey(componentType), nowMs };
    const found = await this.#engine.arrays(this.#hot.openChallengeIds, values);
    return found.map(([id]) => String(id));
  }

  async newestOpenChallenge(
    userId: string,
    componentType: string,
    nowMs: number,
  ): Promise<IssuedChallenge | null> {
    const values = { userId, componentTypeKey: nameKey(componentType), nowMs };
    const [found] = await this.#engine.arrays(this.#hot.newestOpenChallenge, values);
    return found === undefined ? null : rows.challengeOf(challengeRow(found));
  }

  async userById(id: string): Promise<User | null> {
    const query = this.from.selectFrom('user_account').select(columns.userColumns);
    const found = await this.first(query.where('id', '=', id));
    return found === null ? null : rows.userOf(found);
  }

  async userByName(domainId: string, userName: string): Promise<User | null> {
    const found = await this.first(
      this.from
        .selectFrom('user_account')
        .select(columns.userColumns)
        .where('domain_id', '=', domainId)
        .where('user_name_key', '=', nameKey(userName)),
    );
    return found === null ? null : rows.userOf(found);
  }

  async users(domainId: string, page: Page): Promise<readonly User[]> {
    const found = await this.all(
      this.from
        .selectFrom('user_account')
        .select(columns.userColumns)
        .where('domain_id', '=', domainId)
        .where('user_name_key', '>', nameKey(page.after))
        .orderBy('user_name_key')
        .limit(limitOf(page.limit, pageMax)),
    );
    return found.map(rows.userOf);
  }

  async organisationalUnits(domainId: string): Promise<readonly OrganisationalUnit[]> {
    const found = await this.all(
      this.from
        .selectFrom('organisational_unit')
        .select(columns.organisationalUnitColumns)
        .where('domain_id', '=', domainId)
        .orderBy('name_key'),
    );
    return found.map(rows.organisationalUnitOf);
  }

  async authenticatorBySerial(serial: string): Promise<AuthenticatorWithApplications | null> {
    const found = await this.#authenticators(this.#bySerial, { serial: serial.toUpperCase() });
    return found[0] ?? null;
  }

  authenticatorsOfUser(userId: string): Promise<readonly AuthenticatorWithApplications[]> {
    return this.#authenticators(this.#byUser, { userId });
  }

  async authenticators(page: Page): Promise<readonly AuthenticatorWithApplications[]> {
    const limit = limitOf(page.limit, pageMax);
    return await this.#authenticators(this.#byPage, { after: page.after.toUpperCase(), limit });
  }

  authenticatorsByKeyCheckValue(
    keyCheckValue: string,
  ): Promise<readonly AuthenticatorWithApplications[]> {
    return this.#authenticators(this.#byKeyCheckValue, { keyCheckValue, limit: sameKeyCheckMax });
  }

  async auditEvents(
    instance: string,
    afterSequence: number,
    limit: number,
  ): Promise<readonly AuditEvent[]> {
    const found = await this.all(
      this.from
        .selectFrom('audit_event')
        .select(columns.auditEventColumns)
        .where('instance', '=', instance)
        .where('sequence', '>', afterSequence)
        .orderBy('sequence')
        .limit(limitOf(limit, auditPageMax)),
    );
    return found.map(rows.auditEventOf);
  }

  async auditEventsAbout(subject: string, limit: number): Promise<readonly AuditEvent[]> {
    const found = await this.all(
      this.from
        .selectFrom('audit_event')
        .select(columns.auditEventColumns)
        .where('subject_key', '=', nameKey(subject))
        .orderBy('at_ms', 'desc')
        .orderBy('instance')
        .orderBy('sequence', 'desc')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(rows.auditEventOf);
  }

  /** Instances that opened the store for writing; sequence 0 when one has written no event. */
  async auditInstances(): Promise<readonly { instance: string; sequence: number }[]> {
    const found = await this.all(
      this.from
        .selectFrom('instance as i')
        .select((select) => [
          'i.name as instance',
          select
            .selectFrom('audit_event as e')
            .whereRef('e.instance', '=', 'i.name')
            .select((event) => event.fn.max('e.sequence').as('sequence'))
            .as('sequence'),
        ])
        .orderBy('i.name'),
    );
    return found.map(({ instance, sequence }) => ({
      instance,
      sequence: rows.integer(sequence ?? 0),
    }));
  }

  protected async all<Row>(query: Query<Row>): Promise<readonly Row[]> {
    const [found = []] = await this.#engine.rows([statementOf(query)]);
    return found as readonly Row[];
  }

  protected async first<Row>(query: Query<Row>): Promise<Row | null> {
    const [found] = await this.all(query);
    return found ?? null;
  }

  async #authenticators(
    statement: AuthenticatorsTemplate,
    values: Readonly<Partial<Record<AuthenticatorsArgument, SqlValue>>>,
  ): Promise<readonly AuthenticatorWithApplications[]> {
    const unused = { serial: null, userId: null, after: null, keyCheckValue: null, limit: null };
    return joined(await this.#engine.arrays(statement, { ...unused, ...values }));
  }
}

/** @throws TallystickError store-contract outside 1 to `max`: edges have their own, friendlier check */
export function limitOf(limit: number, max: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= max) return limit;
  throw new TallystickError('store-contract', `A page has 1 to ${max} entries.`);
}
