import { accessSync, constants, existsSync, readFileSync, type Stats, statSync } from 'node:fs';
import { type Config, invalidConfig, parseConfig, type ParsedConfig } from './config.ts';
import type { Layers } from './layers.ts';
import { TallystickError } from '../errors.ts';

const fileBytesMax = 1_048_576;

/**
 * Reads the configuration file and lays environment and flags over it.
 *
 * @throws TallystickError `not-initialised` when there is no such file, `config-invalid` naming the
 *   file and every problem in it
 */
export function loadConfig(
  configFile: string,
  over: Pick<Layers, 'environment' | 'flags'>,
): ParsedConfig {
  if (!existsSync(configFile)) {
    throw new TallystickError(
      'not-initialised',
      `there is no configuration at ${configFile}: "tallystick init --var FOLDER" makes one`,
    );
  }
  const text = readText(configFile, 'the configuration');
  let file: unknown;
  try {
    file = JSON.parse(text) as unknown;
  } catch (error) {
    // The engine's text quotes the file, which may hold a password: only the place is repeated.
    const place = /position \d+/.exec((error as SyntaxError).message)?.[0] ?? 'its end';
    throw invalidConfig(configFile, [
      { setting: 'the file', message: `is not JSON, see ${place}` },
    ]);
  }
  return parseConfig(configFile, { file, ...over });
}

/**
 * The PostgreSQL address, from its file when the configuration names one.
 *
 * @throws TallystickError `config-invalid` when others may read the file
 */
export function connectionStringOf(
  database: Extract<Config['database'], { kind: 'postgres' }>,
): string {
  if ('text' in database.address) return database.address.text;
  return readSecretFile(database.address.file, 'the PostgreSQL address');
}

/**
 * One line of text from a file that only its owner may read.
 *
 * @throws TallystickError `config-invalid` naming the file and what is wrong with it
 */
export function readSecretFile(path: string, what: string): string {
  const text = readText(path, what).trim();
  requirePrivateFile(path, what);
  if (text === '' || text.includes('\n')) {
    throw new TallystickError('config-invalid', `${path} (${what}) must hold exactly one line`);
  }
  return text;
}

/**
 * @throws TallystickError `config-invalid` unless the file exists and only its owner may read it
 */
export function requirePrivateFile(path: string, what: string): void {
  const { mode } = statOf(path, what);
  if ((mode & 0o077) === 0) return;
  throw new TallystickError(
    'config-invalid',
    `${path} (${what}) may be read by others: chmod 600 ${path}`,
  );
}

/**
 * @throws TallystickError `config-invalid` unless it is a folder in which this process may write and
 *   nobody else: whoever may could put a file of his own in place of ours
 */
export function requireOwnFolder(path: string, what: string): void {
  const status = statOf(path, what);
  if (!status.isDirectory()) {
    throw new TallystickError('config-invalid', `${path} (${what}) is not a folder`);
  }
  if ((status.mode & 0o022) !== 0) {
    throw new TallystickError(
      'config-invalid',
      `${path} (${what}) may be written by others: chmod go-w ${path}`,
    );
  }
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const reason = `cannot be written by this server (${code})`;
    throw new TallystickError('config-invalid', `${path} (${what}) ${reason}`, { cause: error });
  }
}

/**
 * The text of a small file.
 *
 * @throws TallystickError `config-invalid` naming the file and what it was to hold
 */
export function readText(path: string, what: string): string {
  if (statOf(path, what).size > fileBytesMax) {
    throw new TallystickError('config-invalid', `${path} (${what}) is larger than 1 MiB`);
  }
  return orSay(path, what, () => readFileSync(path, 'utf8'));
}

function statOf(path: string, what: string): Stats {
  return orSay(path, what, () => statSync(path));
}

function orSay<Result>(path: string, what: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new TallystickError('config-invalid', `${path} (${what}) ${reason}`, { cause: error });
  }
}
