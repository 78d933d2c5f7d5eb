import type { DeskView } from '../wire.ts';
import { button, h, setText } from './dom.ts';
import { durationText, type World } from './world.ts';

export interface TopBar {
  readonly element: HTMLElement;
  show(desk: Pick<DeskView, 'trueTimeMs' | 'travelMs'>): void;
  tick(): void;
  showMessages(count: number): void;
  readonly inboxButton: HTMLButtonElement;
}

export interface TopBarActions {
  readonly travel: (travelMs: number) => void;
  readonly search: (text: string) => void;
  readonly newToken: () => void;
  readonly toggleInbox: () => void;
}

const dayMs = 86_400_000;
/** What is seen is part of what is said, for who speaks to the page. */
const leaps: readonly (readonly [string, string, number])[] = [
  ['\u2212 1 d', 'go back one day', -dayMs],
  ['+ 1 h', 'go one hour ahead', 3_600_000],
  ['+ 1 d', 'go one day ahead', dayMs],
  ['+ 30 d', 'go 30 days ahead', 30 * dayMs],
  ['+ 1 y', 'go one year ahead', 365 * dayMs],
];

/** Title, search, and the time that the desk has. */
export function createTopBar(world: World, actions: TopBarActions): TopBar {
  let desk = { trueTimeMs: 0, travelMs: 0 };
  let shownAtMs = world.monotonicMs();
  const time = h('time', { class: 'time' });
  const travelled = h('span', { class: 'travelled', role: 'status' });
  const back = button('Back to now', { class: 'primary' }, () => actions.travel(0));
  const inboxButton = button('Inbox', { 'aria-expanded': 'false', 'aria-controls': 'inbox' }, () =>
    actions.toggleInbox(),
  );
  const search = h('input', {
    type: 'search',
    placeholder: 'Find a serial',
    'aria-label': 'Find a serial',
  });
  search.addEventListener('input', () => actions.search(search.value));
  const leapButtons = leaps.map(([label, name, byMs]) =>
    button(label, { class: 'leap', 'aria-label': `${label}: ${name}` }, () =>
      actions.travel(desk.travelMs + byMs),
    ),
  );
  const element = h(
    'header',
    { class: 'top-bar' },
    h(
      'div',
      { class: 'top-row' },
      h('h1', {}, 'Tokens on the desk'),
      search,
      inboxButton,
      button('New token', { class: 'primary' }, () => actions.newToken()),
    ),
    h(
      'div',
      { class: 'time-row', role: 'group', 'aria-label': 'Time travel' },
      time,
      ...leapButtons,
      travelled,
      back,
    ),
  );

  function tick(): void {
    const nowMs = desk.trueTimeMs + world.monotonicMs() - shownAtMs;
    setText(time, `${world.timeText(nowMs)} UTC`);
  }

  return {
    element,
    inboxButton,
    show: (next) => {
      desk = next;
      shownAtMs = world.monotonicMs();
      const { travelMs } = next;
      element.classList.toggle('is-travelling', travelMs !== 0);
      back.hidden = travelMs === 0;
      const way = travelMs < 0 ? 'in the past' : 'in the future';
      setText(travelled, travelMs === 0 ? '' : `${durationText(travelMs)} ${way}`);
      tick();
    },
    tick,
    showMessages: (count) => {
      setText(inboxButton, count === 0 ? 'Inbox' : `Inbox (${String(count)})`);
    },
  };
}
