import { CliFailure, type CliIo } from './io.ts';
import { exitCodes } from './exit-codes.ts';
import { openConfig } from './local-config.ts';
import { table } from './table.ts';
import { auditChain, chainStart, verifyChain } from '../audit/index.ts';
import { databaseLocation, systemClock } from '../main.ts';
import type { AuditEvent, Store } from '../service/store.ts';
import { openStore } from '../store/index.ts';

const pageEvents = 1000;
const installationAction = 'installation.init';

interface CheckedChain {
  readonly instance: string;
  readonly events: number;
  /** Whether the event with which an installation begins is in it. */
  readonly hasInstallation: boolean;
  readonly broken: string | null;
}

/**
 * Checks every link of every chain in the database; reads beside a running server.
 *
 * @throws CliFailure when a link is broken, after the table that shows where, and when the event is
 *   missing that every installation begins with: then a whole chain was removed
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
  const isBroken = chains.some(({ broken }) => broken !== null);
  const isInstalled = chains.some(({ hasInstallation }) => hasInstallation);
  const shown = chains.map(({ instance, events, broken }) => ({ instance, events, broken }));
  const intact = isInstalled && !isBroken;
  if (options['json'] === true) io.print(JSON.stringify({ intact, chains: shown }));
  else io.print(table(['INSTANCE', 'EVENTS', 'CHAIN'], rows));
  if (isBroken) throw new CliFailure(exitCodes.refused, 'The audit chain is broken: see above.');
  if (isInstalled) return;
  throw new CliFailure(
    exitCodes.refused,
    `The audit is not intact: no chain has the event ${installationAction}, with which every ` +
      'installation begins.',
  );
}

/** Page by page, to the last event there was when we began. */
async function verifyOne(store: Store, instance: string, last: number): Promise<CheckedChain> {
  let position = chainStart;
  let hasInstallation = false;
  while (position.sequence < last) {
    const events = await store.auditEvents(instance, position.sequence, pageEvents);
    hasInstallation ||= events.some(isInstallation);
    const verdict = verifyChain(events, position);
    if (!verdict.intact) {
      const broken = `broken at ${verdict.sequence}: ${verdict.broken}`;
      return { instance, events: position.sequence, hasInstallation, broken };
    }
    if (verdict.position.sequence === position.sequence) {
      const broken = `broken at ${position.sequence + 1}: missing`;
      return { instance, events: position.sequence, hasInstallation, broken };
    }
    position = verdict.position;
  }
  return { instance, events: position.sequence, hasInstallation, broken: null };
}

/** By its beginning of the canonical text, which starts with the action. */
function isInstallation({ body }: AuditEvent): boolean {
  return body.startsWith(`{"action":${JSON.stringify(installationAction)},`);
}
