import type { Command } from 'commander';
import { clientCommand, type Desk, pathOf, text } from './commands.ts';
import { CliFailure, type CliIo, usageFailure } from './io.ts';
import { fromText } from './policy-explanation.ts';
import type { JsonRecord } from './rest-client.ts';
import { cellText, table } from './table.ts';
import { readPolicySetting } from './values.ts';

type Options = Readonly<Record<string, unknown>>;

/** Settings in force by their names, as the interface shows them. */
export type EffectiveSettings = Readonly<
  Record<string, { readonly value: unknown; readonly from: string; readonly unit: string }>
>;

const basePolicy = 'Base Policy';

/** `tallystick policy set`: creates or changes a policy, and says what that made different. */
export function setPolicyCommand(io: CliIo): Command {
  const meaning = 'creates or changes a policy, and says what is different';
  return clientCommand(io, 'set <name> [setting=value...]', meaning, setPolicy)
    .option('--parent <name>', `inherit from this policy; for a new one default ${basePolicy}`)
    .addHelpText('after', '\nAn empty value inherits again: tallystick policy set Office x=');
}

/** The settings of an answer that has them in force. */
export function effectiveSettings(body: JsonRecord): EffectiveSettings {
  return body['settings'] as EffectiveSettings;
}

async function setPolicy(
  desk: Desk,
  [name = '', ...words]: readonly string[],
  options: Options,
): Promise<void> {
  const typed = readSettings(words);
  const path = pathOf('policies', name);
  const current = await foundOrNull(() => currentPolicy(desk, path));
  const parent = text(options, 'parent') ?? (current === null ? basePolicy : current.parent);
  // What a new policy inherits is what it is compared with.
  const like = current === null ? String(parent) : name;
  const before = await foundOrNull(async () => {
    const effective = pathOf('policies', like, 'effective');
    return effectiveSettings((await desk.client({ method: 'GET', path: effective })).body);
  });
  if (before !== null) refuseUnknownResets(typed, before);
  const { body } = await desk.client({
    method: 'PUT',
    path,
    body: { parent, settings: merged(current?.settings ?? {}, typed) },
    // Nobody else's change may be lost between reading and writing.
    ...(current === null ? {} : { headers: { 'If-Match': current.etag } }),
  });
  const done = current === null ? `created below ${String(parent)}` : 'changed';
  const rows = changedRows(typed, before ?? {}, effectiveSettings(body));
  desk.show(body, savedText(String(body['name']), done, rows));
}

function merged(settings: JsonRecord, typed: ReadonlyMap<string, unknown>): object {
  const all = { ...settings, ...Object.fromEntries(typed) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function savedText(name: string, done: string, rows: readonly (readonly string[])[]): string {
  const isSame = rows.length === 0;
  const blocks = [
    cellText(`Policy ${name} ${done}${isSame ? '; no setting is different' : ''}.`),
    ...(isSame ? [] : [table(['SETTING', 'CHANGE', 'UNIT', 'FROM'], rows)]),
    cellText(`All settings, and what they cost: tallystick policy effective ${quoted(name)}`),
  ];
  return blocks.join('\n\n');
}

/** @throws CliFailure for a setting that is named twice: one of the two would be lost */
function readSettings(words: readonly string[]): ReadonlyMap<string, unknown> {
  const typed = new Map<string, unknown>();
  for (const [setting, value] of words.map(readPolicySetting)) {
    if (typed.has(setting)) throw usageFailure(`${setting} is set twice; give it one value`);
    typed.set(setting, value);
  }
  return typed;
}

/** The server never sees what is only left out. @throws CliFailure */
function refuseUnknownResets(typed: ReadonlyMap<string, unknown>, known: EffectiveSettings): void {
  for (const [setting, value] of typed) {
    if (value !== undefined || Object.hasOwn(known, setting)) continue;
    throw usageFailure(`there is no setting ${setting}; tallystick policy effective lists them`);
  }
}

interface CurrentPolicy {
  readonly parent: string | null;
  readonly settings: JsonRecord;
  readonly etag: string;
}

async function currentPolicy(desk: Desk, path: string): Promise<CurrentPolicy> {
  const { body, etag } = await desk.client({ method: 'GET', path });
  const { parent, settings } = body as { parent: string | null; settings: JsonRecord };
  return { parent, settings, etag: etag ?? '*' };
}

async function foundOrNull<Found>(find: () => Promise<Found>): Promise<Found | null> {
  try {
    return await find();
  } catch (error) {
    const isMissing =
      error instanceof CliFailure &&
      (error.document as { code?: string } | undefined)?.code === 'not-found';
    if (isMissing) return null;
    throw error;
  }
}

/** What was typed, and what a change of the parent brought with it, in the order of the settings. */
function changedRows(
  typed: ReadonlyMap<string, unknown>,
  before: EffectiveSettings,
  after: EffectiveSettings,
): readonly (readonly string[])[] {
  return Object.entries(after).flatMap(([setting, { value, from, unit }]) => {
    const now = JSON.stringify(value);
    const was = before[setting] === undefined ? null : JSON.stringify(before[setting].value);
    const isReset = typed.has(setting) && typed.get(setting) === undefined;
    if (!typed.has(setting) && was === now) return [];
    return [[setting, changeText(was, now, isReset), unit, fromText(from)]];
  });
}

function changeText(was: string | null, now: string, isReset: boolean): string {
  const isSame = was === now || was === null;
  if (isReset) return `reset to inherited: ${now}${isSame ? '' : ` (was ${was})`}`;
  return isSame ? `${now}, as before` : `${was} -> ${now}`;
}

/** A name as a shell takes it. */
function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
