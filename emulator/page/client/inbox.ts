import type { InboxView, MessageView } from '../wire.ts';
import { type Context, copyText } from './context.ts';
import { button, h } from './dom.ts';

export interface InboxPane {
  readonly element: HTMLElement;
  show(inbox: InboxView): void;
}

/** The messages that vtoken inbox has taken, the newest first. */
export function createInbox(context: Context): InboxPane {
  const list = h('ol', { class: 'messages' });
  const empty = h('p', { class: 'quiet' });
  empty.append(
    'No messages. ',
    h('code', {}, 'vtoken inbox serve'),
    ' takes mails and short messages, and they are shown here.',
  );
  const element = h(
    'aside',
    { class: 'inbox', id: 'inbox', 'aria-label': 'Inbox', hidden: true },
    h('h2', {}, 'Inbox'),
    empty,
    list,
  );
  return {
    element,
    show: ({ messages }) => {
      empty.hidden = messages.length > 0;
      list.replaceChildren(...messages.map((message) => entryOf(context, message)));
    },
  };
}

function entryOf(context: Context, message: MessageView): HTMLElement {
  const { atMs, channel, to, subject, text, otp } = message;
  return h(
    'li',
    {},
    h('p', { class: 'quiet' }, `${context.world.timeText(atMs)} \u00b7 ${channel}`),
    h('p', { class: 'to' }, to),
    subject === null ? null : h('p', { class: 'subject' }, subject),
    h('p', { class: 'text' }, text),
    otp === null
      ? null
      : h(
          'div',
          { class: 'entry' },
          h('span', { class: 'code' }, otp),
          button('Copy', { 'aria-label': `Copy the one-time password for ${to}` }, () => {
            void copyText(context, otp, 'One-time password');
          }),
        ),
  );
}
