import { Command } from 'commander';
import {
  KeyFileError,
  type KeyFileKey,
  type KeyFileKeys,
  type PskcProtection,
  writeEntraCsv,
  writeOtpauth,
  writePskc,
  writeSerialSeedCsv,
} from '../../src/formats/index.ts';
import { checkSerial, wipeToken } from '../device/token.ts';
import { EmulatorError } from '../errors.ts';
import { nodeCiphers } from '../export/ciphers.ts';
import { writeKeyFile } from '../export/key-file.ts';
import { type KeyLabels, tokenKeys } from '../export/token-keys.ts';
import {
  type CliWorld,
  commonCommand,
  type CommonOptions,
  folderOf,
  print,
  readInput,
  type TimeOptions,
  trueMsOf,
  withTime,
} from './context.ts';
import { oneMore } from './profile.ts';
import { parseAesKey, parseUsers } from './values.ts';

interface ExportOptions extends CommonOptions, TimeOptions {
  readonly all?: true;
  readonly out: string;
  readonly plain?: true;
  readonly application?: string;
  readonly manufacturer: string;
  readonly issuer?: string;
  readonly user?: readonly string[];
}

interface PskcOptions extends ExportOptions {
  readonly keyFile?: string;
  readonly keyName: string;
  readonly keyWrap?: true;
}

type Writer = (keys: KeyFileKeys) => AsyncIterable<string>;

/** Sixty-four hex digits and a line end, with room for blanks. */
const keyFileBytesMax = 256;

/** `vtoken export` */
export function exportCommand(world: CliWorld): Command {
  const pskc = withExport('pskc', 'key container, RFC 6030: every algorithm')
    .option('--key-file <file>', 'encrypt the seeds with this AES key: 32 or 64 hex digits')
    .option('--key-name <name>', 'what both sides call that key', 'Pre-shared-key')
    .option('--key-wrap', 'AES key wrap instead of CBC with a MAC: seeds of 16, 24, 32... bytes')
    .addHelpText(
      'after',
      `
Examples:
  vtoken export pskc VT00000001 --out keys.xml --key-file transport.key
  vtoken export pskc --all --out keys.xml --plain`,
    )
    .action((serials: string[], options: PskcOptions) => runPskc(world, serials, options));
  const inTheClear = [
    ['otpauth', 'otpauth URIs, one per line: HOTP and TOTP', writeOtpauth],
    ['entra-csv', 'CSV for Entra ID: TOTP, SHA-1, 6 digits, 30 or 60 s', writeEntraCsv],
    ['csv', 'CSV with serial, seed, application, algorithm, counter', writeSerialSeedCsv],
  ] as const;
  const others = inTheClear.map(([name, summary, writer]) =>
    withExport(name, summary).action((serials: string[], options: ExportOptions) =>
      runPlain(world, serials, options, writer),
    ),
  );
  const command = new Command('export').description('write the seeds of tokens for a server');
  for (const one of [pskc, ...others]) command.addCommand(one);
  return command;
}

function withExport(name: string, summary: string): Command {
  return withTime(commonCommand(name, summary))
    .argument('[serials...]')
    .option('--all', 'every token of the folder')
    .requiredOption('--out <file>', 'a new file, of mode 0600')
    .option('--plain', 'write the seeds in the clear')
    .option('--application <name>', 'only applications of this name')
    .option('--manufacturer <name>', 'maker of the devices', 'Tallystick')
    .option('--issuer <name>', 'who gives the keys out')
    .option('--user <SERIAL=NAME>', 'who has the device; may be repeated', oneMore);
}

async function runPskc(
  world: CliWorld,
  serials: readonly string[],
  options: PskcOptions,
): Promise<void> {
  const { keyFile, keyName, plain, keyWrap } = options;
  if ((keyFile === undefined) !== (plain === true)) {
    throw invalid('say either --key-file FILE, to encrypt the seeds, or --plain');
  }
  if (keyFile === undefined) {
    if (keyWrap === true) throw invalid('--key-wrap needs --key-file');
    await writeKeys(world, serials, options, (keys) => writePskc(keys, { kind: 'plain' }));
    return;
  }
  const key = parseAesKey('--key-file', await readInput(world, keyFile, keyFileBytesMax));
  const protection: PskcProtection = {
    kind: 'pre-shared-key',
    keyName,
    key: key.exposeSecret(),
    mode: keyWrap === true ? 'key-wrap' : 'cbc',
    ciphers: nodeCiphers((length) => world.env.randomBytes(length)),
  };
  try {
    await writeKeys(world, serials, options, (keys) => writePskc(keys, protection));
  } finally {
    key.wipe();
  }
}

async function runPlain(
  world: CliWorld,
  serials: readonly string[],
  options: ExportOptions,
  writer: Writer,
): Promise<void> {
  if (options.plain !== true) {
    throw invalid('this format has the seeds in the clear: say --plain, or write PSKC');
  }
  await writeKeys(world, serials, options, writer);
}

async function writeKeys(
  world: CliWorld,
  named: readonly string[],
  options: ExportOptions,
  writer: Writer,
): Promise<void> {
  const { out, plain } = options;
  const serials = await serialsOf(world, named, options);
  const counted = { keys: 0 };
  try {
    await writeKeyFile(world.env, out, writer(keysOf(world, serials, options, counted)));
  } catch (error) {
    if (error instanceof KeyFileError) throw invalid(error.message);
    throw error;
  }
  const encrypted = plain !== true;
  print(world, options, { out, tokens: serials.length, keys: counted.keys, encrypted }, out);
  world.err(
    encrypted
      ? `${out} holds seeds, encrypted: whoever has it and the key has the tokens\n`
      : `${out} holds seeds in the clear: whoever reads it has the tokens\n`,
  );
}

async function serialsOf(
  world: CliWorld,
  named: readonly string[],
  options: ExportOptions,
): Promise<readonly string[]> {
  if ((options.all === true) === named.length > 0) {
    throw invalid('name the tokens, or say --all');
  }
  const serials = options.all === true ? await folderOf(world, options).serials() : named;
  if (serials.length === 0) throw new EmulatorError('token-unknown', 'there are no tokens');
  if (new Set(serials).size !== serials.length) throw invalid('name each token once');
  return serials.map(checkSerial);
}

/** One token at a time is in memory. */
async function* keysOf(
  world: CliWorld,
  serials: readonly string[],
  options: ExportOptions,
  counted: { keys: number },
): AsyncGenerator<KeyFileKey> {
  const { application, manufacturer, issuer, user = [] } = options;
  const trueMs = trueMsOf(world, options);
  const folder = folderOf(world, options);
  const users = parseUsers('--user', user, serials);
  for (const serial of serials) {
    const labels: KeyLabels = { manufacturer, issuer, userId: users.get(serial) };
    const { token } = await folder.read(serial);
    try {
      for (const key of tokenKeys(token, trueMs, labels)) {
        if (application !== undefined && key.applicationName !== application) continue;
        counted.keys += 1;
        yield key;
      }
    } finally {
      wipeToken(token);
    }
  }
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
