import type { ClockChangeRequest, TokenView } from '../wire.ts';
import { button, field, h, setText } from './dom.ts';
import { errorText, parseDuration, type World } from './world.ts';

export interface ClockPanel {
  readonly element: HTMLElement;
  show(view: TokenView): void;
}

export interface ClockActions {
  readonly change: (change: ClockChangeRequest) => void;
  readonly replace: (preset: string) => void;
  readonly complain: (text: string) => void;
}

const durationHelp = 'a duration such as +90s, -1h30m or 3d';

/** How wrong the clock is, and ways to make it more so. */
export function createClockPanel(
  world: World,
  presets: readonly string[],
  { change, replace, complain }: ClockActions,
): ClockPanel {
  const rows = { error: h('dd'), rate: h('dd'), time: h('dd'), kind: h('dd') };
  const facts = h(
    'dl',
    { class: 'facts' },
    ...pair('Offset now', rows.error),
    ...pair('Rate', rows.rate),
    ...pair('Device time', rows.time),
    ...pair('Kind', rows.kind),
  );
  const duration = (label: string, verb: string, work: (ms: number) => void): HTMLElement =>
    oneField(label, '+90s', verb, (text) => {
      const durationMs = parseDuration(text);
      if (durationMs === null) complain(`${label} takes ${durationHelp}`);
      else work(durationMs);
    });
  const select = h('select', {}, ...presets.map((preset) => h('option', {}, preset)));
  select.value = 'typical';
  const element = h(
    'div',
    {},
    facts,
    duration('Offset', 'Set offset', (offsetMs) => change({ offsetMs })),
    duration('Jump by', 'Jump', (jumpMs) => change({ jumpMs })),
    oneField('Rate in ppm', '12', 'Set rate', (text) => {
      const ratePpm = Number(text.replace('\u2212', '-'));
      if (text.trim() === '' || !Number.isFinite(ratePpm))
        complain('Rate takes a number such as 12');
      else change({ ratePpm });
    }),
    h(
      'div',
      { class: 'row' },
      field('Another clock', select),
      button('Put in', { 'aria-label': 'Put in another clock' }, () => replace(select.value)),
    ),
  );
  return {
    element,
    show: ({ clock }) => {
      setText(rows.error, errorText(clock.errorMs));
      setText(rows.rate, `${clock.ratePpm.toFixed(2)} ppm`);
      setText(rows.time, world.timeText(clock.deviceTimeMs));
      setText(rows.kind, clock.preset ?? 'set by hand');
    },
  };
}

/** A field with the button that uses it; Enter in the field does the same. */
export function oneField(
  label: string,
  placeholder: string,
  verb: string,
  work: (text: string) => void,
): HTMLFormElement {
  const input = h('input', { type: 'text', placeholder, autocomplete: 'off', spellcheck: 'false' });
  const form = h(
    'form',
    { class: 'row', novalidate: true },
    field(label, input),
    h('button', { type: 'submit' }, verb),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    work(input.value);
  });
  return form;
}

function pair(term: string, description: HTMLElement): readonly HTMLElement[] {
  return [h('dt', {}, term), description];
}
