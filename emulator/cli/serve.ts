import type { Command } from 'commander';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  portsOf,
  print,
} from './context.ts';
import { inboxFileOf } from './inbox-file.ts';
import { parseRange } from './values.ts';
import { loopbackHost } from '../inbox/loopback.ts';
import { startPage } from '../page/server.ts';

interface ServeOptions extends CommonOptions {
  readonly port: string;
  readonly inbox?: string;
}

const portDefault = '2590';
const portMax = 65_535;

/** `vtoken serve` */
export function servePageCommand(world: CliWorld): Command {
  return commonCommand('serve', 'show the tokens of the folder in a browser, on this machine only')
    .option('--port <port>', 'port of the page, 0 for any', portDefault)
    .option(
      '--inbox <file>',
      'file of the inbox (default: inbox.jsonl in the folder of the tokens)',
    )
    .addHelpText(
      'after',
      `
Prints an address to be opened in a browser, with the key of this start: who has it can press every
token of the folder. Listens on ${loopbackHost} until SIGTERM or Ctrl-C.

Examples:
  vtoken serve
  vtoken serve --port 0 --json`,
    )
    .action((options: ServeOptions) => runServe(world, options));
}

async function runServe(world: CliWorld, options: ServeOptions): Promise<void> {
  const port = parseRange('--port', options.port, 0, portMax);
  const { dir, inbox: file } = options;
  const { file: inbox } = inboxFileOf(world, {
    ...(dir === undefined ? {} : { dir }),
    ...(file === undefined ? {} : { file }),
  });
  // A signal may come as soon as somebody has read where the page is.
  const stopped = world.untilStopped();
  const page = await startPage({
    port,
    folder: folderOf(world, options),
    inbox,
    env: world.env,
    ports: portsOf(world),
    onUnexpectedError: (error) => {
      const message = error instanceof Error ? error.message : 'unknown';
      world.err(`vtoken: internal error, please report it: ${message}\n`);
    },
  });
  print(world, options, { host: loopbackHost, port: page.port, url: page.url }, `open ${page.url}`);
  await stopped;
  await page.close();
}
