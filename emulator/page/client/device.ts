import type { TokenView } from '../wire.ts';
import { button, h, svg } from './dom.ts';
import { type HeldButton, heldButton, holdText } from './hold.ts';
import { createLcd, type Lcd } from './lcd.ts';
import type { World } from './world.ts';

/** The keys of a device, whatever its body; `enter` is the keyboard's: on, and then OK. */
export type DeviceKey =
  | 'press'
  | 'change-pin'
  | 'clear'
  | 'confirm'
  | 'sign'
  | 'host-code'
  | 'enter'
  | { readonly character: string }
  | { readonly heldMs: number };

export interface DeviceDrawing {
  readonly element: HTMLElement;
  readonly lcd: Lcd;
  /** How long its button has been held by now; null while nobody holds it. */
  heldMs(): number | null;
}

/** What a device is drawn with. */
interface Parts {
  readonly view: TokenView;
  readonly lcd: Lcd;
  /** The one button, or the power key; null on a device without keys. */
  readonly held: HeldButton | null;
  readonly onKey: (key: DeviceKey) => void;
}

const hexCharacters = ['A', 'B', 'C', 'D', 'E', 'F'];

/** Draws a device of its kind, with real buttons. */
export function drawDevice(
  view: TokenView,
  world: World,
  onKey: (key: DeviceKey) => void,
): DeviceDrawing {
  const lcd = createLcd(view.make.form === 'phone' ? 6 : 8);
  const held = view.make.body === 'continuous' ? null : mainKey(view, world, onKey);
  const element = draw({ view, lcd, held, onKey });
  return { element, lcd, heldMs: () => held?.heldMs() ?? null };
}

function draw(parts: Parts): HTMLElement {
  switch (parts.view.make.body) {
    case 'fob':
      return drawFob(parts);
    case 'continuous':
      return drawContinuous(parts);
    case 'keypad':
      return drawKeypad(parts);
  }
}

/** The button of a fob, or the power key of a keypad, which is drawn: few fonts have the sign. */
function mainKey(
  { serial, make }: TokenView,
  world: World,
  onKey: (key: DeviceKey) => void,
): HeldButton {
  const isKeypad = make.body === 'keypad';
  const attributes: Readonly<Record<string, string>> = isKeypad
    ? { class: 'key soft power', 'aria-label': 'On and off' }
    : { class: 'fob-button', 'aria-label': `Press ${serial}` };
  const held = heldButton('', attributes, {
    longPressMs: make.longPressMs,
    world,
    onPress: () => onKey('press'),
    onHold: (heldMs) => onKey({ heldMs }),
  });
  if (isKeypad) {
    const path = svg('path', { d: 'M12 3v9M7.5 6.2a7.5 7.5 0 1 0 9 0' });
    held.element.append(
      svg('svg', { class: 'power-icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, path),
    );
  }
  return held;
}

function drawFob({ view, lcd, held }: Parts): HTMLElement {
  const { form, longPressMs } = view.make;
  const hold = longPressMs === null ? '' : `, I holds it for ${holdText(longPressMs)}`;
  return frame(view, 'fob', `one button; Enter presses it${hold}`, [
    form === null ? eyelet() : null,
    lcd.element,
    held?.element ?? null,
  ]);
}

function drawContinuous({ view, lcd }: Parts): HTMLElement {
  return frame(view, 'continuous', 'display that is always on', [eyelet(), lcd.element]);
}

function eyelet(): HTMLElement {
  return h('span', { class: 'eyelet', 'aria-hidden': 'true' });
}

function drawKeypad({ view, lcd, held, onKey }: Parts): HTMLElement {
  const { hasPin, hasHexKeys, hasSignKey, hasHostCodeKey } = view.make;
  const soft = (label: string, name: string, key: DeviceKey, kind: string): HTMLElement =>
    button(label, { class: `key soft ${kind}`, 'aria-label': name }, () => onKey(key));
  const digit = (character: string): HTMLElement =>
    button(character, { class: 'key' }, () => onKey({ character }));
  const functions = [
    hasSignKey ? soft('SIGN', 'Sign data fields', 'sign', 'sign') : null,
    hasHostCodeKey ? soft('HOST', 'Host code', 'host-code', 'host') : null,
  ].filter((key) => key !== null);
  return frame(view, 'keypad', keypadHelp(view), [
    lcd.element,
    h(
      'div',
      { class: 'keys softkeys' },
      held?.element ?? null,
      hasPin ? soft('PIN', 'Change the PIN', 'change-pin', 'pin') : h('span'),
      soft('C', 'Clear', 'clear', 'clear'),
      soft('OK', 'OK', 'confirm', 'ok'),
    ),
    functions.length === 0 ? null : h('div', { class: 'keys functions' }, ...functions),
    h(
      'div',
      { class: 'keys digits' },
      ...['1', '2', '3', '4', '5', '6', '7', '8', '9'].map(digit),
      h('span'),
      digit('0'),
      h('span'),
    ),
    hasHexKeys ? h('div', { class: 'keys hex' }, ...hexCharacters.map(digit)) : null,
  ]);
}

function keypadHelp({ make }: TokenView): string {
  return [
    'keypad; type digits, Enter is OK, Escape is C, P is on and off',
    make.hasSignKey ? 'S signs data fields' : null,
    make.hasHostCodeKey ? 'H shows the host code' : null,
    make.longPressMs === null ? null : `I holds the power key for ${holdText(make.longPressMs)}`,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function frame(
  { serial, make }: TokenView,
  kind: string,
  keys: string,
  parts: readonly (HTMLElement | null)[],
): HTMLElement {
  return h(
    'div',
    {
      class: make.form === null ? `device ${kind}` : `device ${kind} is-${make.form}`,
      role: 'group',
      tabindex: '0',
      'aria-label': `Token ${serial}: ${keys}`,
    },
    ...parts,
    h('span', { class: 'engraving', 'aria-hidden': 'true' }, `${make.model} ${serial}`),
  );
}
