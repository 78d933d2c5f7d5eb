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

/** What a programmable token is, and the command that programs it: seeds are not for browsers. */
export function createProgramPanel(serial: string): HTMLElement {
  const about =
    'Its owner writes the seed, and with it sets the clock. Counters then begin at 0; what it showed before is of no more use.';
  const command = `vtoken program ${serial} --seed-file seed.txt --set-clock`;
  return h('div', {}, h('p', { class: 'quiet' }, about), h('code', { class: 'command' }, command));
}

/**
 * A whole challenge or data field at once.
 *
 * @param keyIn false while the display asks for none
 */
export function createKeyInPanel(
  keyIn: (text: string) => boolean,
  complain: (text: string) => void,
): HTMLElement {
  const about =
    'A challenge or data field that was copied elsewhere, or has letters, keyed in at once.';
  const form = oneField('Challenge or field', '12345678', 'Key in', (text) => {
    if (!keyIn(text.trim()))
      complain('Switch the token on and choose what takes a challenge or a field');
  });
  return h('div', {}, h('p', { class: 'quiet' }, about), form);
}
