import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failureCodes, returnNames, statusNames } from '../../src/soap/codes.ts';
import { operationNames } from '../../src/soap/result-codes.ts';

const page = readFileSync(new URL('../../docs/soap.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `(\w+)` +\| ([^|]+?) +\|/gm)];

describe('the page of the SOAP interface', () => {
  it('lists every status with its number, and no others', () => {
    const listed = rows.filter(([, name = '']) => name.startsWith('STAT_'));
    expect(listed.map(([, name]) => name)).toEqual([...statusNames]);
    for (const [, name = '', number] of listed.slice(1)) {
      expect.soft(Number(number), name).toBe(failureCodes(name as 'STAT_ERROR', '').statusCode);
    }
    for (const name of returnNames) expect(page).toContain(`\`${name}\``);
  });

  it('lists every operation, and no others', () => {
    const listed = rows.filter(([, , namespace = '']) => namespace.startsWith('`...'));
    expect(listed.map(([, name]) => name)).toEqual([...operationNames]);
  });
});
