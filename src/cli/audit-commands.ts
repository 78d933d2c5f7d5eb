import type { Command } from 'commander';
import { clientCommand, command, type Desk, group, pathOf, text } from './commands.ts';
import { CliFailure, type CliIo } from './io.ts';
import { exitCodes } from './exit-codes.ts';
import { configFile, openConfig } from './local-config.ts';
import type { JsonRecord } from './rest-client.ts';
import { facts, instantText, table } from './table.ts';
import { auditChain, chainStart, type ChainVerdict, verifyChain } from '../audit/index.ts';
import { databaseLocation, systemClock } from '../main.ts';
import type { Store } from '../service/store.ts';
import { openStore } from '../store/index.ts';

type Options = Readonly<Record<string, unknown>>;

/** `tallystick audit ...` and `status`: what happened, and what is. */
export function auditCommands(io: CliIo): readonly Command[] {
  return [
    group('audit', 'the chain of events', [
      clientCommand(io, 'list', 'events in their order', listEvents)
        .option('--instance <name>', "another server's chain")
        .option('--after <sequence>', 'only later ones', '0')
        .option('--limit <number>', 'at most so many, 1 to 1000', '100'),
      configFile(
        command(
          io,
          'verify',
          'checks every link of every chain in the database',
          (_args, options) => verifyChains(io, options),
        ),
      ),
    ]),
    clientCommand(io, 'status', 'the state of the server', async (desk) => {
      const { body } = await desk.client({ method: 'GET', path: pathOf('status') });
      const module = body['module'] as JsonRecord;
      const store = body['store'] as string | { code: string; message: string };
      const shown = facts([
        ['instance', String(body['instance'])],
        ['started', instantText(body['startedAtMs'] as number)],
        ['database', typeof store === 'string' ? store : `${store.code}: ${store.message}`],
        ['module', String(module['state'])],
        ['reason', String(module['reason'])],
        ['p11Token', `${String(module['p11TokenLabel'])} (${String(module['model'])})`],
        ['residency of new seeds', String(module['residency'])],
        ['resident seeds', Number(module['residentSeeds'])],
        ['MACs computed', Number(module['macsComputed'])],
      ]);
      desk.show(body, shown);
    }),
  ];
}

async function listEvents(desk: Desk, _args: unknown, options: Options): Promise<void> {
  const { body } = await desk.client({
    method: 'GET',
    path: pathOf('audit'),
    query: {
      instance: text(options, 'instance'),
      after: text(options, 'after'),
      limit: text(options, 'limit'),
    },
  });
  const rows = (body['items'] as readonly JsonRecord[]).map((item) => {
    const event = JSON.parse(String(item['body'])) as JsonRecord;
    return [
      Number(item['sequence']),
      instantText(event['atMs'] as number),
      String(event['action']),
      String(event['outcome']),
      String(event['subject']),
      String(event['actor']),
    ];
  });
  const heading = ['SEQUENCE', 'AT', 'ACTION', 'OUTCOME', 'SUBJECT', 'ACTOR'];
  desk.show(body, table(heading, rows));
}

const pageEvents = 1000;

interface CheckedChain {
  readonly instance: string;
  readonly events: number;
  readonly broken: string | null;
}

async function verifyChains(io: CliIo, options: Options): Promise<void> {
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
    const verdict: ChainVerdict = verifyChain(events, position);
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
