import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeEnv, nodePorts, openInboxFile, openTokenFolder } from '../../../emulator/index.ts';
import { type Page as ServedPage, startPage } from '../../../emulator/page/server.ts';
import { Desk } from '../../e2e/desk-support.ts';
import { useBrowser } from '../../support/browser.ts';
import { describeLayer } from '../../support/layers.ts';
import { digits, keyIn, spokenOf } from './page-support.ts';

/** Response and challenge go from the page to the server by hand, and back. */
describeLayer('softhsm', 'a token on the page and a real server', () => {
  const browser = useBrowser();
  let desk: Desk;
  let served: ServedPage;

  beforeAll(async () => {
    desk = await Desk.open();
    for (const [user, serial, profile] of [
      ['kay', 'VT00000002', 'one-button-time'],
      ['lena', 'VT00000003', 'keypad-cr-counter'],
      ['mia', 'VT00000004', 'keypad-pin'],
    ] as const) {
      await desk.shell(`
        tallystick user create ${user}
        vtoken pair --request ${user}.request --serial ${serial} --profile ${profile}
        tallystick token issue --to-emulator ${user}.request --out ${user}.bundle --user ${user}
        vtoken pair --accept ${user}.bundle`);
    }
    const tokens = join(desk.folder, 'tokens');
    served = await startPage({
      port: 0,
      folder: openTokenFolder(tokens, nodeEnv),
      inbox: openInboxFile(join(tokens, 'inbox.jsonl'), nodeEnv),
      env: nodeEnv,
      ports: nodePorts,
      onUnexpectedError: (error) => {
        throw error;
      },
    });
  });

  afterAll(async () => {
    await served.close();
    await desk.close();
  });

  /** What a person reads off the display. */
  async function readResponse(page: Page, serial: string): Promise<string> {
    const spoken = spokenOf(page, serial);
    await expect.poll(() => spoken.textContent()).toMatch(/^Response/);
    return (await spoken.textContent())?.replace(/\D/g, '') ?? '';
  }

  /** Posts to REST as a program does, with its key. */
  async function authenticate(body: object): Promise<number> {
    const key = readFileSync(join(desk.folder, 'desk.key'), 'utf8').trim();
    const response = await fetch(`${desk.url}/v1/authenticate`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.status;
  }

  it('log on once by what the display shows', async () => {
    const { page } = await browser.visit(served.url);
    await page.getByRole('button', { name: 'Press VT00000002' }).click();
    const response = await readResponse(page, 'VT00000002');
    expect(await authenticate({ user: 'kay', response })).toBe(200);
    expect(await authenticate({ user: 'kay', response })).toBe(403);
  });

  it('answer a challenge of the server', async () => {
    const challenge = await desk.shell('tallystick challenge lena --key-file desk.key 2>/dev/null');
    const { page } = await browser.visit(served.url);
    await keyIn(page, 'VT00000003', 'On and off', ...digits(challenge), 'OK');
    const response = await readResponse(page, 'VT00000003');
    expect(await authenticate({ user: 'lena', challenge, response })).toBe(200);
  });

  it("unlock by the server's code, with a new PIN afterwards", async () => {
    const serial = 'VT00000004';
    const { page } = await browser.visit(served.url);
    const spoken = spokenOf(page, serial);
    await keyIn(page, serial, 'On and off');
    for (let wrong = 0; wrong < 5; wrong += 1) await keyIn(page, serial, ...digits('7391'), 'OK');
    await expect.poll(() => spoken.textContent()).toMatch(/^Locked. Challenge/);
    await page.getByRole('button', { name: `Unlock ${serial}` }).click();
    const challenge = await page.getByRole('status', { name: 'Challenge' }).textContent();
    const code = await desk.shell(
      `tallystick token unlock-code ${serial} --challenge ${String(challenge)} 2>/dev/null`,
    );
    await page.getByLabel('Unlock code').fill(code);
    await page.getByRole('button', { name: 'Unlock', exact: true }).click();
    await expect.poll(() => spoken.textContent()).toBe('Enter a new PIN');
    await keyIn(page, serial, ...digits('281946'), 'OK', ...digits('281946'), 'OK');
    await expect.poll(() => spoken.textContent()).toMatch(/^Choose an application/);
    await keyIn(page, serial, '1');
    const response = await readResponse(page, serial);
    expect(await authenticate({ user: 'mia', response })).toBe(200);
  });
});
