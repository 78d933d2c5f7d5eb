import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { figures } from '../../scripts/plots.ts';
import { root } from './files.ts';

it('the figures of the documentation are those that the code draws', () => {
  const drawn = figures();
  expect(readdirSync(`${root}docs/images`).sort()).toEqual(Object.keys(drawn).sort());
  for (const [name, svg] of Object.entries(drawn)) {
    expect(readFileSync(`${root}docs/images/${name}`, 'utf8'), `${name}: npm run plots`).toBe(svg);
  }
});
