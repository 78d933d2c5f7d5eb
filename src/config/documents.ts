import type { ParsedConfig } from './config.ts';
import type { Source } from './layers.ts';
import { allowedText, environmentName, type Setting, settings } from './settings.ts';

/** One setting as `config show` lists it. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string | number | boolean | null;
  readonly from: Source | 'unset';
}

/** Every setting with its value and source; secrets are masked. */
export function shownSettings({ values }: ParsedConfig): readonly ShownSetting[] {
  return settings.map(({ name, isSecret }) => {
    const found = values.get(name);
    if (found === undefined) return { name, value: null, from: 'unset' };
    return { name, value: isSecret === true ? '[masked]' : found.value, from: found.from };
  });
}

type SchemaNode = Record<string, unknown> & { properties?: Record<string, SchemaNode> };

/** JSON Schema (2020-12) of the configuration file. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const root: SchemaNode = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'tallystick.json',
    type: 'object',
    additionalProperties: false,
    properties: {},
  };
  for (const setting of settings) {
    const parts = setting.name.split('.');
    const last = parts.pop() ?? '';
    let node = root;
    for (const part of parts) {
      const properties = (node.properties ??= {});
      node = properties[part] ??= { type: 'object', additionalProperties: false, properties: {} };
    }
    (node.properties ??= {})[last] = settingSchema(setting);
  }
  return root;
}

function settingSchema({ name, kind, byDefault, unit, meaning }: Setting): SchemaNode {
  const described = {
    description: `${meaning}${unit === '' ? '' : ` Unit: ${unit}.`} Environment: ${environmentName(name)}.`,
    ...(byDefault === undefined ? {} : { default: byDefault }),
  };
  switch (kind.type) {
    case 'integer':
      return { type: 'integer', minimum: kind.least, maximum: kind.most, ...described };
    case 'choice':
      return { enum: [...kind.choices], ...described };
    case 'boolean':
      return { type: 'boolean', ...described };
    case 'text':
    case 'path':
      return { type: 'string', ...described };
  }
}

/** The table of docs/configuration.md, one line per setting. */
export function settingsTable(): string {
  const rows = settings.map(({ name, kind, byDefault, unit, meaning }) => {
    const value = byDefault === undefined ? '' : `\`${String(byDefault)}\``;
    return `| \`${name}\` | ${allowedText(kind)} | ${unit} | ${value} | ${meaning} |`;
  });
  return [
    '| Setting | Allowed | Unit | Default | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
