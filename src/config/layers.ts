import {
  admit,
  allowedText,
  environmentName,
  fromText,
  settingNamed,
  settings,
  type SettingValue,
} from './settings.ts';

export type Source = 'flag' | 'environment' | 'file' | 'default';

export interface SourcedValue {
  readonly value: SettingValue;
  readonly from: Source;
}

/** What was wrong with one setting, named as whoever set it knows it. */
export interface ConfigProblem {
  readonly setting: string;
  readonly message: string;
}

export interface Layers {
  /** Parsed JSON of the configuration file. */
  readonly file: unknown;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Dotted name to text. */
  readonly flags: Readonly<Record<string, string>>;
}

export interface Resolved {
  readonly values: ReadonlyMap<string, SourcedValue>;
  readonly problems: readonly ConfigProblem[];
}

/** Lays flags over the environment over the file over the defaults; names nobody knows are problems. */
export function resolveLayers(layers: Layers): Resolved {
  const values = new Map<string, SourcedValue>();
  const problems: ConfigProblem[] = [];
  for (const { name, byDefault } of settings) {
    if (byDefault !== undefined) values.set(name, { value: byDefault, from: 'default' });
  }
  const put = (name: string, shownName: string, raw: unknown, from: Source): void => {
    const setting = settingNamed(name);
    if (setting === undefined) {
      const message = 'there is no such setting' + hintFor(shownName);
      problems.push({ setting: shownName, message });
      return;
    }
    const given = from === 'file' || typeof raw !== 'string' ? raw : fromText(setting.kind, raw);
    const value = admit(setting.kind, given);
    if (value === undefined) {
      problems.push({ setting: shownName, message: `must be ${allowedText(setting.kind)}` });
      return;
    }
    values.set(name, { value, from });
  };
  for (const [name, value] of flatten(layers.file, problems)) put(name, name, value, 'file');
  for (const [variable, text] of Object.entries(layers.environment)) {
    if (text === undefined || !isSettingVariable(variable)) continue;
    put(nameByVariable.get(variable) ?? '', variable, text, 'environment');
  }
  for (const [name, text] of Object.entries(layers.flags)) put(name, name, text, 'flag');
  return { values, problems };
}

const nameByVariable = new Map(settings.map(({ name }) => [environmentName(name), name]));
const almostVariables = new Set([...nameByVariable.keys()].map(withoutSections));

/**
 * Two underscores mark a setting, and one where there should be two is a slip. Other names belong to the
 * clients (TALLYSTICK_KEY_FILE) or to whoever runs containers (TALLYSTICK_PORT of a service of that name).
 */
function isSettingVariable(variable: string): boolean {
  if (!variable.startsWith('TALLYSTICK_')) return false;
  return variable.slice('TALLYSTICK_'.length).includes('__') || almostVariables.has(variable);
}

function hintFor(variable: string): string {
  const meant = [...nameByVariable.keys()].find((one) => withoutSections(one) === variable);
  return meant === undefined ? '' : `: it is ${meant}`;
}

function withoutSections(variable: string): string {
  return variable.replaceAll('__', '_');
}

const depthMax = 3;

/** Dotted names of everything in the file that is not an object. */
function flatten(file: unknown, problems: ConfigProblem[]): readonly [string, unknown][] {
  const flat: [string, unknown][] = [];
  const walk = (value: object, prefix: string, depth: number): void => {
    for (const [member, inner] of Object.entries(value) as [string, unknown][]) {
      const name = prefix === '' ? member : `${prefix}.${member}`;
      const isSection = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
      if (isSection && depth < depthMax) walk(inner, name, depth + 1);
      else flat.push([name, inner]);
    }
  };
  if (typeof file === 'object' && file !== null && !Array.isArray(file)) walk(file, '', 1);
  else problems.push({ setting: 'the file', message: 'must hold one JSON object' });
  return flat;
}
