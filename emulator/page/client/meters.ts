import type { TokenView } from '../wire.ts';
import { h, setText } from './dom.ts';
import { durationText } from './world.ts';

export interface Meters {
  readonly element: HTMLElement;
  /** @param sinceMs how old the view is */
  show(view: TokenView, sinceMs: number): void;
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
    show: ({ displayOff, timeStep, lcd }, sinceMs) => {
      const leftMs = displayOff === null ? 0 : Math.max(0, displayOff.remainingMs - sinceMs);
      track.hidden = lcd.isOn && displayOff === null;
      track.value = displayOff === null ? 0 : leftMs / displayOff.ofMs;
      setText(off, offText(lcd.isOn, displayOff === null ? null : leftMs));
      setText(step, timeStep === null ? '' : `next step in ${nextText(timeStep, sinceMs)}`);
    },
  };
}

function offText(isOn: boolean, leftMs: number | null): string {
  if (!isOn) return 'display off';
  return leftMs === null ? 'display always on' : `display off in ${secondsText(leftMs)}`;
}

function nextText(
  { stepMs, elapsedMs }: NonNullable<TokenView['timeStep']>,
  sinceMs: number,
): string {
  return secondsText(stepMs - ((elapsedMs + sinceMs) % stepMs));
}

function secondsText(durationMs: number): string {
  return durationText(Math.ceil(durationMs / 1000) * 1000);
}
