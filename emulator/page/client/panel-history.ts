import type { GeneratedView } from '../wire.ts';
import { type Context, copyText } from './context.ts';
import { button, h } from './dom.ts';

const responsesMax = 50;

export interface History {
  readonly element: HTMLElement;
  add(generated: GeneratedView): void;
}

/** The newest responses that were made on this page; each is hidden until it is asked for. */
export function createHistory(context: Context): History {
  const list = h('ol', { class: 'history' });
  const empty = h('p', { class: 'quiet' }, 'No response was made on this page yet.');
  const element = h('div', {}, empty, list);
  return {
    element,
    add: (generated) => {
      empty.hidden = true;
      list.prepend(entryOf(context, generated));
      while (list.children.length > responsesMax) list.lastElementChild?.remove();
    },
  };
}

function entryOf(context: Context, generated: GeneratedView): HTMLElement {
  const { response, eventCounter, timeStep, trueTimeMs, applicationName, isUnread } = generated;
  const time = context.world.timeText(trueTimeMs);
  const hidden = '\u2022'.repeat(response.length);
  const code = h('span', { class: 'code' }, hidden);
  const reveal = button(
    'Show',
    { 'aria-label': `Show the response of ${time}`, 'aria-pressed': 'false' },
    () => {
      const isShown = reveal.getAttribute('aria-pressed') === 'true';
      reveal.setAttribute('aria-pressed', String(!isShown));
      code.textContent = isShown ? hidden : response;
    },
  );
  const copy = button('Copy', { 'aria-label': `Copy the response of ${time}` }, () => {
    void copyText(context, response, 'Response');
  });
  const position = [
    eventCounter === null ? null : `counter ${eventCounter}`,
    timeStep === null ? null : `step ${timeStep}`,
    isUnread ? 'not read' : null,
  ].filter((part) => part !== null);
  return h(
    'li',
    {},
    h('div', { class: 'entry' }, code, reveal, copy),
    h('p', { class: 'quiet' }, [time, applicationName, ...position].join(' \u00b7 ')),
  );
}
