import type { Outcome, TokenView } from '../wire.ts';
import type { Context } from './context.ts';
import { button, h } from './dom.ts';
import { createBatteryPanel } from './panel-battery.ts';
import { createClockPanel } from './panel-clock.ts';
import { createKeyInPanel, createPocketPanel, createProgramPanel } from './panel-keys.ts';
import { createHistory, type History } from './panel-history.ts';

export interface PanelsParts {
  readonly view: TokenView;
  readonly presets: readonly string[];
  readonly context: Context;
  /** Does something with the token and shows what became of it. */
  readonly act: (work: () => Promise<Outcome>) => Promise<void>;
  /** Keys in a whole text; false while the display asks for none. */
  readonly keyIn: (text: string) => boolean;
  readonly complain: (text: string) => void;
}

export interface Panels {
  readonly buttons: readonly HTMLButtonElement[];
  readonly elements: readonly HTMLElement[];
  readonly history: History;
  show(view: TokenView): void;
}

interface Panel {
  readonly label: string;
  readonly content: HTMLElement;
}

/** What opens below a token, one at a time: history, clock, and what else it has. */
export function createPanels({
  view,
  presets,
  context,
  act,
  keyIn,
  complain,
}: PanelsParts): Panels {
  const { api, world } = context;
  const { serial, make } = view;
  const history = createHistory(context);
  const clock = createClockPanel(world, presets, {
    change: (change) => void act(() => api.changeClock(serial, change)),
    replace: (preset) => void act(() => api.replaceClock(serial, preset)),
    complain,
  });
  const battery = createBatteryPanel(
    world,
    (gapMs) => void act(() => api.changeBattery(serial, gapMs)),
    complain,
  );
  const pocket = createPocketPanel(
    (times) => void act(() => api.pressInPocket(serial, times)),
    complain,
  );
  const panels: Panel[] = [
    { label: 'History', content: history.element },
    { label: 'Clock', content: clock.element },
    ...(make.hasBattery ? [{ label: 'Battery', content: battery.element }] : []),
    ...(make.body === 'fob' ? [{ label: 'Pocket', content: pocket }] : []),
    ...(make.body === 'keypad'
      ? [{ label: 'Key in', content: createKeyInPanel(keyIn, complain) }]
      : []),
    ...(make.isProgrammable ? [{ label: 'Program', content: createProgramPanel(serial) }] : []),
    { label: 'About', content: aboutOf(view) },
  ];

  const { buttons, elements } = disclose(serial, panels);
  return {
    buttons,
    elements,
    history,
    show: (next) => {
      clock.show(next);
      battery.show(next);
      showCounters(elements, next);
    },
  };
}

/** One button per panel; of the panels one is open at most. */
function disclose(serial: string, panels: readonly Panel[]): Pick<Panels, 'buttons' | 'elements'> {
  const elements = panels.map(({ label, content }) => {
    const id = panelId(serial, label);
    const attributes = {
      class: 'panel',
      id,
      role: 'region',
      'aria-label': `${label} of ${serial}`,
    };
    return h('section', { ...attributes, hidden: true }, content);
  });
  const buttons = panels.map(({ label }, index) => {
    const attributes = {
      'aria-expanded': 'false',
      'aria-controls': panelId(serial, label),
    };
    return button(label, attributes, () => toggle(index));
  });

  function toggle(wanted: number): void {
    elements.forEach((element, index) => {
      element.hidden = index !== wanted || !element.hidden;
      buttons[index]?.setAttribute('aria-expanded', String(!element.hidden));
    });
  }

  return { buttons, elements };
}

function panelId(serial: string, label: string): string {
  return `panel-${serial}-${label.toLowerCase().replace(' ', '-')}`;
}

function aboutOf({ make, serial }: TokenView): HTMLElement {
  const rows = make.applications.flatMap(({ name, mode, algorithm }) => [
    h('dt', {}, name),
    h('dd', {}, `${mode}, ${algorithm}`, h('span', { 'data-counter': name })),
  ]);
  return h(
    'div',
    {},
    h('dl', { class: 'facts' }, ...rows),
    h('code', { class: 'command' }, `vtoken show ${serial}`),
  );
}

function showCounters(
  elements: readonly HTMLElement[],
  { make, nextEventCounters }: TokenView,
): void {
  for (const element of elements) {
    for (const counter of element.querySelectorAll('[data-counter]')) {
      const wanted = counter.getAttribute('data-counter');
      const index = make.applications.findIndex(({ name }) => name === wanted);
      const next = nextEventCounters[index] ?? null;
      counter.textContent = next === null ? '' : `, next event counter ${next}`;
    }
  }
}
