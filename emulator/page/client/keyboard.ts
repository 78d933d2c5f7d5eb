import type { TokenView } from '../wire.ts';
import type { DeviceKey } from './device.ts';
import type { Hands } from './hands.ts';

/** Whether what is typed is meant for a field and not for the device. */
function isForField(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, select, textarea, dialog') !== null;
}

/**
 * Digits, and letters where a challenge takes them, go to the keypad of the token that has the
 * focus; Enter, Escape and P are OK, C and the power key. On a button Enter stays that button's.
 */
export function listenToKeyboard(card: HTMLElement, view: () => TokenView, hands: Hands): void {
  card.addEventListener('keydown', (event) => {
    const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (!isPlain || isForField(event.target)) return;
    if (pressFor(event.key, event.target, view(), hands)) event.preventDefault();
  });
  card.addEventListener('paste', (event) => {
    const text = event.clipboardData?.getData('text').trim() ?? '';
    if (isForField(event.target) || !/^[0-9A-Za-z]{1,64}$/.test(text)) return;
    event.preventDefault();
    hands.type(text);
  });
}

const commands: Readonly<Record<string, DeviceKey>> = {
  Escape: 'clear',
  Backspace: 'clear',
  Delete: 'clear',
};

/** Whether the key was one of the device. */
function pressFor(
  key: string,
  target: EventTarget | null,
  { body }: TokenView,
  hands: Hands,
): boolean {
  const isOnButton = target instanceof Element && target.closest('button') !== null;
  const pressed =
    body === 'keypad'
      ? keypadKeyOf(key, isOnButton)
      : body === 'fob' && !isOnButton && (key === 'Enter' || key === ' ')
        ? 'press'
        : null;
  if (pressed !== null) hands.press(pressed);
  return pressed !== null;
}

function keypadKeyOf(key: string, isOnButton: boolean): DeviceKey | null {
  if (key === 'Enter') return isOnButton ? null : 'enter';
  return /^[0-9A-Za-z]$/.test(key) ? { character: key } : (commands[key] ?? null);
}
