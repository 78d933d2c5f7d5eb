import type { EmergencyCode } from '../../domain/emergency.ts';

/** What the store reads of emergency codes. */
export interface EmergencyCodes {
  emergencyCodeById(id: string): Promise<EmergencyCode | null>;
  /** The newest first; of every state. */
  emergencyCodesOfAuthenticator(
    authenticatorId: string,
    limit: number,
  ): Promise<readonly EmergencyCode[]>;
  /** Of a user the newest 64 in an unsettled state (`unsettledStates`), newest first. */
  emergencyCodesOfUser(userId: string): Promise<readonly EmergencyCode[]>;
  /** Those in the state `live` whose time is over. */
  emergencyCodesOver(nowMs: number, limit: number): Promise<readonly EmergencyCode[]>;
}
