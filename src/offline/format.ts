import { framed } from './bytes.ts';
import { blockRange, blocksOf, entriesMax } from './header.ts';
import {
  fingerprintOf,
  logKeyMessage,
  nonceMessage,
  packageKeyMessage,
  readPublicKey,
  shareMessage,
} from './keys.ts';
import { advanceLogKey, readRecord } from './log.ts';
import { buildPackage, newSalt } from './package.ts';
import { isProven } from './proof.ts';
import { acknowledgementMessage, readReport, writeAcknowledgement } from './report.ts';
import { sealTo } from './seal.ts';

/** The server's half of the format in one piece, for the composition root to hand in. */
export interface ServerFormat {
  readonly entriesMax: typeof entriesMax;
  readonly requireKey: (spki: Uint8Array) => string;
  readonly isProven: typeof isProven;
  readonly nonceMessage: typeof nonceMessage;
  readonly logKeyMessage: typeof logKeyMessage;
  readonly shareMessage: typeof shareMessage;
  readonly packageKeyMessage: typeof packageKeyMessage;
  readonly sealTo: (
    spki: Uint8Array,
    use: 'log' | 'share',
    agentId: string,
    secret: Uint8Array,
  ) => Buffer;
  readonly blockRange: typeof blockRange;
  readonly blocksOf: typeof blocksOf;
  readonly newSalt: typeof newSalt;
  readonly buildPackage: typeof buildPackage;
  readonly readReport: typeof readReport;
  readonly advanceLogKey: typeof advanceLogKey;
  readonly readRecord: typeof readRecord;
  readonly writeAcknowledgement: typeof writeAcknowledgement;
  readonly acknowledgementMessage: typeof acknowledgementMessage;
}

export const offlineFormat: ServerFormat = {
  entriesMax,
  requireKey(spki) {
    readPublicKey(spki);
    return fingerprintOf(spki);
  },
  isProven,
  nonceMessage,
  logKeyMessage,
  shareMessage,
  packageKeyMessage,
  sealTo: (spki, use, agentId, secret) => sealTo(spki, framed(`ovp1/${use}`, agentId), secret),
  blockRange,
  blocksOf,
  newSalt,
  buildPackage,
  readReport,
  advanceLogKey,
  readRecord,
  writeAcknowledgement,
  acknowledgementMessage,
};
