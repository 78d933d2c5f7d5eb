import { CliFailure, type CliIo } from './io.ts';
import { exitCodes } from './exit-codes.ts';
import { openConfig } from './local-config.ts';
import { table } from './table.ts';
import { auditChain, chainStart, verifyChain } from '../audit/index.ts';
import { databaseLocation, systemClock } from '../main.ts';
import type { Store } from '../service/store.ts';
import { openStore } from '../store/index.ts';

const pageEvents = 1000;

interface CheckedChain {
  readonly instance: string;
  readonly events: number;
  readonly broken: string | null;
}

/**
 * Checks every link of every chain in the database; reads beside a running server.
 *
 * @throws CliFailure when a link is broken, after the table that shows where
 */
export async function verifyChains(
  io: CliIo,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { config } = openConfig(io, options);
  const store = await openStore({
    database: databaseLocation(config.database),
    instance: config.instance.name,
    chain: auditChain,
    clock: systemClock,
    lock: false,
  });
  const chains: CheckedChain[] = [];
  try {
    for (const { instance, sequence } of await store.auditInstances()) {
      chains.push(await verifyOne(store, instance, sequence));
    }
  } finally {
    await store.close();
  }
  const rows = chains.map(({ instance, events, broken }) => [instance, events, broken ?? 'intact']);
  if (options['json'] === true) io.print(JSON.stringify({ chains }));
  else io.print(table(['INSTANCE', 'EVENTS', 'CHAIN'], rows));
  if (chains.some(({ broken }) => broken !== null)) {
    throw new CliFailure(exitCodes.refused, 'The audit chain is broken: see above.');
  }
}

/** Page by page, to the last event there was when we began. */
async function verifyOne(store: Store, instance: string, last: number): Promise<CheckedChain> {
  let position = chainStart;
  while (position.sequence < last) {
    const events = await store.auditEvents(instance, position.sequence, pageEvents);
    const verdict = verifyChain(events, position);
    if (!verdict.intact) {
      const broken = `broken at ${verdict.sequence}: ${verdict.broken}`;
      return { instance, events: position.sequence, broken };
    }
    if (verdict.position.sequence === position.sequence) {
      const broken = `broken at ${position.sequence + 1}: missing`;
      return { instance, events: position.sequence, broken };
    }
    position = verdict.position;
  }
  return { instance, events: position.sequence, broken: null };
}
