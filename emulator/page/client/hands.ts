import type { Asks, Key, TokenView } from '../wire.ts';
import type { DeviceKey } from './device.ts';

/** Who presses the keys of one token, one after the other. */
export interface Hands {
  press(key: DeviceKey): void;
  /** Keys in a whole text. */
  type(text: string): void;
  /** What stands in the large line while a PIN is half entered: as many stars. */
  stars(): string | null;
  /** Whatever is half entered is forgotten. */
  forget(): void;
}

export interface HandsParts {
  /** The token as it is now. */
  readonly view: () => TokenView;
  /** Sends a key and shows what became of it. */
  readonly send: (key: Key) => Promise<void>;
  /** Asks for what a suite takes besides the challenge; null gives up. */
  readonly askExtras: () => Promise<Extract<Key, { kind: 'confirm' }> | null>;
  /** The stars have changed. */
  readonly onTyped: () => void;
}

const pinDigitsMax = 12;

/**
 * A PIN is gathered here and sent as a whole, as the device takes it; all other keys go one by one,
 * each after the answer to the one before it: what a key means, the display says.
 */
export function createHands({ view, send, askExtras, onTyped }: HandsParts): Hands {
  let pin = '';
  let tail: Promise<void> = Promise.resolve();

  function press(key: DeviceKey): void {
    tail = tail.then(() => act(key));
  }

  function setPin(text: string): void {
    if (text === pin) return;
    pin = text;
    onTyped();
  }

  async function act(pressed: DeviceKey): Promise<void> {
    const { lcd, make } = view();
    const key = keyOfLetter(pressed, view()) ?? pressed;
    const atOnce = sentAtOnce(key, view());
    if (atOnce !== null) {
      if (atOnce.kind === 'press') setPin('');
      return send(atOnce);
    }
    if (make.body !== 'keypad' || !lcd.isOn) return;
    if (key === 'clear') return clear();
    if (key === 'confirm' || key === 'enter') return confirm();
    if (typeof key === 'object' && 'character' in key) return character(key.character);
  }

  async function clear(): Promise<void> {
    const { asks } = view().lcd;
    if (asks === 'pin') setPin('');
    else if (takesText(asks)) await send({ kind: 'clear' });
  }

  async function confirm(): Promise<void> {
    const { lcd, extras } = view();
    if (lcd.asks === 'pin') {
      if (pin === '') return;
      const entered = pin;
      setPin('');
      return send({ kind: 'pin', pin: entered });
    }
    if (!takesText(lcd.asks)) return;
    const needsMore = takesLetters(lcd.asks) && (extras.pin || extras.session);
    const key = needsMore ? await askExtras() : ({ kind: 'confirm' } as const);
    if (key !== null) await send(key);
  }

  async function character(text: string): Promise<void> {
    const { lcd, make } = view();
    if (lcd.asks === 'pin') {
      if (/^\d+$/.test(text)) setPin((pin + text).slice(0, pinDigitsMax));
      return;
    }
    if (lcd.asks === 'application') {
      const chosen = make.applications.filter(({ mode }) => mode !== 'unlock')[Number(text) - 1];
      if (chosen !== undefined) await send({ kind: 'select', applicationName: chosen.name });
      return;
    }
    const isTaken = takesLetters(lcd.asks) || (lcd.asks === 'unlock-code' && /^\d+$/.test(text));
    if (isTaken) await send({ kind: 'type', text });
  }

  return {
    press,
    type: (text) => press({ character: text }),
    stars: () => (pin === '' ? null : '*'.repeat(pin.length)),
    forget: () => setPin(''),
  };
}

/** What goes to the device as it is, or null: the others depend on what the display asks for. */
function sentAtOnce(key: DeviceKey, { lcd, make }: TokenView): Key | null {
  if (typeof key === 'object') {
    return 'heldMs' in key ? { kind: 'press', heldMs: key.heldMs } : null;
  }
  if (key === 'press' || (key === 'enter' && !lcd.isOn)) return { kind: 'press' };
  const isFunction = key === 'change-pin' || key === 'sign' || key === 'host-code';
  return isFunction && make.body === 'keypad' && lcd.isOn ? { kind: key } : null;
}

/** The key that a letter of the keyboard stands for, unless it is one that is keyed in; or null. */
function keyOfLetter(key: DeviceKey, { make, lcd, signsNext }: TokenView): DeviceKey | null {
  if (typeof key !== 'object' || !('character' in key)) return null;
  const letter = key.character.toLowerCase();
  // Challenges that may be signed instead are hex.
  if (letter === 's' && signsNext) return 'sign';
  if (takesLetters(lcd.asks)) return null;
  if (letter === 'p') return 'press';
  if (letter === 'h' && make.hasHostCodeKey) return 'host-code';
  if (letter === 'i' && make.longPressMs !== null) return { heldMs: make.longPressMs };
  return null;
}

/** Whether characters are typed one by one, to be ended by OK. */
export function takesText(asks: Asks): boolean {
  return takesLetters(asks) || asks === 'unlock-code';
}

/** A challenge and a data field may be more than digits. */
function takesLetters(asks: Asks): boolean {
  return asks === 'challenge' || asks === 'field';
}
