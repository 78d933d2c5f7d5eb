import type { Outcome, TokenView } from '../wire.ts';
import { attempt, type Context, copyText } from './context.ts';
import { type DeviceDrawing, drawDevice } from './device.ts';
import { button, h, setText } from './dom.ts';
import { createHands, type Hands, takesText } from './hands.ts';
import { holdText } from './hold.ts';
import { listenToKeyboard } from './keyboard.ts';
import { switchedOff } from './lcd.ts';
import { createMeters, type Meters } from './meters.ts';
import { createPanels, type Panels } from './panels.ts';
import { askExtras, openUnlock } from './prompts.ts';

const flashMs = 1500;

/** What tells whether a card still shows the token that it was drawn for. */
function drawnBy({ make }: TokenView): string {
  return JSON.stringify(make);
}

/** One token on the shelf: the device, what one may do with it, and what is known of it. */
export class Card {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #serial: string;
  readonly #drawnBy: string;
  readonly #hands: Hands;
  readonly #device: DeviceDrawing;
  readonly #panels: Panels;
  readonly #meters: Meters = createMeters();
  readonly #spoken = h('p', { class: 'spoken', 'aria-live': 'polite' });
  readonly #message = h('p', { class: 'message', role: 'status' });
  readonly #copy: HTMLButtonElement;
  readonly #unlock: HTMLButtonElement;
  #view: TokenView;
  #shownAtMs: number;
  #flash: string | null = null;
  #isAsking = false;

  constructor(view: TokenView, presets: readonly string[], context: Context) {
    const { serial } = view;
    this.#context = context;
    this.#serial = serial;
    this.#drawnBy = drawnBy(view);
    this.#view = view;
    this.#shownAtMs = context.world.monotonicMs();
    this.#hands = createHands({
      view: () => this.#view,
      send: (key) => this.#act(() => context.api.pressKey(serial, key)),
      askExtras: () => askExtras(this.#view),
      onTyped: () => this.#render(),
    });
    this.#device = drawDevice(view, context.world, (key) => this.#hands.press(key));
    this.#copy = button('Copy', { 'aria-label': `Copy what ${serial} shows` }, () =>
      this.#copyShown(),
    );
    this.#unlock = button(
      'Unlock\u2026',
      { 'aria-label': `Unlock ${serial}` },
      () => void this.#openUnlock(),
    );
    this.#panels = createPanels({
      view,
      presets,
      context,
      act: (work) => this.#act(work),
      keyIn: (text) => this.#keyIn(text),
      complain: (text) => setText(this.#message, text),
    });
    this.element = this.#assemble();
    listenToKeyboard(this.element, () => this.#view, this.#hands);
    this.#render();
  }

  /** Whether a token is drawn as this card is; one made anew under its serial may be another. */
  fits(view: TokenView): boolean {
    return drawnBy(view) === this.#drawnBy;
  }

  focusDevice(): void {
    this.#device.element.focus();
  }

  /** @param askedAtMs when the server was asked: what is older than the last change is passed over */
  update(view: TokenView, askedAtMs: number): void {
    if (askedAtMs >= this.#shownAtMs) this.#take(view);
  }

  /** Moves what depends on the time alone. */
  tick(): void {
    const sinceMs = this.#context.world.monotonicMs() - this.#shownAtMs;
    const { displayOff, timeStep, countdown } = this.#view;
    if (displayOff !== null && sinceMs >= displayOff.remainingMs) {
      this.#view = switchedOff(this.#view);
      this.#hands.forget();
      this.#render();
      return;
    }
    this.#device.lcd.showCountdown(countdown, sinceMs);
    this.#meters.show(this.#view, sinceMs, this.#device.heldMs());
    // What comes next, the device knows: a display that is always on shows another response.
    if (timeStep !== null && sinceMs >= timeStep.remainingMs && !this.#isAsking) {
      this.#isAsking = true;
      this.#context.refresh();
    }
  }

  #assemble(): HTMLElement {
    const id = `card-${this.#serial}`;
    return h(
      'article',
      { class: 'card', 'aria-labelledby': id, 'data-serial': this.#serial },
      h(
        'header',
        {},
        h('h2', { id }, this.#serial),
        h('p', { class: 'quiet' }, describe(this.#view)),
      ),
      this.#device.element,
      this.#spoken,
      this.#meters.element,
      this.#message,
      h(
        'div',
        { class: 'actions' },
        this.#copy,
        this.#holdButton(),
        this.#unlock,
        ...this.#panels.buttons,
      ),
      ...this.#panels.elements,
    );
  }

  /** For who cannot hold a button with a finger. */
  #holdButton(): HTMLElement | null {
    const { longPressMs } = this.#view.make;
    if (longPressMs === null) return null;
    const time = holdText(longPressMs);
    const name = `Hold the button of ${this.#serial} for ${time}: information`;
    return button(`Hold ${time}`, { 'aria-label': name }, () =>
      this.#hands.press({ heldMs: longPressMs }),
    );
  }

  #render(): void {
    const { lcd, isLocked } = this.#view;
    const stars = this.#hands.stars();
    this.#device.lcd.show(lcd, this.#flash ?? stars);
    setText(this.#spoken, stars === null ? lcd.spoken : `${String(stars.length)} digits entered`);
    this.#copy.disabled = lcd.copy === null;
    this.#unlock.hidden = !isLocked;
    this.#panels.show(this.#view);
    this.tick();
  }

  #take(view: TokenView): void {
    this.#view = view;
    this.#shownAtMs = this.#context.world.monotonicMs();
    this.#isAsking = false;
    if (view.lcd.asks !== 'pin') this.#hands.forget();
    this.#render();
  }

  #showOutcome({ token, generated, refusal, flash }: Outcome): void {
    if (generated !== null) this.#panels.history.add(generated);
    setText(this.#message, refusal === null ? '' : `${sentence(refusal)}.`);
    this.#flash = flash;
    if (flash !== null) {
      this.#context.world.after(flashMs, () => {
        this.#flash = null;
        this.#render();
      });
    }
    this.#take(token);
  }

  async #act(work: () => Promise<Outcome>): Promise<void> {
    await attempt(this.#context, async () => this.#showOutcome(await work()));
  }

  #keyIn(text: string): boolean {
    const { asks } = this.#view.lcd;
    if (!takesText(asks)) return false;
    this.#hands.type(text);
    return true;
  }

  #copyShown(): void {
    const { copy } = this.#view.lcd;
    if (copy !== null) void copyText(this.#context, copy.text, copy.what);
  }

  async #openUnlock(): Promise<void> {
    const { api } = this.#context;
    if (!this.#view.lcd.isOn) {
      await this.#act(() => api.pressKey(this.#serial, { kind: 'press' }));
    }
    const { asks, spoken } = this.#view.lcd;
    if (asks !== 'unlock-code') setText(this.#message, `${spoken}.`);
    else openUnlock(this.#context, this.#view, (outcome) => this.#showOutcome(outcome));
  }
}

function describe({ make: { applications, isPaired } }: TokenView): string {
  if (!isPaired) return 'waits for its seeds: vtoken pair --accept';
  const open = applications.filter(({ mode }) => mode !== 'unlock');
  const [only] = open;
  return open.length === 1 && only !== undefined
    ? `${only.name} ${only.algorithm}`
    : open.map(({ name }) => name).join(', ');
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
