import type { TokenView } from '../wire.ts';
import type { DeviceKey } from './device.ts';
import type { Hands } from './hands.ts';

/** Whether what is typed is meant for a field and not for the device. */
function isForField(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, select, textarea, dialog') !== null;
}

/**
 * Digits, and letters where a challenge takes them, go to the keypad of the token that has the
 * focus; Enter, Escape and P are OK, C and the power key, S, H and I the keys that some have besides.
 * On a button Enter stays that button's.
 */
export function listenToKeyboard(card: HTMLElement, view: () => TokenView, hands: Hands): void {
  card.addEventListener('keydown', (event) => {
    const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (!isPlain || isForField(event.target)) return;
    const { key, repeat, target } = event;
    const pressed = deviceKeyOf(key, isOn('button', target), view());
    // A key that stays down is one press, also on a button: each one may use up a counter.
    const isHeldDown = repeat && (pressed !== null || key === 'Enter');
    if (pressed !== null && !repeat) hands.press(pressed);
    if (pressed !== null || isHeldDown) event.preventDefault();
  });
  card.addEventListener('paste', (event) => {
    const text = event.clipboardData?.getData('text').trim() ?? '';
    if (isForField(event.target) || !/^[0-9A-Za-z]{1,64}$/.test(text)) return;
    event.preventDefault();
    hands.type(text);
  });
}

function isOn(selector: string, target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(selector) !== null;
}

const commands: Readonly<Record<string, DeviceKey>> = {
  Escape: 'clear',
  Backspace: 'clear',
  Delete: 'clear',
};

/** The key of the device that a key of the keyboard stands for; null for none. */
function deviceKeyOf(
  key: string,
  isOnButton: boolean,
  { make: { body, longPressMs } }: TokenView,
): DeviceKey | null {
  if (body === 'keypad') return keypadKeyOf(key, isOnButton);
  if (body !== 'fob') return null;
  if (longPressMs !== null && /^i$/i.test(key)) return { character: key };
  return !isOnButton && (key === 'Enter' || key === ' ') ? 'press' : null;
}

function keypadKeyOf(key: string, isOnButton: boolean): DeviceKey | null {
  if (key === 'Enter') return isOnButton ? null : 'enter';
  return /^[0-9A-Za-z]$/.test(key) ? { character: key } : (commands[key] ?? null);
}
