import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { type DeviceEnv, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { columnNames, outputFormats, type ColumnName, type OutputFormat } from './columns.ts';
import {
  parseJson,
  readBoolean,
  readHex,
  readList,
  readMembers,
  readText,
  readWhole,
  readWord,
  ShapeError,
} from '../files/shape.ts';
import type { RunMemory } from './run.ts';

/** What stands beside an output file: where it comes from, and how far it is good. */
export interface Checkpoint {
  /** The fleet's folder or scenario. */
  readonly source: string;
  readonly digest: string;
  readonly format: OutputFormat;
  readonly columns: readonly ColumnName[];
  /** The output is good up to here. */
  readonly bytes: number;
  readonly isFinished: boolean;
  /** Null before the first row; of a finished run, only the counts are of use. */
  readonly memory: RunMemory | null;
}

const kind = 'tallystick-fleet-run';
/** 2: devices with PINs, several applications and batteries. */
const version = 2;
const fileMode = 0o600;
/** A hundred thousand tokens with all that a verifier knows of each. */
const bytesMax = 500 * 1024 * 1024;
const pathCharactersMax = 4096;
const headNames = [
  'kind',
  'version',
  'source',
  'digest',
  'format',
  'columns',
  'bytes',
  'isFinished',
  'memorySha256',
];

/** Where the checkpoint of an output file is. */
export function checkpointPath(outputPath: string): string {
  return `${outputPath}.run.json`;
}

/** Replaces the checkpoint as a whole; it is on disk afterwards. */
export async function writeCheckpoint(
  env: DeviceEnv,
  outputPath: string,
  { memory, ...head }: Checkpoint,
): Promise<void> {
  const path = checkpointPath(outputPath);
  const draftPath = `${path}.draft`;
  const body = JSON.stringify(memory);
  const line = JSON.stringify({ kind, version, ...head, memorySha256: sha256(body) });
  await env.files.remove(draftPath);
  await env.files.writeNew(draftPath, Buffer.from(`${line}\n${body}\n`), fileMode);
  await env.files.rename(draftPath, path);
  await env.files.syncFolder(dirname(path));
}

/**
 * The checkpoint of an output file, or null without one.
 *
 * @throws EmulatorError state-damaged; rejects with the system's errors
 */
export async function readCheckpoint(
  env: DeviceEnv,
  outputPath: string,
): Promise<Checkpoint | null> {
  const path = checkpointPath(outputPath);
  try {
    const text = (await env.files.read(path, bytesMax)).toString('utf8');
    const [line = '', body = ''] = text.split('\n');
    return checkpointOf(line, body);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    if (error instanceof ShapeError) {
      throw new EmulatorError('state-damaged', `${path}: ${error.message}`);
    }
    throw error;
  }
}

function checkpointOf(line: string, body: string): Checkpoint {
  const head = readMembers(parseJson(line), 'the first line', headNames);
  if (head['kind'] !== kind || head['version'] !== version) {
    throw new ShapeError(`it is no ${kind} of version ${version}`);
  }
  if (readHex(head['memorySha256'], 'memorySha256', 32) !== sha256(body)) {
    throw new ShapeError('the second line is not the one that was written');
  }
  const columns = readList(head['columns'], 'columns', 1, columnNames.length);
  return {
    source: readText(head['source'], 'source', pathCharactersMax),
    digest: readHex(head['digest'], 'digest', 32),
    format: readWord(head['format'], 'format', outputFormats),
    columns: columns.map((column) => readWord(column, 'columns', columnNames)),
    bytes: readWhole(head['bytes'], 'bytes', 0, Number.MAX_SAFE_INTEGER),
    isFinished: readBoolean(head['isFinished'], 'isFinished'),
    // Its hash says that it is what was written.
    memory: parseJson(body) as RunMemory | null,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
