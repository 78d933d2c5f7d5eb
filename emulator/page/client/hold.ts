import { button } from './dom.ts';
import type { World } from './world.ts';

/** How long a button is held, as its label says. */
export function holdText(longPressMs: number): string {
  return `${String(longPressMs / 1000)} s`;
}

export interface Holding {
  /** How long it has to be held; null where that is a press as any other. */
  readonly longPressMs: number | null;
  readonly world: World;
  readonly onPress: () => void;
  /** Called while it is still held, once it was held for long. */
  readonly onHold: (heldMs: number) => void;
}

export interface HeldButton {
  readonly element: HTMLButtonElement;
  /** How long it has been held by now; null while nobody holds it. */
  heldMs(): number | null;
}

/** A button that mouse or finger may hold; what has been held is no click when it is let go. */
export function heldButton(
  label: string,
  attributes: Readonly<Record<string, string>>,
  { longPressMs, world, onPress, onHold }: Holding,
): HeldButton {
  let sinceMs: number | null = null;
  let isSpent = false;
  const element = button(label, attributes, (event) => {
    // A click without pointer, by the keyboard, ends no holding.
    const isByPointer = event.detail > 0;
    if (!(isSpent && isByPointer)) onPress();
    isSpent = false;
  });
  const heldMs = (): number | null => (sinceMs === null ? null : world.monotonicMs() - sinceMs);
  if (longPressMs === null) return { element, heldMs };

  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    isSpent = false;
    const mineMs = world.monotonicMs();
    sinceMs = mineMs;
    element.setPointerCapture(event.pointerId);
    world.after(longPressMs, () => {
      if (sinceMs !== mineMs) return;
      isSpent = true;
      // Timers may be early by a fraction of a millisecond.
      onHold(Math.max(longPressMs, Math.round(world.monotonicMs() - mineMs)));
    });
  });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) {
    element.addEventListener(end, () => {
      sinceMs = null;
    });
  }
  // A finger that stays calls up a menu of the browser, which takes the finger away.
  element.addEventListener('contextmenu', (event) => event.preventDefault());
  return { element, heldMs };
}
