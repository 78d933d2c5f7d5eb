import type { Choices, DeskView, TokenView } from '../wire.ts';
import { type Api, ApiError } from './api.ts';
import { Card } from './card.ts';
import { attempt, type Context } from './context.ts';
import { h, setText } from './dom.ts';
import { createInbox, type InboxPane } from './inbox.ts';
import { openNewToken } from './prompts.ts';
import { createTopBar, type TopBar } from './top-bar.ts';
import type { World } from './world.ts';

const pollMs = 1000;
const tickMs = 200;
const toastMs = 4000;

/** The whole page, in an element of the document; it begins to ask the server at once. */
export class Page {
  readonly #context: Context;
  readonly #choices: Choices;
  readonly #root: HTMLElement;
  readonly #topBar: TopBar;
  readonly #inbox: InboxPane;
  readonly #cards = new Map<string, Card>();
  readonly #shelf = h('main', { class: 'shelf' });
  readonly #notices = h('div', { class: 'notices' });
  readonly #toast = h('p', { class: 'toast', role: 'status' });
  #search = '';
  #inboxVersion: string | null | undefined;
  #toastCount = 0;

  constructor(root: HTMLElement, api: Api, world: World, choices: Choices) {
    this.#context = {
      api,
      world,
      announce: (text) => this.#announce(text),
      refresh: () => this.#refreshSeen(),
    };
    this.#choices = choices;
    this.#root = root;
    this.#inbox = createInbox(this.#context);
    this.#topBar = createTopBar(world, {
      travel: (travelMs) => void this.#travel(travelMs),
      search: (text) => {
        this.#search = text;
        void this.#refresh();
      },
      newToken: () => this.#openNewToken(),
      toggleInbox: () => this.#toggleInbox(),
    });
    root.replaceChildren(
      this.#topBar.element,
      this.#notices,
      h('div', { class: 'desk' }, this.#shelf, this.#inbox.element),
      this.#toast,
    );
    this.#every(tickMs, () => this.#tick());
    this.#every(pollMs, () => this.#refreshSeen());
    void this.#refresh();
  }

  #every(durationMs: number, work: () => void): void {
    this.#context.world.after(durationMs, () => {
      work();
      this.#every(durationMs, work);
    });
  }

  #tick(): void {
    this.#topBar.tick();
    for (const card of this.#cards.values()) card.tick();
  }

  #announce(text: string): void {
    this.#toastCount += 1;
    const mine = this.#toastCount;
    // Emptied first, so that the same sentence is said again.
    this.#toast.textContent = '';
    setText(this.#toast, text);
    this.#context.world.after(toastMs, () => {
      if (this.#toastCount === mine) this.#toast.textContent = '';
    });
  }

  /** Nobody looks at a page in the background. */
  #refreshSeen(): void {
    if (!document.hidden) void this.#refresh();
  }

  async #refresh(): Promise<void> {
    const askedAtMs = this.#context.world.monotonicMs();
    try {
      const desk = await this.#context.api.desk(this.#search);
      this.#show(desk, askedAtMs);
      this.#root.classList.remove('is-cut-off');
      if (desk.inboxVersion !== this.#inboxVersion) await this.#showInbox();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#root.classList.add('is-cut-off');
      this.#showNotices([error.message]);
    }
  }

  async #showInbox(): Promise<void> {
    const view = await this.#context.api.inbox();
    this.#inboxVersion = view.version;
    this.#inbox.show(view);
    this.#topBar.showMessages(view.messages.length);
  }

  #show(desk: DeskView, askedAtMs: number): void {
    this.#topBar.show(desk);
    const present = new Set(desk.tokens.map(({ serial }) => serial));
    for (const [serial, card] of this.#cards) {
      if (present.has(serial)) continue;
      card.element.remove();
      this.#cards.delete(serial);
    }
    desk.tokens.forEach((view, index) => {
      const card = this.#cardFor(view);
      card.update(view, askedAtMs);
      // Only where it is new: an element that is moved loses the focus.
      const there = this.#shelf.children[index] ?? null;
      if (there !== card.element) this.#shelf.insertBefore(card.element, there);
    });
    this.#showNotices(noticesOf(desk, this.#search));
  }

  /** The card of a token; another one where the token was removed and made anew as something else. */
  #cardFor(view: TokenView): Card {
    const known = this.#cards.get(view.serial);
    if (known?.fits(view) === true) return known;
    const card = new Card(view, this.#choices.presets, this.#context);
    this.#cards.set(view.serial, card);
    if (known !== undefined) {
      const hadFocus = known.element.contains(document.activeElement);
      known.element.replaceWith(card.element);
      if (hadFocus) card.focusDevice();
    }
    return card;
  }

  #showNotices(texts: readonly string[]): void {
    if (texts.join('\n') === [...this.#notices.children].map((p) => p.textContent).join('\n'))
      return;
    this.#notices.replaceChildren(
      ...texts.map((text) => h('p', { class: 'notice', role: 'status' }, text)),
    );
  }

  async #travel(travelMs: number): Promise<void> {
    await attempt(this.#context, () => this.#context.api.travel(travelMs));
    await this.#refresh();
  }

  #toggleInbox(): void {
    const { element } = this.#inbox;
    element.hidden = !element.hidden;
    this.#root.classList.toggle('has-inbox', !element.hidden);
    this.#topBar.inboxButton.setAttribute('aria-expanded', String(!element.hidden));
  }

  #openNewToken(): void {
    const serial = nextSerial([...this.#cards.keys()]);
    openNewToken(this.#context, this.#choices, serial, (made) => void this.#showNew(made));
  }

  async #showNew(serial: string): Promise<void> {
    await this.#refresh();
    this.#announce(`${serial} lies on the desk`);
    const card = this.#cards.get(serial);
    card?.element.scrollIntoView({ block: 'nearest' });
    card?.focusDevice();
  }
}

function noticesOf({ tokens, count, damaged }: DeskView, search: string): readonly string[] {
  const texts = damaged.map(({ serial, reason }) => `${serial} cannot be shown: ${reason}`);
  if (count === 0 && search === '') texts.push('No tokens yet: make one with New token.');
  if (count === 0 && search !== '') texts.push('No serial has this in it.');
  const shown = tokens.length + damaged.length;
  if (count > shown) {
    texts.push(`The first ${String(shown)} of ${String(count)} tokens: find the others by serial.`);
  }
  return texts;
}

/** One more than the highest of the usual serials that is shown. */
function nextSerial(serials: readonly string[]): string {
  const numbers = serials.map((serial) => Number(/^VT(\d{8})$/.exec(serial)?.[1] ?? 0));
  return `VT${String(Math.max(0, ...numbers) + 1).padStart(8, '0')}`;
}
