import { ApiError, createApi } from './api.ts';
import { h } from './dom.ts';
import { Page } from './page.ts';
import type { World } from './world.ts';

const world: World = {
  monotonicMs: () => performance.now(),
  timeText: (atMs) => {
    // A device's clock may stand where no calendar reaches.
    if (Math.abs(atMs) > 8.64e15) return 'beyond any calendar';
    return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
  },
  after: (durationMs, work) => {
    setTimeout(work, durationMs);
  },
};

/** The key of this start is in the fragment, and leaves the address before anything else is done. */
async function start(root: HTMLElement): Promise<void> {
  const api = createApi();
  const key = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  try {
    if (key !== '') await api.openSession(key);
    new Page(root, api, world, await api.choices());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    root.replaceChildren(
      h(
        'main',
        { class: 'closed' },
        h('h1', {}, 'Tokens on the desk'),
        h(
          'p',
          { role: 'alert' },
          `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`,
        ),
      ),
    );
  }
}

const root = document.getElementById('page');
if (root !== null) await start(root);
