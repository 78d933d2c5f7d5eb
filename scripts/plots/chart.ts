/** A small chart as SVG: axes, bands, lines and cells, readable on a light and on a dark page. */

export type Point = readonly [x: number, y: number];

export type Layer =
  /** The area between an upper and a lower edge, both over the same xs. */
  | {
      readonly kind: 'band';
      readonly upper: readonly Point[];
      readonly lower: readonly Point[];
      readonly colour: string;
      readonly label?: string;
    }
  | {
      readonly kind: 'line';
      readonly points: readonly Point[];
      readonly colour: string;
      readonly label?: string;
      readonly isDashed?: boolean;
    }
  | {
      readonly kind: 'cells';
      readonly cells: readonly { readonly at: Point; readonly colour: string }[];
    };

export interface Axis {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly every: number;
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly layers: readonly Layer[];
}

const width = 760;
const height = 400;
const margin = { left: 68, right: 20, top: 44, bottom: 78 };
const ink = '#24292f';
const faint = '#d0d7de';

/** The whole document, the same text for the same chart. */
export function svgOf(chart: Chart): string {
  const toX = scale(chart.x, margin.left, width - margin.right);
  const toY = scale(chart.y, height - margin.bottom, margin.top);
  const at = ([x, y]: Point): string => `${round(toX(x))},${round(toY(y))}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(chart.title)}" font-family="system-ui, sans-serif" font-size="13" fill="${ink}">`,
    `<title>${escape(chart.title)}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    `<text x="${margin.left}" y="26" font-size="15" font-weight="600">${escape(chart.title)}</text>`,
    `<clipPath id="plot"><rect x="${margin.left}" y="${margin.top}" width="${width - margin.left - margin.right}" height="${height - margin.top - margin.bottom}"/></clipPath>`,
    ...gridOf(chart, toX, toY),
    '<g clip-path="url(#plot)">',
    ...chart.layers.flatMap((layer) => drawn(layer, at, toX, toY)),
    '</g>',
    ...axisLabels(chart),
    ...legendOf(chart.layers),
    '</svg>',
    '',
  ].join('\n');
}

function scale({ min, max }: Axis, from: number, to: number): (value: number) => number {
  return (value) => from + ((value - min) / (max - min)) * (to - from);
}

function gridOf(
  { x, y }: Chart,
  toX: (value: number) => number,
  toY: (value: number) => number,
): readonly string[] {
  const bottom = height - margin.bottom;
  const vertical = ticks(x).flatMap((value) => [
    `<path d="M${round(toX(value))} ${margin.top}V${bottom}" stroke="${faint}"/>`,
    `<text x="${round(toX(value))}" y="${bottom + 18}" text-anchor="middle">${value}</text>`,
  ]);
  const horizontal = ticks(y).flatMap((value) => [
    `<path d="M${margin.left} ${round(toY(value))}H${width - margin.right}" stroke="${faint}"/>`,
    `<text x="${margin.left - 8}" y="${round(toY(value) + 4)}" text-anchor="end">${value}</text>`,
  ]);
  return [...vertical, ...horizontal];
}

function axisLabels({ x, y }: Chart): readonly string[] {
  const middle = (margin.top + height - margin.bottom) / 2;
  return [
    `<text x="${(margin.left + width - margin.right) / 2}" y="${height - margin.bottom + 38}" text-anchor="middle">${escape(x.label)}</text>`,
    `<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
  ];
}

function drawn(
  layer: Layer,
  at: (point: Point) => string,
  toX: (value: number) => number,
  toY: (value: number) => number,
): readonly string[] {
  switch (layer.kind) {
    case 'band': {
      const edge = [...layer.upper, ...[...layer.lower].reverse()].map(at).join(' ');
      return [`<polygon points="${edge}" fill="${layer.colour}" fill-opacity="0.28"/>`];
    }
    case 'line': {
      const dash = layer.isDashed === true ? ' stroke-dasharray="6 5"' : '';
      const points = layer.points.map(at).join(' ');
      return [
        `<polyline points="${points}" fill="none" stroke="${layer.colour}" stroke-width="2"${dash}/>`,
      ];
    }
    case 'cells': {
      const [w, h] = [toX(1) - toX(0), toY(0) - toY(1)];
      return layer.cells.map(
        ({ at: [x, y], colour }) =>
          `<rect x="${round(toX(x) - w / 2)}" y="${round(toY(y) - h / 2)}" width="${round(w - 1)}" height="${round(h - 1)}" fill="${colour}"/>`,
      );
    }
  }
}

function legendOf(layers: readonly Layer[]): readonly string[] {
  let x = margin.left;
  return layers.flatMap((layer) => {
    if (layer.kind === 'cells' || layer.label === undefined) return [];
    const { label, colour } = layer;
    const y = height - 16;
    const sign =
      layer.kind === 'band'
        ? `<rect x="${x}" y="${y - 10}" width="18" height="11" fill="${colour}" fill-opacity="0.4"/>`
        : `<path d="M${x} ${y - 4}h18" stroke="${colour}" stroke-width="3"/>`;
    const text = `<text x="${x + 24}" y="${y}">${escape(label)}</text>`;
    x += 44 + label.length * 7;
    return [sign, text];
  });
}

function ticks({ min, max, every }: Axis): readonly number[] {
  const count = Math.floor((max - min) / every);
  return Array.from({ length: count + 1 }, (_, index) => min + index * every);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
