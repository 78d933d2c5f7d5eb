import type { Command } from 'commander';
import { clientCommand, command, type Desk, group, pathOf, text } from './commands.ts';
import type { CliIo } from './io.ts';
import { configFile } from './local-config.ts';
import type { JsonRecord } from './rest-client.ts';
import { facts, instantText, table } from './table.ts';

type Options = Readonly<Record<string, unknown>>;

/** `tallystick audit ...` and `status`: what happened, and what is. */
export function auditCommands(io: CliIo): readonly Command[] {
  return [
    group('audit', 'the chain of events', [
      clientCommand(io, 'list', 'events in their order', listEvents)
        .option('--instance <name>', "another server's chain")
        .option('--after <sequence>', 'only later ones, default 0')
        .option('--limit <number>', 'at most so many, 1 to 1000, default 100')
        .option('--newest <number>', 'the last ones instead, 1 to 1000'),
      configFile(
        command(
          io,
          'verify',
          'checks every link of every chain in the database',
          async (_args, options) => {
            const { verifyChains } = await import('./verify-chains.ts');
            await verifyChains(io, options);
          },
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
      newest: text(options, 'newest'),
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
  const { next } = body as { next?: string | null };
  if (typeof next === 'string') {
    desk.io.say(`There may be more: --after ${next} goes on, --newest 100 shows the last ones.`);
  }
}
