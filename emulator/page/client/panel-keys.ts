import { h } from './dom.ts';
import { oneField } from './panel-clock.ts';

const pocketTimesMax = 1000;

/** Presses of a fob that nobody looks at. */
export function createPocketPanel(
  press: (times: number) => void,
  complain: (text: string) => void,
): HTMLElement {
  const about = 'Presses that nobody looks at: the event counter moves, the host does not know.';
  const form = oneField('How many', '1', 'Press in pocket', (text) => {
    const times = text === '' ? 1 : Number(text);
    const isFit = Number.isInteger(times) && times >= 1 && times <= pocketTimesMax;
    if (isFit) press(times);
    else complain(`A pocket presses 1 to ${String(pocketTimesMax)} times`);
  });
  return h('div', {}, h('p', { class: 'quiet' }, about), form);
}

/**
 * A whole challenge at once.
 *
 * @param keyIn false while the display asks for none
 */
export function createKeyInPanel(
  keyIn: (text: string) => boolean,
  complain: (text: string) => void,
): HTMLElement {
  const about = 'A challenge that was copied elsewhere, keyed in at once.';
  const form = oneField('Challenge', '12345678', 'Key in', (text) => {
    if (!keyIn(text.trim())) complain('Switch the token on and choose what takes a challenge');
  });
  return h('div', {}, h('p', { class: 'quiet' }, about), form);
}
