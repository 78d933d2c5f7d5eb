import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { chromiumPath } from './layers.ts';

const inPage = fileURLToPath(new URL('in-page.js', import.meta.url));

/** A page in a real browser, and what went over the wire for it. */
export interface Visit {
  readonly page: Page;
  /** The origins of everything that was asked for. */
  readonly origins: () => readonly string[];
  /** The text of every answer so far. */
  readonly bodies: () => Promise<readonly string[]>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** What the console may complain of; anything else fails the test. */
  readonly mayComplain?: RegExp;
}

/** The browser of a test file: one process, and a fresh profile for each visit. */
export interface TestBrowser {
  /**
   * Opens an address. When the test ends it fails if the page threw, logged an error, broke its
   * content security policy or asked another origin for anything.
   */
  readonly visit: (url: string, options?: VisitOptions) => Promise<Visit>;
}

/** Starts the browser before the tests of this file and ends it after them. */
export function useBrowser(): TestBrowser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    const executablePath = chromiumPath();
    if (executablePath === undefined) throw new Error('there is no chromium');
    // Chromium's own sandbox does not start for root; what is shown here is ours.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser?.close());
  return {
    visit: async (url, { mayComplain, ...options } = {}) => {
      if (browser === undefined) throw new Error('the browser starts with the tests, not before');
      const context = await browser.newContext({ timezoneId: 'UTC', ...options });
      await context.addInitScript({ path: inPage });
      const page = await context.newPage();
      const visit = watch(page, new URL(url).origin, mayComplain);
      onTestFinished(() => context.close());
      await page.goto(url);
      return visit;
    },
  };
}

function watch(page: Page, origin: string, mayComplain: RegExp | undefined): Visit {
  const complaints: string[] = [];
  const origins = new Set<string>();
  const answers: Promise<string>[] = [];
  page.on('pageerror', (error) => complaints.push(`threw: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  page.on('response', (response) => {
    // A page that was left takes its answers with it.
    answers.push(response.text().catch(() => ''));
  });
  onTestFinished(() => {
    const unexpected = complaints.filter((text) => mayComplain?.test(text) !== true);
    expect([...origins], 'whom the page asked').toEqual([origin]);
    expect(unexpected, 'what the page complained of').toEqual([]);
  });
  return { page, origins: () => [...origins], bodies: () => Promise.all(answers) };
}
