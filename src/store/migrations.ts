import type { DatabaseKind } from './options.ts';
import { emergencyCodes } from './migration-0006.ts';
import { initialSchema } from './migration-0001.ts';
import { governedClocks } from './migration-0002.ts';
import { serverPinsAndSessions } from './migration-0003.ts';
import { requestsAndPasswords } from './migration-0004.ts';
import { offline } from './migration-0005.ts';
import { offlinePasswords } from './migration-0007.ts';
import { offlineLater } from './migration-0008.ts';
import { signatures } from './migration-0009.ts';

/** One step of the schema. `statements` are run in order, in one transaction with their record. */
export interface Migration {
  readonly name: string;
  readonly statements: (kind: DatabaseKind) => readonly string[];
}

/**
 * All steps in order; the schema version is how many were taken. A released step is never edited,
 * removed or reordered: what it made is corrected by a later one.
 */
export const migrations: readonly Migration[] = [
  { name: '0001-initial', statements: initialSchema },
  { name: '0002-governed-clocks', statements: governedClocks },
  { name: '0003-server-pins-and-sessions', statements: serverPinsAndSessions },
  { name: '0004-requests-and-passwords', statements: requestsAndPasswords },
  { name: '0005-offline', statements: offline },
  { name: '0006-emergency-codes', statements: emergencyCodes },
  { name: '0007-offline-passwords', statements: offlinePasswords },
  { name: '0008-offline-later', statements: offlineLater },
  { name: '0009-signatures', statements: signatures },
];
