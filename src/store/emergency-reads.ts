import { sql } from 'kysely';
import { type EmergencyCode, unsettledStates } from '../domain/emergency.ts';
import * as columns from './columns.ts';
import { emergencyCodeOf } from './emergency-rows.ts';
import { OfflineReads } from './offline-reads.ts';
import { limitOf, pageMax } from './reads.ts';

const codesOfUserMax = 64;

/** What is read of emergency codes. Its methods are those of `Store`, see there. */
export class EmergencyReads extends OfflineReads {
  async emergencyCodeById(id: string): Promise<EmergencyCode | null> {
    const query = this.from.selectFrom('emergency_code').select(columns.emergencyCodeColumns);
    const found = await this.first(query.where('id', '=', id));
    return found === null ? null : emergencyCodeOf(found);
  }

  async emergencyCodesOfAuthenticator(
    authenticatorId: string,
    limit: number,
  ): Promise<readonly EmergencyCode[]> {
    const found = await this.all(
      this.from
        .selectFrom('emergency_code')
        .select(columns.emergencyCodeColumns)
        .where('authenticator_id', '=', authenticatorId)
        .orderBy('created_at_ms', 'desc')
        // Ids rise with the time, and within one millisecond by chance.
        .orderBy('id', 'desc')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(emergencyCodeOf);
  }

  async emergencyCodesOfUser(userId: string): Promise<readonly EmergencyCode[]> {
    const found = await this.all(
      this.from
        .selectFrom('emergency_code')
        .select(columns.emergencyCodeColumns)
        .where('user_id', '=', userId)
        .where('state', 'in', [...unsettledStates])
        .orderBy('created_at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(codesOfUserMax),
    );
    return found.map(emergencyCodeOf);
  }

  async emergencyCodesOver(nowMs: number, limit: number): Promise<readonly EmergencyCode[]> {
    const found = await this.all(
      this.from
        .selectFrom('emergency_code')
        .select(columns.emergencyCodeColumns)
        .where('state', '=', sql.lit('live'))
        .where('not_after_ms', '<=', nowMs)
        .orderBy('not_after_ms')
        .orderBy('id')
        .limit(limitOf(limit, pageMax)),
    );
    return found.map(emergencyCodeOf);
  }
}
