import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import {
  createToken,
  idealClock,
  nodeEnv,
  nodePorts,
  openInboxFile,
  openTokenFolder,
  parseApplicationText,
  type Profile,
  profileNamed,
  type TokenFolder,
} from '../../../emulator/index.ts';
import {
  type Page as ServedPage,
  type PageOptions,
  startPage,
} from '../../../emulator/page/server.ts';
import { ensureBuilt } from '../../support/cli.ts';
import { freshFolder, rfcSeed } from '../support.ts';

/** A folder of tokens and the page that shows it, until the test ends. */
export interface TestDesk {
  readonly path: string;
  readonly folder: TokenFolder;
  readonly served: ServedPage;
  /** Puts a token on the desk; all its seeds are the RFC's. */
  readonly put: (serial: string, profile: Profile) => Promise<void>;
  /** What is asked of the server without a browser; `headers` may take the place of the usual. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }>;
  /** The cookie that the key of this start is good for. */
  readonly cookie: () => Promise<string>;
  readonly errors: readonly unknown[];
}

/** @param options in place of the usual ones */
export async function openTestDesk(options: Partial<PageOptions> = {}): Promise<TestDesk> {
  await ensureBuilt();
  const path = freshFolder();
  const folder = openTokenFolder(path, nodeEnv);
  const errors: unknown[] = [];
  const served = await startPage({
    port: 0,
    folder,
    inbox: openInboxFile(join(path, 'inbox.jsonl'), nodeEnv),
    env: nodeEnv,
    ports: nodePorts,
    onUnexpectedError: (error) => errors.push(error),
    ...options,
  });
  onTestFinished(() => served.close());
  const origin = `http://127.0.0.1:${served.port}`;
  const ask: TestDesk['ask'] = async (method, target, body, headers = {}) => {
    const response = await fetch(`${origin}${target}`, {
      method,
      headers: {
        ...(method === 'GET' ? {} : { origin }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    path,
    folder,
    served,
    errors,
    ask,
    cookie: async () => {
      const { headers } = await ask('POST', '/api/session', { key: keyOf(served) });
      return headers.get('set-cookie')?.split(';')[0] ?? '';
    },
    put: (serial, profile) => {
      const seeds = profile.applications.map(() => new Uint8Array(rfcSeed));
      return folder.create(createToken({ serial, profile, clock: idealClock(0) }, seeds));
    },
  };
}

const multi = parseApplicationText('MULTI=multi:OCRA-1:HOTP-SHA1-8:C-QH40/ACCOUNT:N16,NAME:a8');

/** A keypad without PIN that signs as well, and has host codes. */
export const multiWithHostCode: Profile = {
  ...profileNamed('keypad-cr-time'),
  applications: [{ ...multi, hostCode: { scheme: 'mutual', digits: 8 } }],
};

export function keyOf({ url }: ServedPage): string {
  return new URL(url).hash.slice(1);
}

/** One token on the page, as a person finds it. */
export function cardOf(page: Page, serial: string): Locator {
  return page.getByRole('article', { name: serial, exact: true });
}

/** What a screen reader is told that the display shows. */
export function spokenOf(page: Page, serial: string): Locator {
  return cardOf(page, serial).locator('.spoken');
}

/** Clicks keys of a token by their names, one after the other. */
export async function keyIn(
  page: Page,
  serial: string,
  ...names: readonly string[]
): Promise<void> {
  const device = cardOf(page, serial).getByRole('group');
  for (const name of names) await device.getByRole('button', { name, exact: true }).click();
}

/** The digits of a text as names of keys. */
export function digits(text: string): readonly string[] {
  return Array.from(text);
}
