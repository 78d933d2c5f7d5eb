import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { predefinedPolicies } from '../../src/domain/policy.ts';
import { policyTableRows } from '../support/policy-table.ts';

const page = readFileSync(new URL('../../docs/policies.md', import.meta.url), 'utf8');
const rowsOnPage = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.replace(/ +/g, ' '));

it('documents every setting as the catalogue has it, and no other', () => {
  expect(rowsOnPage).toEqual(policyTableRows());
});

it('names the predefined policies and what each of them sets', () => {
  for (const { name, settings } of predefinedPolicies()) {
    expect(page).toContain(`**${name}**`);
    for (const [setting, value] of Object.entries(settings)) {
      expect(page).toContain(`\`${setting}\` ${JSON.stringify(value).replaceAll('"', '')}`);
    }
  }
});
