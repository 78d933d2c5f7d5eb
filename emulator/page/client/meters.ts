import type { TokenView } from '../wire.ts';
import { h, setText } from './dom.ts';
import { durationText } from './world.ts';

export interface Meters {
  readonly element: HTMLElement;
  /**
   * @param sinceMs how old the view is
   * @param heldMs how long the button is held by now; null while nobody holds it
   */
  show(view: TokenView, sinceMs: number, heldMs: number | null): void;
}

/** How long the display stays on, and when the next time step begins. */
export function createMeters(): Meters {
  const off = h('span', { role: 'timer' });
  const step = h('span', { role: 'timer' });
  const track = h('progress', {
    max: 1,
    value: 0,
    'aria-label': 'Time until the display goes off',
  });
  return {
    element: h('div', { class: 'meters' }, track, h('p', {}, off, step)),
    show: (view, sinceMs, heldMs) => {
      const { displayOff, timeStep, lcd, make } = view;
      const leftMs = displayOff === null ? 0 : Math.max(0, displayOff.remainingMs - sinceMs);
      track.hidden = lcd.isOn && displayOff === null;
      track.value = displayOff === null ? 0 : leftMs / displayOff.ofMs;
      const holdMs = heldMs === null ? 0 : (make.longPressMs ?? 0) - heldMs;
      setText(
        off,
        holdMs > 0
          ? `menu in ${secondsText(holdMs)}`
          : offText(view, displayOff === null ? null : leftMs),
      );
      const isRunning = timeStep !== null && hasPower(view);
      setText(step, isRunning ? nextText(timeStep.remainingMs - sinceMs) : '');
    },
  };
}

function hasPower({ battery }: TokenView): boolean {
  return battery === null || battery.state === 'good' || battery.state === 'low';
}

function offText(view: TokenView, leftMs: number | null): string {
  if (!view.lcd.isOn) return hasPower(view) ? 'display off' : 'no power';
  return leftMs === null ? 'display always on' : `display off in ${secondsText(leftMs)}`;
}

function nextText(remainingMs: number): string {
  return `next step in ${secondsText(Math.max(0, remainingMs))}`;
}

function secondsText(durationMs: number): string {
  return durationText(Math.ceil(durationMs / 1000) * 1000);
}
