import { type SelectQueryBuilder, sql } from 'kysely';
import {
  type OfflineAgent,
  type OfflineEvent,
  type OfflinePackage,
  type OfflineReport,
  type RetrievalHandle,
  standingStates,
  type TurnOwner,
} from '../domain/offline.ts';
import type { Page } from '../service/store.ts';
import * as columns from './columns.ts';
import * as rows from './offline-rows.ts';
import { integer, optionalInteger } from './rows.ts';
import { limitOf, pageMax, Reads } from './reads.ts';
import type { Schema } from './schema.ts';
import { storedInteger, tableOf } from './writes.ts';

/** In a join, where both tables have some of them. */
const packageColumns = columns.offlinePackageColumns.map(
  (column) => `offline_package.${column}` as const,
);

type PackageOwner = 'agent_id' | 'user_id' | 'application_id';

/** What is read of logons at workstations. Its methods are those of `Store`, see there. */
export class OfflineReads extends Reads {
  async offlineAgentById(id: string): Promise<OfflineAgent | null> {
    const query = this.from.selectFrom('offline_agent').select(columns.offlineAgentColumns);
    const found = await this.first(query.where('id', '=', id));
    return found === null ? null : rows.offlineAgentOf(found);
  }

  async offlineAgentByFingerprint(fingerprint: string): Promise<OfflineAgent | null> {
    const query = this.from.selectFrom('offline_agent').select(columns.offlineAgentColumns);
    const found = await this.first(query.where('fingerprint', '=', fingerprint));
    return found === null ? null : rows.offlineAgentOf(found);
  }

  async offlineAgents(page: Page): Promise<readonly OfflineAgent[]> {
    const found = await this.all(
      this.from
        .selectFrom('offline_agent')
        .select(columns.offlineAgentColumns)
        .where('id', '>', page.after)
        .orderBy('id')
        .limit(limitOf(page.limit, pageMax)),
    );
    return found.map(rows.offlineAgentOf);
  }

  async offlinePackageById(id: string): Promise<OfflinePackage | null> {
    const query = this.from.selectFrom('offline_package').select(columns.offlinePackageColumns);
    const found = await this.first(query.where('id', '=', id));
    return found === null ? null : rows.offlinePackageOf(found);
  }

  offlinePackagesOfAgent(agentId: string, limit: number): Promise<readonly OfflinePackage[]> {
    return this.#packagesOf('agent_id', agentId, limit);
  }

  offlinePackagesOfUser(userId: string, limit: number): Promise<readonly OfflinePackage[]> {
    return this.#packagesOf('user_id', userId, limit);
  }

  offlinePackagesOfApplication(
    applicationId: string,
    limit: number,
  ): Promise<readonly OfflinePackage[]> {
    return this.#packagesOf('application_id', applicationId, limit);
  }

  async offlinePackagesEnding(beforeMs: number, limit: number): Promise<readonly OfflinePackage[]> {
    const found = await this.all(
      this.from
        .selectFrom('offline_package')
        .select(columns.offlinePackageColumns)
        // As literals, or the index of those that stand would not be known to serve.
        .where(
          'state',
          'in',
          standingStates.map((state) => sql.lit(state)),
        )
        .where('not_after_ms', '<', beforeMs)
        .orderBy('not_after_ms')
        .orderBy('id')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(rows.offlinePackageOf);
  }

  async offlineSilentTypes(nowMs: number): Promise<readonly string[]> {
    const found = await this.all(
      this.#unheard()
        .select('offline_agent.component_type')
        .distinct()
        .where('offline_package.silent_at_ms', 'is', null)
        .where('offline_package.not_after_ms', '<', nowMs)
        .orderBy('offline_agent.component_type'),
    );
    return found.map(({ component_type }) => component_type);
  }

  async offlinePackagesUnheard(
    componentType: string,
    endedBeforeMs: number,
    limit: number,
  ): Promise<readonly OfflinePackage[]> {
    const found = await this.all(
      this.#unheard()
        .select(packageColumns)
        .where('offline_agent.component_type', '=', componentType)
        .where('offline_package.silent_at_ms', 'is', null)
        .where('offline_package.not_after_ms', '<', endedBeforeMs)
        .orderBy('offline_package.not_after_ms')
        .orderBy('offline_package.id')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(rows.offlinePackageOf);
  }

  async offlinePackagesSilent(limit: number): Promise<readonly OfflinePackage[]> {
    const found = await this.all(
      this.#unheard()
        .select(packageColumns)
        .where('offline_package.silent_at_ms', 'is not', null)
        .orderBy('offline_package.not_after_ms')
        .orderBy('offline_package.id')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(rows.offlinePackageOf);
  }

  /** Packages of workstations that said nothing since they ended: what became of them nobody knows. */
  #unheard(): SelectQueryBuilder<Schema, 'offline_package' | 'offline_agent', object> {
    return this.from
      .selectFrom('offline_package')
      .innerJoin('offline_agent', 'offline_agent.id', 'offline_package.agent_id')
      .where(
        'offline_package.state',
        'in',
        standingStates.map((state) => sql.lit(state)),
      )
      .whereRef('offline_agent.last_seen_at_ms', '<', 'offline_package.not_after_ms');
  }

  async offlineTurn(of: TurnOwner, id: string): Promise<number> {
    const found = await this.first(
      this.from
        // Which of the two it is makes no difference.
        .selectFrom(tableOf[of] as 'authenticator')
        .select('offline_turn')
        .where('id', '=', id),
    );
    return found === null ? 0 : integer(found.offline_turn);
  }

  async retrievalHandleById(id: string): Promise<RetrievalHandle | null> {
    const query = this.from.selectFrom('retrieval_handle').select(columns.retrievalHandleColumns);
    const found = await this.first(query.where('id', '=', id));
    return found === null ? null : rows.retrievalHandleOf(found);
  }

  async offlineEvents(
    agentId: string,
    from: number,
    limit: number,
  ): Promise<readonly OfflineEvent[]> {
    const found = await this.all(
      this.from
        .selectFrom('offline_event')
        .select(columns.offlineEventColumns)
        .where('agent_id', '=', agentId)
        .where('n', '>=', from)
        .orderBy('n')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(rows.offlineEventOf);
  }

  async offlineEventsAt(applicationId: string, index: bigint): Promise<readonly OfflineEvent[]> {
    const found = await this.all(
      this.from
        .selectFrom('offline_event')
        .select(columns.offlineEventColumns)
        .where('application_id', '=', applicationId)
        .where('entry_index', '=', storedInteger(index))
        .orderBy('agent_id')
        .orderBy('n'),
    );
    return found.map(rows.offlineEventOf);
  }

  async offlineUsedBelow(
    applicationId: string,
    epoch: number,
    below: bigint,
  ): Promise<bigint | null> {
    const found = await this.first(
      this.from
        .selectFrom('offline_event')
        // Of a package that is gone nobody knows the epoch: it counts.
        .leftJoin('offline_package', 'offline_package.id', 'offline_event.package_id')
        .select('offline_event.entry_index')
        .where('offline_event.application_id', '=', applicationId)
        .where('offline_event.entry_index', '<', storedInteger(below))
        .where((eb) =>
          eb.or([eb('offline_package.id', 'is', null), eb('offline_package.epoch', '=', epoch)]),
        )
        .orderBy('offline_event.entry_index', 'desc')
        .limit(1),
    );
    const index = optionalInteger(found?.entry_index ?? null);
    return index === null ? null : BigInt(index);
  }

  async offlineGapSince(agentId: string, atMs: number): Promise<boolean> {
    const found = await this.first(
      this.from
        .selectFrom('offline_event')
        .select('id')
        .where('agent_id', '=', agentId)
        .where('kind', '=', 'gap')
        .where('at_ms', '>=', atMs)
        .limit(1),
    );
    return found !== null;
  }

  async offlineReportById(id: string): Promise<OfflineReport | null> {
    const query = this.from.selectFrom('offline_report').select(columns.offlineReportColumns);
    const found = await this.first(query.where('id', '=', id));
    return found === null ? null : rows.offlineReportOf(found);
  }

  async #packagesOf(
    owner: PackageOwner,
    id: string,
    limit: number,
  ): Promise<readonly OfflinePackage[]> {
    const found = await this.all(
      this.from
        .selectFrom('offline_package')
        .select(columns.offlinePackageColumns)
        .where(owner, '=', id)
        .orderBy('created_at_ms', 'desc')
        // Of one workstation and application the later of one millisecond has the higher number.
        .orderBy('sequence', 'desc')
        .orderBy('id')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(rows.offlinePackageOf);
  }
}
