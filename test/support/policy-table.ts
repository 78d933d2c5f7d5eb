import { policyCatalogue, policySettingNames } from '../../src/domain/policy-catalogue.ts';
import type { SettingRange } from '../../src/domain/policy-setting.ts';

/** The rows of the table of settings in docs/policies.md, cells joined by one space. */
export function policyTableRows(): readonly string[] {
  return policySettingNames.map((name) => {
    const { unit, default: byDefault, range, oasField, description } = policyCatalogue[name];
    const cells = [
      `\`${name}\``,
      description,
      unit,
      rangeText(range),
      shown(byDefault),
      oasField === null ? '' : `\`${oasField}\``,
    ];
    return `| ${cells.join(' | ')} |`.replace(/ +/g, ' ');
  });
}

function rangeText(range: SettingRange): string {
  switch (range.type) {
    case 'choice':
      return range.choices.map((each) => `\`${each}\``).join(', ');
    case 'whole-number': {
      const orNull = range.nullMeans === undefined ? '' : `, or \`null\`: ${range.nullMeans}`;
      return `${range.min} to ${range.max}${orNull}`;
    }
    case 'boolean':
      return '`true`, `false`';
    case 'names':
      return `list of ${range.of} names, ${range.maxEntries} at most`;
    case 'text': {
      const holding = range.mustHold === undefined ? '' : `, with \`${range.mustHold}\` in it`;
      return `text of at most ${range.charactersMax} characters${holding}`;
    }
  }
}

function shown(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}
