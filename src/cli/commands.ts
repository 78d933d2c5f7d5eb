import { Command, Option } from 'commander';
import { type CliIo, report } from './io.ts';
import { type Client, createClient, type JsonRecord } from './rest-client.ts';

/** What every command that talks to a server gets. */
export interface Desk {
  readonly io: CliIo;
  readonly client: Client;
  /** Prints the document with `--json`, otherwise the text. */
  readonly show: (document: object, text: string) => void;
}

type Options = Readonly<Record<string, unknown>>;

/** The named option's text. */
export function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * A command that opens no server, module or database by itself. Errors end it with their exit code
 * and without a stack.
 */
export function command(
  io: CliIo,
  signature: string,
  description: string,
  run: (args: readonly string[], options: Options) => Promise<void> | void,
): Command {
  const made = new Command(signature.split(' ', 1)[0] ?? '')
    .description(description)
    .option('--json', 'print JSON');
  const rest = signature.split(' ').slice(1);
  for (const argument of rest) made.argument(argument);
  made.action(async (...given: unknown[]) => {
    const options = made.opts<Options>();
    const args = given.slice(0, rest.length).flat() as string[];
    try {
      await run(args, options);
    } catch (error) {
      report(io, error, options['json'] === true);
    }
  });
  return made;
}

/** A command that is a client of the REST interface. */
export function clientCommand(
  io: CliIo,
  signature: string,
  description: string,
  run: (desk: Desk, args: readonly string[], options: Options) => Promise<void>,
): Command {
  const made = command(io, signature, description, (args, options) =>
    run(openDesk(io, options), args, options),
  );
  return made
    .addOption(new Option('--server <url>', 'where the server is (or TALLYSTICK_SERVER)'))
    .addOption(new Option('--key-file <file>', 'API key, mode 0600 (or TALLYSTICK_KEY_FILE)'))
    .addOption(new Option('--force-plain', 'send the key over plain http beyond this machine'));
}

function openDesk(io: CliIo, options: Options): Desk {
  const asJson = options['json'] === true;
  return {
    io,
    client: createClient(io, options),
    show: (document, shown) => io.print(asJson ? JSON.stringify(document) : shown),
  };
}

/** A group of commands under one word. */
export function group(name: string, description: string, commands: readonly Command[]): Command {
  const made = new Command(name).description(description);
  for (const each of commands) made.addCommand(each);
  return made;
}

/** The pages of a list, in their order. */
export async function* pagesOf(
  client: Client,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): AsyncGenerator<JsonRecord> {
  let after: string | undefined;
  for (;;) {
    const { body } = await client({ method: 'GET', path, query: { ...query, after } });
    yield body;
    const { next } = body as { next?: string | null };
    if (next === null || next === undefined) return;
    after = next;
  }
}

/** All items of a list. */
export async function listAll(
  client: Client,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<readonly JsonRecord[]> {
  const items: JsonRecord[] = [];
  for await (const page of pagesOf(client, path, query)) {
    items.push(...(page['items'] as readonly JsonRecord[]));
  }
  return items;
}

/** A path from parts, each encoded. */
export function pathOf(...parts: readonly string[]): string {
  return `/v1/${parts.map(encodeURIComponent).join('/')}`;
}

/** Members that were given, without those that were not. */
export function given(
  members: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
