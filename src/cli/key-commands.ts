import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { clientCommand, type Desk, given, group, listAll, pathOf, text } from './commands.ts';
import { CliFailure, type CliIo, usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { instantText, isExpired, table } from './table.ts';
import { expiresOption, readInstant } from './values.ts';

type Options = Readonly<Record<string, unknown>>;

/** `tallystick key ...`: who may call the server. */
export function keyCommands(io: CliIo): Command {
  return group('key', 'API keys', [
    clientCommand(io, 'list', 'all keys; never the keys themselves', async (desk) => {
      const items = await listAll(desk.client, pathOf('keys'));
      const rows = items.map((item) => [
        String(item['name']),
        String(item['role']),
        String(item['component']),
        item['domain'] as string | null,
        isExpired(item) ? 'expired' : 'active',
        instantText(item['expiresAtMs'] as number | null),
      ]);
      desk.show({ items }, table(['KEY', 'ROLE', 'COMPONENT', 'DOMAIN', 'STATE', 'EXPIRES'], rows));
    }),
    clientCommand(io, 'create <name>', 'a new key, shown once', createKey)
      .requiredOption('--role <role>', 'admin, helpdesk, auditor or client')
      .requiredOption('--component <type>', 'the component type it acts for')
      .option('--domain <name>', 'the only domain it may touch')
      .option(...expiresOption)
      .option('--out <file>', 'write the key to a new file of mode 0600 instead of the screen'),
    clientCommand(io, 'delete <name>', 'ends a key', async (desk, [name = '']) => {
      await desk.client({ method: 'DELETE', path: pathOf('keys', name) });
      desk.show({ deleted: name }, `Key ${name} deleted.`);
    }),
  ]);
}

async function createKey(
  desk: Desk,
  [name = '']: readonly string[],
  options: Options,
): Promise<void> {
  const expires = text(options, 'expires');
  const out = text(options, 'out');
  const body = given({
    name,
    role: text(options, 'role'),
    component: text(options, 'component'),
    domain: text(options, 'domain'),
    expiresAtMs: expires === undefined ? undefined : readInstant('--expires', expires),
  });
  const create = async (): Promise<Readonly<Record<string, unknown>>> =>
    (await desk.client({ method: 'POST', path: pathOf('keys'), body })).body;
  if (out === undefined) {
    const answer = await create();
    desk.show(answer, String(answer['key']));
    await warnWithoutComponent(desk, text(options, 'component') ?? '');
    return;
  }
  const { key, ...view } = await intoPrivateFile(out, create);
  desk.show({ ...view, file: out }, `Key ${name} written to ${out} (${String(key).length} bytes).`);
  await warnWithoutComponent(desk, text(options, 'component') ?? '');
}

/** Such a key is refused everywhere; a typing mistake is the likeliest reason. */
async function warnWithoutComponent(desk: Desk, type: string): Promise<void> {
  const key = type.normalize('NFC').toLowerCase();
  let components: readonly JsonRecord[];
  try {
    components = await listAll(desk.client, pathOf('components'));
  } catch (error) {
    // The key was made; whether it can be used is only a hint.
    if (error instanceof CliFailure) return;
    throw error;
  }
  if (components.some((each) => String(each['type']).toLowerCase() === key)) return;
  desk.io.say(
    `No component of type ${type} exists, so the key opens nothing yet: ` +
      `tallystick component create --type ${type} --location ... --policy ...`,
  );
}

/** The file is made before the key is, which is shown only once. */
async function intoPrivateFile(
  path: string,
  create: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<Readonly<Record<string, unknown>>> {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw usageFailure(`--out ${path} cannot be created (${code})`);
  }
  try {
    const answer = await create();
    writeSync(file, `${String(answer['key'])}\n`);
    fsyncSync(file);
    return answer;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}
