import type { Api } from './api.ts';
import { ApiError } from './api.ts';
import type { World } from './world.ts';

/** What every part of the page works with. */
export interface Context {
  readonly api: Api;
  readonly world: World;
  /** Says a sentence to everybody: shown for a while, and read out. */
  announce(text: string): void;
  /** Asks the server for the desk, before its time. */
  refresh(): void;
}

/** Runs what may be refused, and says why it was. */
export async function attempt(context: Context, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    context.announce(error.message);
    return false;
  }
}

/** Puts a text on the clipboard and says that it is there, not what it is. */
export async function copyText(context: Context, text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    context.announce(`${what} copied`);
  } catch {
    context.announce('The browser does not let this page copy');
  }
}
