import type { BatteryView, TokenView } from '../wire.ts';
import { h, setText } from './dom.ts';
import { oneField } from './panel-clock.ts';
import { parseDuration, type World } from './world.ts';

export interface BatteryPanel {
  readonly element: HTMLElement;
  show(view: TokenView): void;
}

const states: Readonly<Record<BatteryView['state'], string>> = {
  good: 'good',
  low: 'low: each display warns',
  dead: 'dead',
  out: 'taken out',
};

/** How the battery stands, and its change where it can be changed. */
export function createBatteryPanel(
  world: World,
  change: (gapMs: number) => void,
  complain: (text: string) => void,
): BatteryPanel {
  const level = h('meter', { min: 0, max: 1, low: 0.1, 'aria-label': 'Charge' });
  const text = h('p', {});
  const end = h('p', { class: 'quiet' });
  const swap = oneField('Without power for', '20s', 'Change battery', (typed) => {
    const gapMs = parseDuration(typed === '' ? '20s' : typed);
    if (gapMs === null || gapMs < 0) complain('A gap is a duration such as 20s or 2h');
    else change(gapMs);
  });
  const sealed = h('p', { class: 'quiet' }, 'Sealed in: it cannot be changed.');
  return {
    element: h('div', {}, h('div', { class: 'charge' }, level, text), end, swap, sealed),
    show: ({ battery }) => {
      if (battery === null) return;
      level.value = battery.charge;
      setText(text, `${(battery.charge * 100).toFixed(1)} %, ${states[battery.state]}`);
      setText(
        end,
        battery.endsAtMs === null
          ? ''
          : `Ends about ${world.timeText(battery.endsAtMs).slice(0, 10)}`,
      );
      swap.hidden = !battery.isReplaceable;
      sealed.hidden = battery.isReplaceable;
    },
  };
}
