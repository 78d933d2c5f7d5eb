/** `npm run plots`: draws the figures of the documentation anew, from the code that they are about. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svgOf } from './plots/chart.ts';
import { drawerFigure, idleFigure, rateFigure, searchFigure } from './plots/figures.ts';

/** File names below docs/images, and what they hold. */
export function figures(): Readonly<Record<string, string>> {
  return {
    'clock-idle-drawer.svg': svgOf(drawerFigure()),
    'clock-dynamic-window.svg': svgOf(idleFigure()),
    'clock-counter-search.svg': svgOf(searchFigure()),
    'clock-rate-estimate.svg': svgOf(rateFigure()),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, svg] of Object.entries(figures())) {
    writeFileSync(new URL(`../docs/images/${name}`, import.meta.url), svg);
  }
}
