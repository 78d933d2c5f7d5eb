import type { LcdView, TokenView } from '../wire.ts';
import { h, setText } from './dom.ts';
import { createSegments } from './glyphs.ts';

const barCount = 6;

/** The display of a device: a line of segments, a small line above it, and bars for the time step. */
export interface Lcd {
  readonly element: HTMLElement;
  /** @param typed what stands in the large line instead, such as the stars of a PIN */
  show(lcd: LcdView, typed: string | null): void;
  /** The part of the time step that is left, 0 to 1; null without a clock. */
  showStep(left: number | null): void;
}

export function createLcd(places: number): Lcd {
  const note = h('div', { class: 'lcd-note' });
  const battery = h('div', { class: 'lcd-battery' }, 'LOW BATTERY');
  const dot = h('span', { class: 'lcd-dot' });
  const bars = Array.from({ length: barCount }, () => h('span', { class: 'lcd-bar' }));
  const step = h('div', { class: 'lcd-step' }, dot, ...bars);
  const segments = createSegments(places);
  const element = h(
    'div',
    { class: 'lcd', 'aria-hidden': 'true' },
    h('div', { class: 'lcd-top' }, note, battery),
    h('div', { class: 'lcd-row' }, step, segments.element),
  );
  return {
    element,
    show: (lcd, typed) => {
      element.classList.toggle('on', lcd.isOn);
      setText(note, lcd.note);
      note.classList.toggle('long', lcd.note.length > 22);
      battery.hidden = !lcd.isBatteryLow;
      segments.show(lcd.isOn ? (typed ?? lcd.main) : '');
    },
    showStep: (left) => {
      step.hidden = left === null;
      const lit = left === null ? 0 : Math.ceil(left * barCount);
      bars.forEach((bar, index) => bar.classList.toggle('lit', index >= barCount - lit));
    },
  };
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
  };
}
