import type { CountdownView, LcdView, TokenView } from '../wire.ts';
import { h, setText, svg } from './dom.ts';
import { createSegments } from './glyphs.ts';

const barLength = 100;

/** The display of a device: a line of segments, a small line above it, and its countdown. */
export interface Lcd {
  readonly element: HTMLElement;
  /** @param typed what stands in the large line instead, such as the stars of a PIN */
  show(lcd: LcdView, typed: string | null): void;
  /** @param sinceMs how old the countdown is */
  showCountdown(countdown: CountdownView | null, sinceMs: number): void;
}

export function createLcd(places: number): Lcd {
  const note = h('div', { class: 'lcd-note' });
  const battery = h('div', { class: 'lcd-battery' }, 'LOW BATTERY');
  const bars = h('div', { class: 'lcd-bars' }, h('span', { class: 'lcd-dot' }));
  const rest = svg('rect', { width: barLength, height: 1 });
  const bar = svg(
    'svg',
    { class: 'lcd-rest', viewBox: `0 0 ${String(barLength)} 1`, preserveAspectRatio: 'none' },
    rest,
  );
  const segments = createSegments(places);
  const element = h(
    'div',
    { class: 'lcd', 'aria-hidden': 'true' },
    h('div', { class: 'lcd-top' }, note, battery),
    h('div', { class: 'lcd-row' }, bars, segments.element),
    bar,
  );
  return {
    element,
    show: (lcd, typed) => {
      element.classList.toggle('on', lcd.isOn);
      setText(note, lcd.note);
      battery.hidden = !lcd.isBatteryLow;
      segments.show(lcd.isOn ? (typed ?? lcd.main) : '');
    },
    showCountdown: (countdown, sinceMs) => {
      const lit = countdown?.bars ?? null;
      bars.hidden = lit === null;
      bar.toggleAttribute('hidden', countdown === null || lit !== null);
      if (countdown === null) return;
      if (lit !== null) showBars(bars, lit, countdown.barsMax);
      else rest.setAttribute('width', String(barLength * partLeft(countdown, sinceMs)));
    },
  };
}

function showBars(element: HTMLElement, lit: number, count: number): void {
  const [dot, ...bars] = element.children;
  if (bars.length !== count) {
    element.replaceChildren(
      ...(dot === undefined ? [] : [dot]),
      ...Array.from({ length: count }, () => h('span', { class: 'lcd-bar' })),
    );
  }
  element.querySelectorAll('.lcd-bar').forEach((bar, index) => {
    bar.classList.toggle('lit', index >= count - lit);
  });
}

function partLeft({ stepMs, remainingMs }: CountdownView, sinceMs: number): number {
  return Math.max(0, remainingMs - sinceMs) / stepMs;
}

/** What a display shows that has just gone off by itself, before the server has been asked. */
export function switchedOff(view: TokenView): TokenView {
  return {
    ...view,
    lcd: {
      ...view.lcd,
      isOn: false,
      main: '',
      note: '',
      spoken: 'Display off',
      asks: null,
      copy: null,
      isBatteryLow: false,
    },
    displayOff: null,
    countdown: null,
  };
}
