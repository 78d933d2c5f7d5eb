import type { ReportedLine } from '../../domain/offline-chain.ts';
import type { OfflineAgent } from '../../domain/offline.ts';
import type { Context } from '../deps.ts';
import type { OfflineLogHead, OfflineReportDocument } from '../ports.ts';
import { formatOf, nextTurn, offlineMac, readOffline } from './format.ts';

/** Keys computed before everything else that waits has its turn. */
const keysPerTurn = 500;

/**
 * The lines of a report, each with the chain's head after it; null when one does not continue the chain:
 * the agent's log was tampered with, or is damaged.
 *
 * @throws TallystickError `request-invalid` for what is no line at all
 */
export async function readLines(
  context: Context,
  agent: OfflineAgent,
  { from, headBefore, lines }: OfflineReportDocument,
): Promise<readonly ReportedLine[] | null> {
  const format = formatOf(context);
  let log: OfflineLogHead = {
    n: from - 1,
    head: Buffer.from(headBefore, 'hex'),
    key: await keyOfLine(context, agent.id, from),
  };
  const read: ReportedLine[] = [];
  try {
    for (const line of lines) {
      const next = readOffline('lines', () => format.readRecord(log, line));
      if (next === null) return null;
      log.key.fill(0);
      log = next.log;
      read.push({ ...next.record, head: log.head.toString('hex') });
    }
    return read;
  } finally {
    log.key.fill(0);
  }
}

/** From the first key on, in turns: a log grows for years. */
async function keyOfLine(context: Context, agentId: string, n: number): Promise<Buffer> {
  const format = formatOf(context);
  const first = await offlineMac(context, format.logKeyMessage(agentId));
  let key: Buffer = Buffer.from(first);
  first.fill(0);
  for (let left = n - 1; left > 0; left -= keysPerTurn) {
    const later = format.advanceLogKey(key, Math.min(left, keysPerTurn));
    key.fill(0);
    key = later;
    await nextTurn();
  }
  return key;
}
