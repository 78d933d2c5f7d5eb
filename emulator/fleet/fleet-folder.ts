import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { OathError } from '../../src/oath/index.ts';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { parseJson, readMembers, ShapeError } from '../files/shape.ts';
import { storageError } from '../files/state-file.ts';
import { type DrawnToken, drawTokens } from './draw.ts';
import type { Scenario } from './scenario.ts';
import { tokensMax } from './scenario-schema.ts';
import { readScenario, scenarioBytesMax } from './scenario-file.ts';
import { readTokenLine, tokenLine } from './token-line.ts';

/** A scenario with its tokens, from wherever it was read. */
export interface Fleet {
  readonly scenario: Scenario;
  readonly tokens: readonly DrawnToken[];
  /** Hex; equal for equal fleets. */
  readonly digest: string;
}

const format = 'tallystick-fleet';
const version = 1;
const folderMode = 0o700;
const fileMode = 0o600;
/** Room for 256 changes of a clock. */
const lineCharactersMax = 64 * 1024;
const headBytesMax = 4096;

const files = { head: 'fleet.json', scenario: 'scenario.yaml', tokens: 'tokens.jsonl' } as const;

/**
 * Reads a fleet: a folder that `createFleet` made, or a scenario whose tokens are then drawn.
 *
 * @throws EmulatorError input-invalid for what is wrong with it, storage-failed with the reason
 */
export async function readFleet(env: DeviceEnv, path: string): Promise<Fleet> {
  try {
    const head = await readHead(env, path);
    if (head !== null) return await readFolder(env, path, head);
    const scenario = readScenario(await env.files.read(path, scenarioBytesMax), path);
    return fleetOf(scenario, [...drawTokens(scenario)]);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EISDIR')
      throw invalid(`${path} is a folder without a fleet: ${files.head} is missing`);
    if (code === 'ENOENT') throw invalid(`${path} does not exist`);
    if (code === 'EFBIG')
      throw invalid(`${path}: a scenario has at most ${scenarioBytesMax} bytes`);
    throw storageError(error, path);
  }
}

/** A fleet of what is in memory. */
export function fleetOf(scenario: Scenario, tokens: readonly DrawnToken[]): Fleet {
  const hash = createHash('sha256').update(JSON.stringify(scenario));
  for (const token of tokens) hash.update(tokenLine(token)).update('\n');
  return { scenario, tokens, digest: hash.digest('hex') };
}

/**
 * Draws the tokens of a scenario and writes them down with everything that was drawn, in a new folder
 * of mode 0700: `scenario.yaml`, `tokens.jsonl`, and last `fleet.json`, without which it is no fleet.
 *
 * @throws EmulatorError input-invalid if the folder has something in it, storage-failed
 */
export async function createFleet(
  env: DeviceEnv,
  scenarioPath: string,
  folder: string,
): Promise<Fleet> {
  try {
    const bytes = await env.files.read(scenarioPath, scenarioBytesMax);
    const scenario = readScenario(bytes, scenarioPath);
    await env.files.makeFolder(folder, folderMode);
    const names = await env.files.list(folder);
    if (names.length > 0) throw invalid(fullFolderText(folder, names));
    const tokens = [...drawTokens(scenario)];
    await env.files.writeNew(join(folder, files.scenario), bytes, fileMode);
    await env.files.writeNewFrom(join(folder, files.tokens), linesOf(tokens), fileMode);
    const head = `${JSON.stringify({ format, version, tokens: tokens.length })}\n`;
    await env.files.writeNew(join(folder, files.head), Buffer.from(head), fileMode);
    await env.files.syncFolder(folder);
    return fleetOf(scenario, tokens);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') throw invalid(`${scenarioPath} does not exist`);
    if (code === 'EISDIR') throw invalid(`${scenarioPath} is a folder: name a scenario file`);
    if (code === 'EFBIG') {
      throw invalid(`${scenarioPath}: a scenario has at most ${scenarioBytesMax} bytes`);
    }
    throw storageError(error, folder);
  }
}

/** @param names of what is in the folder */
function fullFolderText(folder: string, names: readonly string[]): string {
  const isRest = names.every((name) => [files.scenario, files.tokens].some((one) => name === one));
  return isRest
    ? `${folder} has what an interrupted "fleet create" left behind: remove it, or name a new folder`
    : `${folder} is not empty: name a new folder`;
}

// eslint-disable-next-line @typescript-eslint/require-await -- files are written from what may be read elsewhere
async function* linesOf(tokens: readonly DrawnToken[]): AsyncGenerator<string> {
  for (const token of tokens) yield `${tokenLine(token)}\n`;
}

/** @returns how many tokens there are, or null where this is no folder with a fleet */
async function readHead(env: DeviceEnv, path: string): Promise<number | null> {
  const headPath = join(path, files.head);
  if (!(await env.files.exists(headPath))) return null;
  try {
    const bytes = await env.files.read(headPath, headBytesMax);
    const names = ['format', 'version', 'tokens'];
    const head = readMembers(parseJson(bytes.toString('utf8')), 'the file', names);
    const { tokens } = head;
    const isKnown = head['format'] === format && head['version'] === version;
    if (isKnown && typeof tokens === 'number' && tokens >= 1 && tokens <= tokensMax) return tokens;
    throw new ShapeError(`it is no ${format} of version ${version}`);
  } catch (error) {
    if (error instanceof ShapeError) throw damaged(headPath, error.message);
    throw error;
  }
}

async function readFolder(env: DeviceEnv, folder: string, count: number): Promise<Fleet> {
  const scenarioPath = join(folder, files.scenario);
  const scenario = readScenario(await env.files.read(scenarioPath, scenarioBytesMax), scenarioPath);
  const tokensPath = join(folder, files.tokens);
  const tokens: DrawnToken[] = [];
  const serials = new Set<string>();
  for await (const line of readLines(env, tokensPath)) {
    const where = `${tokensPath}:${tokens.length + 1}`;
    const token = readChecked(line, where);
    if (serials.has(token.serial)) throw damaged(where, `${token.serial} is there twice`);
    if (token.behaviour !== null && !Object.hasOwn(scenario.behaviours, token.behaviour)) {
      throw damaged(where, `behaviour is none of ${basename(scenarioPath)}`);
    }
    serials.add(token.serial);
    tokens.push(token);
  }
  if (tokens.length !== count) {
    throw damaged(tokensPath, `it has ${tokens.length} tokens, and ${files.head} says ${count}`);
  }
  return fleetOf(scenario, tokens);
}

function readChecked(line: string, where: string): DrawnToken {
  try {
    return readTokenLine(line);
  } catch (error) {
    const isExpected =
      error instanceof ShapeError || error instanceof OathError || error instanceof EmulatorError;
    throw isExpected ? damaged(where, error.message) : error;
  }
}

/** Lines without their ends, one at a time. */
async function* readLines(env: DeviceEnv, path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of env.files.readPieces(path)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineCharactersMax) throw damaged(path, 'a line is too long');
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function damaged(where: string, message: string): EmulatorError {
  return new EmulatorError('state-damaged', `${where}: ${message}`);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
