import { svg } from './dom.ts';

/**
 * Characters of fourteen segments, drawn. Segments: a top, b and c right, d bottom, e and f left, g
 * and h the halves of the middle, i and k the diagonals above it, j the upright between them, l and
 * n the diagonals below, m the upright between them.
 */
const glyphs: Readonly<Record<string, string>> = {
  '0': 'abcdef',
  '1': 'bc',
  '2': 'abdegh',
  '3': 'abcdgh',
  '4': 'bcfgh',
  '5': 'acdfgh',
  '6': 'acdefgh',
  '7': 'abc',
  '8': 'abcdefgh',
  '9': 'abcdfgh',
  A: 'abcefgh',
  B: 'abcdhjm',
  C: 'adef',
  D: 'abcdjm',
  E: 'adefgh',
  F: 'aefg',
  G: 'acdefh',
  H: 'bcefgh',
  I: 'adjm',
  J: 'bcde',
  K: 'efgkn',
  L: 'def',
  M: 'bcefik',
  N: 'bcefin',
  O: 'abcdef',
  P: 'abefgh',
  Q: 'abcdefn',
  R: 'abefghn',
  S: 'acdfgh',
  T: 'ajm',
  U: 'bcdef',
  V: 'efkl',
  W: 'bcefln',
  X: 'ikln',
  Y: 'ikm',
  Z: 'adkl',
  '-': 'gh',
  _: 'd',
  '*': 'ghijklmn',
};

const width = 60;
const height = 100;

/** Each segment as a polygon in a cell of 60 by 100, with gaps where they meet. */
const shapes: Readonly<Record<string, string>> = {
  a: '12,6 48,6 43,14 17,14',
  b: '50,9 50,48 46,46 42,42 42,15',
  c: '50,52 50,91 42,85 42,58 46,54',
  d: '17,86 43,86 48,94 12,94',
  e: '10,52 14,54 18,58 18,85 10,91',
  f: '10,9 18,15 18,42 14,46 10,48',
  g: '15,50 19,46 27,46 28.5,50 27,54 19,54',
  h: '31.5,50 33,46 41,46 45,50 41,54 33,54',
  i: '19.5,16 23,16 26.5,33 26.5,44 24,44 19.5,27',
  j: '27.5,16 32.5,16 32.5,42 30,47 27.5,42',
  k: '40.5,16 37,16 33.5,33 33.5,44 36,44 40.5,27',
  l: '19.5,84 23,84 26.5,67 26.5,56 24,56 19.5,73',
  m: '27.5,84 32.5,84 32.5,58 30,53 27.5,58',
  n: '40.5,84 37,84 33.5,67 33.5,56 36,56 40.5,73',
};

export interface Segments {
  readonly element: SVGSVGElement;
  /** Shows capital letters, digits, space, - _ and *; anything else stays dark. */
  show(text: string): void;
}

/** More than a data field of 16 characters and the sign where the next one goes makes a second line. */
const columnsMax = 17;
const lineHeight = 118;

/** A line of so many places; it grows for longer texts, and breaks where they are too long for one. */
export function createSegments(places: number): Segments {
  const element = svg('svg', { class: 'segments', 'aria-hidden': 'true' });
  const cells: SVGGElement[] = [];
  const ensure = (count: number): void => {
    const columns = Math.min(columnsMax, Math.max(places, count));
    const lines = Math.max(1, Math.ceil(count / columns));
    const wanted = columns * lines;
    while (cells.length < wanted) cells.push(element.appendChild(createCell()));
    while (cells.length > wanted) cells.pop()?.remove();
    cells.forEach((cell, index) => {
      const x = (index % columns) * width + 6;
      const y = Math.floor(index / columns) * lineHeight;
      cell.setAttribute('transform', `translate(${String(x)} ${String(y)}) skewX(-4)`);
    });
    const box = [0, 0, columns * width + 6, height + (lines - 1) * lineHeight];
    element.setAttribute('viewBox', box.join(' '));
    element.classList.toggle('long', lines > 1);
  };
  ensure(places);
  return {
    element,
    show: (text) => {
      ensure(text.length);
      cells.forEach((cell, index) => {
        const lit = glyphs[text[index] ?? ' '] ?? '';
        for (const segment of cell.children) {
          segment.classList.toggle(
            'lit',
            lit.includes(segment.getAttribute('data-segment') ?? ' '),
          );
        }
      });
    },
  };
}

function createCell(): SVGGElement {
  const segments = Object.entries(shapes).map(([name, points]) =>
    svg('polygon', { points, 'data-segment': name }),
  );
  return svg('g', {}, ...segments);
}
