import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { profileNamed, type ProfileName, profileNames } from '../../../emulator/index.ts';
import { useBrowser } from '../../support/browser.ts';
import { describeLayer } from '../../support/layers.ts';
import { cardOf, digits, keyIn, openTestDesk, type TestDesk } from './page-support.ts';

interface AccessibleNode {
  readonly role?: { readonly value?: string };
  readonly name?: { readonly value?: string };
  readonly ignored: boolean;
}

const controls = ['button', 'link', 'textbox', 'searchbox', 'combobox', 'spinbutton', 'checkbox'];

/** Every control that a screen reader meets, by role and name. */
async function controlsOf(page: Page): Promise<readonly { role: string; name: string }[]> {
  const session = await page.context().newCDPSession(page);
  const tree = await session.send('Accessibility.getFullAXTree');
  return (tree.nodes as readonly AccessibleNode[])
    .filter(({ ignored }) => !ignored)
    .map(({ role, name }) => ({ role: role?.value ?? '', name: name?.value ?? '' }))
    .filter(({ role }) => controls.includes(role));
}

function serialOf(profile: ProfileName): string {
  return `TOKEN${profileNames.indexOf(profile)}`;
}

describeLayer('chromium', 'how the page looks', () => {
  const browser = useBrowser();

  /** One token of each kind, in as many states as there are. */
  async function fullDesk(): Promise<TestDesk> {
    const desk = await openTestDesk();
    for (const [index, name] of profileNames.entries()) {
      await desk.put(`TOKEN${index}`, profileNamed(name));
    }
    const line = { atMs: 1000, channel: 'http', to: '+491701', text: 'Your code is 482915' };
    appendFileSync(join(desk.path, 'inbox.jsonl'), `${JSON.stringify(line)}\n`);
    return desk;
  }

  /** Shows whatever can be shown at once: displays, panels, the inbox, a refusal and a banner. */
  async function openEverything(page: Page): Promise<void> {
    await cardOf(page, 'TOKEN0').waitFor();
    await page.getByRole('button', { name: 'Press TOKEN0' }).click();
    await keyIn(page, serialOf('keypad-multi'), 'On and off');
    await keyIn(page, serialOf('keypad-pin'), 'On and off', ...digits('739155'), 'OK');
    for (const [serial, panel] of [
      ['TOKEN0', 'History'],
      ['TOKEN1', 'Clock'],
      ['TOKEN2', 'Pocket'],
      ['TOKEN3', 'About'],
      [serialOf('keypad-cr-counter'), 'Key in'],
    ] as const) {
      await cardOf(page, serial).getByRole('button', { name: panel, exact: true }).click();
    }
    await page.getByRole('button', { name: /^Inbox/ }).click();
    await page.getByRole('button', { name: 'Go one day ahead' }).click();
    await page.getByRole('button', { name: 'Back to now' }).waitFor();
  }

  it.each(['light', 'dark'] as const)('has no faint text when it is %s', async (colorScheme) => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url, { colorScheme });
    await openEverything(page);
    expect(await page.evaluate('faintTexts(4.5)')).toEqual([]);
    // The measure itself: everything is fainter than the most there can be.
    expect(await page.evaluate<string[]>('faintTexts(21.01)')).not.toEqual([]);
    await page.getByRole('button', { name: 'New token' }).click();
    expect(await page.evaluate('faintTexts(4.5)')).toEqual([]);
  });

  it('names every control', async () => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url);
    await openEverything(page);
    const onDesk = await controlsOf(page);
    expect(onDesk.length).toBeGreaterThan(80);
    expect(onDesk.filter(({ name }) => name.trim() === '')).toEqual([]);
    await page.getByRole('button', { name: 'New token' }).click();
    const inDialog = await controlsOf(page);
    expect(inDialog.map(({ name }) => name)).toContain('Serial');
    expect(inDialog.filter(({ name }) => name.trim() === '')).toEqual([]);
  });

  it.each([360, 390, 768, 1024, 1600])('needs no sideways scrolling at %i px', async (width) => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url, { viewport: { width, height: 800 } });
    await openEverything(page);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.getByRole('button', { name: 'New token' }).click();
    const box = await page.getByRole('dialog').boundingBox();
    expect(box?.width).toBeLessThanOrEqual(width);
  });

  it('stands still for who wants it to', async () => {
    const desk = await fullDesk();
    const animations = 'document.getAnimations().length';
    const { page: lively } = await browser.visit(desk.served.url);
    await cardOf(lively, 'TOKEN0').waitFor();
    await lively.getByRole('button', { name: 'Press TOKEN0' }).click();
    await cardOf(lively, 'TOKEN0').getByText('display off in').waitFor();
    expect(await lively.evaluate(animations)).toBeGreaterThan(0);
    const { page } = await browser.visit(desk.served.url, { reducedMotion: 'reduce' });
    await cardOf(page, 'TOKEN0').waitFor();
    await page.getByRole('button', { name: 'Press TOKEN0' }).click();
    await cardOf(page, 'TOKEN0').getByText('display off in').waitFor();
    expect(await page.evaluate(animations)).toBe(0);
  });

  it('takes the key out of the address, and lets in nobody without', async () => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url);
    await cardOf(page, 'TOKEN0').waitFor();
    expect(page.url()).toBe(`http://127.0.0.1:${desk.served.port}/`);
    await page.reload();
    await cardOf(page, 'TOKEN0').waitFor();
    const bare = new URL('/', desk.served.url).href;
    const { page: stranger, bodies } = await browser.visit(bare, { mayComplain: /status of 401/ });
    await expect
      .poll(() => stranger.getByRole('alert').textContent())
      .toBe('Open the address that vtoken serve has printed.');
    expect((await bodies()).join()).not.toContain('TOKEN0');
  });

  it('says so when the server has ended', async () => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url, {
      mayComplain: /ERR_CONNECTION_REFUSED/,
    });
    await cardOf(page, 'TOKEN0').waitFor();
    await desk.served.close();
    await expect.poll(() => page.locator('.notice').textContent()).toMatch(/does not answer/);
  });
});
