import { type DriftFigure, type DriftPoint, shownRange } from './drift-figure.ts';
import { dateText } from './drift-terminal.ts';

/** The look of the figures in docs/images, which the server's own code draws. */
const width = 760;
const height = 400;
const margin = { left: 68, right: 20, top: 44, bottom: 78 };
const ink = '#24292f';
const faint = '#d0d7de';
const blue = '#0969da';
const green = '#1a7f37';
const amber = '#9a6700';
const dayMs = 86_400_000;

interface Axis {
  readonly min: number;
  readonly max: number;
  /** Where its lines are. */
  readonly ticks: readonly number[];
  toPixels(value: number): number;
}

/** The figure as an SVG document, the same text for the same figure. */
export function driftSvg(title: string, figure: DriftFigure): string {
  const { points, halfSeconds } = figure;
  const startMs = points[0]?.atMs ?? 0;
  const endMs = points.at(-1)?.atMs ?? startMs;
  const { lowest, highest } = shownRange(figure);
  const x = axis(0, Math.max(1, endMs - startMs) / dayMs, margin.left, width - margin.right);
  const y = axis(lowest, highest, height - margin.bottom, margin.top);
  const at = (atMs: number, seconds: number): string =>
    `${round(x.toPixels((atMs - startMs) / dayMs))},${round(y.toPixels(seconds))}`;
  const along = (secondsOf: (point: DriftPoint) => number): string[] =>
    points.map((point) => at(point.atMs, secondsOf(point)));
  const band = (edge: readonly string[], colour: string): string =>
    `<polygon points="${edge.join(' ')}" fill="${colour}" fill-opacity="0.22"/>`;
  const dynamic = [
    ...along(({ highSeconds }) => highSeconds),
    ...along(({ lowSeconds }) => lowSeconds).reverse(),
  ];
  const fixed = [
    ...[startMs, endMs].map((atMs) => at(atMs, halfSeconds)),
    ...[endMs, startMs].map((atMs) => at(atMs, -halfSeconds)),
  ];
  const plotWidth = width - margin.left - margin.right;
  const plotHeight = height - margin.top - margin.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="13" fill="${ink}">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    `<text x="${margin.left}" y="26" font-size="15" font-weight="600">${escape(title)}</text>`,
    `<clipPath id="plot"><rect x="${margin.left}" y="${margin.top}" width="${plotWidth}" height="${plotHeight}"/></clipPath>`,
    ...grid(x, y),
    '<g clip-path="url(#plot)">',
    band(dynamic, amber),
    band(fixed, green),
    `<polyline points="${along(({ seconds }) => seconds).join(' ')}" fill="none" stroke="${blue}" stroke-width="2"/>`,
    '</g>',
    `<text x="${margin.left + plotWidth / 2}" y="${height - margin.bottom + 38}" text-anchor="middle">days from ${dateText(startMs)}</text>`,
    `<text transform="translate(18 ${margin.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">seconds ahead of true time</text>`,
    ...legend(),
    '</svg>',
    '',
  ].join('\n');
}

function grid(x: Axis, y: Axis): readonly string[] {
  const bottom = height - margin.bottom;
  return [
    ...x.ticks.flatMap((value) => {
      const left = round(x.toPixels(value));
      return [
        `<path d="M${left} ${margin.top}V${bottom}" stroke="${faint}"/>`,
        `<text x="${left}" y="${bottom + 18}" text-anchor="middle">${value}</text>`,
      ];
    }),
    ...y.ticks.flatMap((value) => {
      const top = round(y.toPixels(value));
      // True time itself is what everything is read against.
      const colour = value === 0 ? '#8c959f' : faint;
      return [
        `<path d="M${margin.left} ${top}H${width - margin.right}" stroke="${colour}"/>`,
        `<text x="${margin.left - 8}" y="${round(top + 4)}" text-anchor="end">${value}</text>`,
      ];
    }),
  ];
}

function legend(): readonly string[] {
  const y = height - 16;
  const entries = [
    { label: 'clock', colour: blue, isLine: true },
    { label: 'static window', colour: green, isLine: false },
    { label: 'dynamic window', colour: amber, isLine: false },
  ];
  let x = margin.left;
  return entries.flatMap(({ label, colour, isLine }) => {
    const sign = isLine
      ? `<path d="M${x} ${y - 4}h18" stroke="${colour}" stroke-width="3"/>`
      : `<rect x="${x}" y="${y - 10}" width="18" height="11" fill="${colour}" fill-opacity="0.4"/>`;
    const text = `<text x="${x + 24}" y="${y}">${label}</text>`;
    x += 44 + label.length * 7;
    return [sign, text];
  });
}

/** Lines at 1, 2 or 5 times a power of ten, about eight of them. */
function axis(min: number, max: number, from: number, to: number): Axis {
  const rough = (max - min) / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  const every = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(min / every);
  const count = Math.floor(max / every) - first + 1;
  // Adding and multiplying leave 0.30000000000000004 and -0 behind.
  const tick = (index: number): number => Number(((first + index) * every).toPrecision(12)) + 0;
  return {
    min,
    max,
    ticks: Array.from({ length: count }, (_, index) => tick(index)),
    toPixels: (value) => from + ((value - min) / (max - min)) * (to - from),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
