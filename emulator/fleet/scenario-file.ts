import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { EmulatorError } from '../errors.ts';
import { checkScenario } from './check.ts';
import type { Scenario, ScenarioProblem } from './scenario.ts';
import { shapeOf } from './scenario-schema.ts';

/** More than any scenario needs. */
export const scenarioBytesMax: number = 1024 * 1024;
const depthMax = 12;
const problemsMax = 20;

interface Place {
  readonly offset: number;
  readonly message: string;
}

/**
 * Reads a scenario, YAML 1.2 or JSON. YAML's anchors, aliases and tags are refused: a scenario needs
 * none, and a few lines of them can stand for more than fits in memory.
 *
 * @param name how to call the file in messages
 * @throws EmulatorError input-invalid with a line `NAME:LINE:COLUMN: what is wrong` for each problem,
 *   20 at most
 */
export function readScenario(bytes: Uint8Array, name: string): Scenario {
  if (bytes.length > scenarioBytesMax) {
    throw invalid(`${name}: a scenario has at most ${scenarioBytesMax} bytes`);
  }
  const text = decoded(bytes, name);
  const lines = new LineCounter();
  const document = parsed(text, name, lines);
  const fail = (places: readonly Place[]): never => {
    throw invalid(messageOf(name, lines, places));
  };
  const broken = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    offset: pos[0],
    message: `no YAML or JSON: ${firstLine(message)}`,
  }));
  if (broken.length > 0) return fail(broken);
  const forbidden = forbiddenIn(document);
  if (forbidden.length > 0) return fail(forbidden);
  const { scenario, problems, parts } = shapeOf(document.toJS({ maxAliasCount: 0 }));
  const all = [...problems, ...checkScenario(parts)];
  if (scenario === null || all.length > 0) return fail(all.map((one) => placeOf(document, one)));
  return scenario;
}

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(`${name}: a scenario is text in UTF-8`);
  }
}

function parsed(text: string, name: string, lineCounter: LineCounter): Document.Parsed {
  if (isTooDeep(text)) throw tooDeep(name);
  try {
    return parseDocument(text, {
      lineCounter,
      schema: 'core',
      version: '1.2',
      stringKeys: true,
      uniqueKeys: true,
      prettyErrors: false,
      merge: false,
    });
  } catch (error) {
    // What the count of brackets and blanks does not see ends at the engine's own limit.
    if (error instanceof RangeError) throw tooDeep(name);
    throw error;
  }
}

/** Before parsing, which would take time and stack for every level. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  // Brackets in texts count as well: no scenario has so many.
  for (const character of text) {
    if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > 4 * depthMax) return true;
  }
  return /^ *(?:[-?] +){13}|^ {100}/m.test(text);
}

function forbiddenIn(document: Document.Parsed): readonly Place[] {
  const places: Place[] = [];
  visit(document, {
    Node(_key, node, path) {
      const offset = offsetOf(node);
      if (isAlias(node) || node.anchor !== undefined) {
        places.push({ offset, message: 'anchors and aliases are not allowed: write it out' });
      } else if (node.tag !== undefined) {
        places.push({ offset, message: 'tags are not allowed: leave the ! out' });
      } else if (path.length > 2 * depthMax) {
        places.push({ offset, message: `nested more than ${depthMax} deep` });
        return visit.BREAK;
      }
      return places.length < problemsMax ? undefined : visit.BREAK;
    },
  });
  return places;
}

/** Where a problem is: at the member, at its name, or at whatever holds it where it is missing. */
function placeOf(document: Document.Parsed, { path, message, isName }: ScenarioProblem): Place {
  let node: unknown = document.contents;
  let offset = isNode(node) ? offsetOf(node) : 0;
  path.forEach((key, index) => {
    if (!isCollection(node)) return;
    const isLast = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair !== undefined && isNode(pair.key)) offset = offsetOf(pair.key);
      node = pair?.value;
      if (isLast && isName === true) return;
    } else {
      node = node.get(key, true);
    }
    if (isNode(node)) offset = offsetOf(node);
  });
  const where = pathText(path);
  return { offset, message: where === '' ? message : `${where} ${message}` };
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** `tokens[0].profile`. */
function pathText(path: ScenarioProblem['path']): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key.slice(0, 64)}`))
    .join('')
    .replace(/^\./, '');
}

function messageOf(name: string, lines: LineCounter, places: readonly Place[]): string {
  const sorted = places.toSorted((one, other) => one.offset - other.offset);
  const all = sorted.map(({ offset, message }) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}: ${message}`;
  });
  // A value may break several rules that one sentence tells: no whole number, and too large.
  const different = [...new Set(all)];
  const shown = different.slice(0, problemsMax);
  const more = different.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function tooDeep(name: string): EmulatorError {
  return invalid(`${name}: a scenario is nested at most ${depthMax} deep`);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError('input-invalid', message);
}
