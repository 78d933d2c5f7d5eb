import type { TokenView } from '../wire.ts';
import { button, h, svg } from './dom.ts';
import { createLcd, type Lcd } from './lcd.ts';

/** The keys of a device, whatever its body; `enter` is the keyboard's: on, and then OK. */
export type DeviceKey =
  'press' | 'change-pin' | 'clear' | 'confirm' | 'enter' | { readonly character: string };

export interface DeviceDrawing {
  readonly element: HTMLElement;
  readonly lcd: Lcd;
}

const hexCharacters = ['A', 'B', 'C', 'D', 'E', 'F'];

/** Draws a device of its kind, with real buttons. */
export function drawDevice(view: TokenView, onKey: (key: DeviceKey) => void): DeviceDrawing {
  const lcd = createLcd(8);
  switch (view.body) {
    case 'fob':
      return { element: drawFob(view, lcd, onKey), lcd };
    case 'continuous':
      return { element: drawContinuous(view, lcd), lcd };
    case 'keypad':
      return { element: drawKeypad(view, lcd, onKey), lcd };
  }
}

function drawFob(view: TokenView, lcd: Lcd, onKey: (key: DeviceKey) => void): HTMLElement {
  const key = button('', { class: 'fob-button', 'aria-label': `Press ${view.serial}` }, () =>
    onKey('press'),
  );
  return frame(view, 'fob', 'one button; Enter presses it', [
    h('span', { class: 'eyelet', 'aria-hidden': 'true' }),
    lcd.element,
    key,
  ]);
}

function drawContinuous(view: TokenView, lcd: Lcd): HTMLElement {
  return frame(view, 'continuous', 'display that is always on', [
    h('span', { class: 'eyelet', 'aria-hidden': 'true' }),
    lcd.element,
  ]);
}

function drawKeypad(view: TokenView, lcd: Lcd, onKey: (key: DeviceKey) => void): HTMLElement {
  const soft = (label: string, name: string, key: DeviceKey, kind: string): HTMLElement =>
    button(label, { class: `key soft ${kind}`, 'aria-label': name }, () => onKey(key));
  const digit = (character: string): HTMLElement =>
    button(character, { class: 'key' }, () => onKey({ character }));
  const hex = view.hasHexKeys
    ? [h('div', { class: 'keys hex' }, ...hexCharacters.map((character) => digit(character)))]
    : [];
  return frame(view, 'keypad', 'keypad; type digits, Enter is OK, Escape is C, P is on and off', [
    lcd.element,
    h(
      'div',
      { class: 'keys softkeys' },
      power(onKey),
      view.hasPin ? soft('PIN', 'Change the PIN', 'change-pin', 'pin') : h('span'),
      soft('C', 'Clear', 'clear', 'clear'),
      soft('OK', 'OK', 'confirm', 'ok'),
    ),
    h(
      'div',
      { class: 'keys digits' },
      ...['1', '2', '3', '4', '5', '6', '7', '8', '9'].map(digit),
      h('span'),
      digit('0'),
      h('span'),
    ),
    ...hex,
  ]);
}

/** Drawn, because few fonts have the sign. */
function power(onKey: (key: DeviceKey) => void): HTMLElement {
  const attributes = { class: 'key soft power', 'aria-label': 'On and off' };
  const key = button('', attributes, () => onKey('press'));
  const path = svg('path', { d: 'M12 3v9M7.5 6.2a7.5 7.5 0 1 0 9 0' });
  key.append(
    svg('svg', { class: 'power-icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, path),
  );
  return key;
}

function frame(
  { serial, model }: TokenView,
  kind: string,
  keys: string,
  parts: readonly HTMLElement[],
): HTMLElement {
  return h(
    'div',
    {
      class: `device ${kind}`,
      role: 'group',
      tabindex: '0',
      'aria-label': `Token ${serial}: ${keys}`,
    },
    ...parts,
    h('span', { class: 'engraving', 'aria-hidden': 'true' }, `${model} ${serial}`),
  );
}
