import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import {
  clockErrorMs,
  freshBattery,
  type Hull,
  profileNamed,
  usualBattery,
} from '../../../emulator/index.ts';
import { useBrowser } from '../../support/browser.ts';
import { describeLayer } from '../../support/layers.ts';
import { profileOf, rfcResponses, vtoken } from '../support.ts';
import { cardOf, digits, keyIn, openTestDesk, spokenOf, type TestDesk } from './page-support.ts';

const dayMs = 86_400_000;
const clipboard = { permissions: ['clipboard-read', 'clipboard-write'] };

describeLayer('chromium', 'what one does with tokens on the page', () => {
  const browser = useBrowser();

  async function visit(desk: TestDesk): Promise<Page> {
    const { page } = await browser.visit(desk.served.url, clipboard);
    return page;
  }

  async function visitWith(
    serial: string,
    name: Parameters<typeof profileNamed>[0],
  ): Promise<{ desk: TestDesk; page: Page }> {
    const desk = await openTestDesk();
    await desk.put(serial, profileNamed(name));
    const page = await visit(desk);
    await cardOf(page, serial).waitFor();
    return { desk, page };
  }

  const copied = (page: Page): Promise<string> =>
    page.evaluate<string>('navigator.clipboard.readText()');
  const open = (page: Page, serial: string, panel: string): Promise<void> =>
    cardOf(page, serial).getByRole('button', { name: panel, exact: true }).click();
  const said = (page: Page): Promise<string | null> => page.locator('.toast').textContent();

  it('copies a response without saying it aloud', async () => {
    const { page } = await visitWith('EVENT01', 'one-button-event');
    const copy = page.getByRole('button', { name: 'Copy what EVENT01 shows' });
    expect(await copy.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await copy.click();
    await expect.poll(() => said(page)).toBe('Response copied');
    expect(await copied(page)).toBe(rfcResponses[0]);
  });

  it('keeps the last fifty responses, each hidden until it is asked for', async () => {
    const { page } = await visitWith('EVENT01', 'one-button-event');
    const press = page.getByRole('button', { name: 'Press EVENT01' });
    for (let count = 0; count < 52; count += 1) await press.click();
    await open(page, 'EVENT01', 'History');
    const entries = cardOf(page, 'EVENT01').getByRole('listitem');
    await expect.poll(() => entries.first().textContent()).toContain('counter 51');
    expect(await entries.count()).toBe(50);
    expect(await entries.last().textContent()).toContain('counter 2');
    expect(await entries.last().textContent()).not.toContain(rfcResponses[2]!);
    await entries.last().getByRole('button', { name: 'Show' }).click();
    expect(await entries.last().textContent()).toContain(rfcResponses[2]!);
    await entries.last().getByRole('button', { name: 'Show' }).click();
    expect(await entries.last().textContent()).not.toContain(rfcResponses[2]!);
    await entries.last().getByRole('button', { name: 'Copy' }).click();
    await expect.poll(() => copied(page)).toBe(rfcResponses[2]);
  });

  it('presses in a pocket: the counter moves and nobody has read it', async () => {
    const { desk, page } = await visitWith('EVENT01', 'one-button-event');
    await open(page, 'EVENT01', 'Pocket');
    await page.getByLabel('How many').fill('7');
    await page.getByRole('button', { name: 'Press in pocket' }).click();
    await open(page, 'EVENT01', 'History');
    const entry = cardOf(page, 'EVENT01').getByRole('listitem').first();
    await expect.poll(() => entry.textContent()).toMatch(/counter 6.*not read/);
    expect((await desk.folder.read('EVENT01')).token.state.eventCounters).toEqual([7n]);
  });

  it('sets a clock wrong by offset, jump and rate, and puts in another', async () => {
    const { desk, page } = await visitWith('TIME01', 'one-button-time');
    const clock = async (): Promise<number> =>
      clockErrorMs((await desk.folder.read('TIME01')).token.clock, Date.now());
    await open(page, 'TIME01', 'Clock');
    const panel = page.getByRole('region', { name: 'Clock of TIME01' });
    await panel.getByLabel('Offset').fill('+1m30s');
    await panel.getByRole('button', { name: 'Set offset' }).click();
    await expect.poll(() => panel.textContent()).toContain('+90.000 s');
    await panel.getByLabel('Jump by').fill('-2h');
    await panel.getByLabel('Jump by').press('Enter');
    await expect.poll(() => panel.textContent()).toContain('\u22121 h 58 min');
    expect(await clock()).toBe(90_000 - 7_200_000);
    await panel.getByLabel('Rate in ppm').fill('12.5');
    await panel.getByRole('button', { name: 'Set rate' }).click();
    await expect.poll(() => panel.textContent()).toContain('12.50 ppm');
    await panel.getByLabel('Offset').fill('soon');
    await panel.getByRole('button', { name: 'Set offset' }).click();
    const message = cardOf(page, 'TIME01').getByRole('status');
    await expect.poll(() => message.textContent()).toMatch(/a duration such as/);
    await panel.getByRole('combobox', { name: 'Another clock' }).selectOption('ideal');
    await panel.getByRole('button', { name: 'Put in another clock' }).click();
    await expect.poll(() => panel.textContent()).toMatch(/\+0\.000 s.*0\.00 ppm.*ideal/);
    expect(await clock()).toBe(0);
  });

  it('travels in time, shows it and comes back', async () => {
    const { page } = await visitWith('TIME01', 'one-button-time');
    const back = page.getByRole('button', { name: 'Back to now' });
    expect(await back.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Go 30 days ahead' }).click();
    await page.getByRole('button', { name: 'Go one day ahead' }).click();
    const banner = page.getByRole('group', { name: 'Time travel' });
    await expect.poll(() => banner.textContent()).toContain('31 d in the future');
    const date = new Date(Date.now() + 31 * dayMs).toISOString().slice(0, 10);
    expect(await banner.textContent()).toContain(date);
    await page.getByRole('button', { name: 'Press TIME01' }).click();
    await open(page, 'TIME01', 'History');
    const entry = cardOf(page, 'TIME01').getByRole('listitem').first();
    await expect.poll(() => entry.textContent()).toContain(date);
    await back.click();
    await expect.poll(() => back.isVisible()).toBe(false);
    expect(await banner.textContent()).toContain(new Date().toISOString().slice(0, 10));
    await expect.poll(() => spokenOf(page, 'TIME01').textContent()).toBe('Display off');
  });

  it('warns of a battery at its end, goes dead, and is changed', async () => {
    const desk = await openTestDesk();
    await desk.put('EVENT01', profileNamed('one-button-event'));
    const model = {
      ...usualBattery,
      replacement: { kind: 'pause' },
      warnBeforeMs: 60 * dayMs,
    } as const;
    await desk.folder.update('EVENT01', (token) => ({
      token: { ...token, battery: freshBattery({ ...model, lifeMs: 60 * dayMs }, Date.now()) },
      result: null,
    }));
    const page = await visit(desk);
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await expect.poll(() => spokenOf(page, 'EVENT01').textContent()).toMatch(/Battery low$/);
    await expect
      .poll(() => cardOf(page, 'EVENT01').getByText('LOW BATTERY').isVisible())
      .toBe(true);
    await page.getByRole('button', { name: '+ 1 y: go one year ahead' }).click();
    await expect.poll(() => spokenOf(page, 'EVENT01').textContent()).toMatch(/no power/);
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    const message = cardOf(page, 'EVENT01').locator('.message');
    await expect.poll(() => message.textContent()).toMatch(/battery is dead/);
    await open(page, 'EVENT01', 'Battery');
    await page.getByLabel('Without power for').fill('0');
    await page.getByRole('button', { name: 'Change battery' }).click();
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await expect.poll(() => spokenOf(page, 'EVENT01').textContent()).toMatch(/^Response/);
  });

  it('shows the inbox as it fills, and copies one-time passwords', async () => {
    const { desk, page } = await visitWith('EVENT01', 'one-button-event');
    const line = { atMs: 1000, channel: 'http', to: '+491701', text: 'Your code is 482915 <b>' };
    appendFileSync(join(desk.path, 'inbox.jsonl'), `${JSON.stringify(line)}\n`);
    await page.getByRole('button', { name: 'Inbox (1)' }).click();
    const inbox = page.getByRole('complementary', { name: 'Inbox' });
    expect(await inbox.textContent()).toContain('Your code is 482915 <b>');
    await inbox.getByRole('button', { name: 'Copy the one-time password for +491701' }).click();
    await expect.poll(() => copied(page)).toBe('482915');
  });

  it('makes a token, and refuses a serial that is taken', async () => {
    const desk = await openTestDesk();
    await desk.put('VT00000007', profileNamed('one-button-event'));
    const { page } = await browser.visit(desk.served.url, {
      ...clipboard,
      mayComplain: /status of 409/,
    });
    await cardOf(page, 'VT00000007').waitFor();
    await page.getByRole('button', { name: 'New token' }).click();
    const dialog = page.getByRole('dialog', { name: 'New token' });
    expect(await dialog.getByLabel('Serial').inputValue()).toBe('VT00000008');
    await dialog.getByLabel('Serial').fill('VT00000007');
    await dialog.getByLabel('Profile').selectOption('keypad-multi');
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await expect.poll(() => dialog.getByRole('alert').textContent()).toMatch(/exists already/);
    await dialog.getByLabel('Serial').fill('VT00000008');
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await keyIn(page, 'VT00000008', 'On and off', '2');
    await expect.poll(() => spokenOf(page, 'VT00000008').textContent()).toMatch(/^Response/);
    expect(await desk.folder.serials()).toEqual(['VT00000007', 'VT00000008']);
    await page.getByRole('searchbox').fill('7');
    await expect.poll(() => page.getByRole('article').count()).toBe(1);
  });

  it('takes a pasted challenge of letters, and asks for what a suite takes more', async () => {
    const desk = await openTestDesk();
    const suite = 'OCRA-1:HOTP-SHA1-6:QA10-PSHA1';
    await desk.put('SUITE01', profileOf('keypad-cr-time', { SIGN: suite }));
    const page = await visit(desk);
    await keyIn(page, 'SUITE01', 'On and off');
    await open(page, 'SUITE01', 'Key in');
    await page.getByLabel('Challenge').fill('Sig1000001');
    await cardOf(page, 'SUITE01').getByRole('button', { name: 'Key in' }).last().click();
    await expect.poll(() => spokenOf(page, 'SUITE01').textContent()).toMatch(/S i g 1 0/);
    await keyIn(page, 'SUITE01', 'OK');
    await page.getByLabel('PIN of the device').fill('1234');
    await page.getByRole('button', { name: 'Make the response' }).click();
    await expect.poll(() => spokenOf(page, 'SUITE01').textContent()).toMatch(/^Response/);
    const shown = (await spokenOf(page, 'SUITE01').textContent())?.replace(/\D/g, '');
    const options = ['--challenge', 'Sig1000001', '--pin-stdin'];
    const { out } = await vtoken(desk.path, ['respond', 'SUITE01', ...options], { stdin: '1234' });
    expect(shown).toBe(out.trim());
  });

  it('forgets half a PIN when the display goes off', async () => {
    const desk = await openTestDesk();
    const profile = profileNamed('keypad-pin');
    await desk.put('PIN01', { ...profile, hull: { ...profile.hull, autoOffMs: 6000 } as Hull });
    const page = await visit(desk);
    await keyIn(page, 'PIN01', 'On and off', ...digits('739'));
    await expect.poll(() => spokenOf(page, 'PIN01').textContent()).toBe('3 digits entered');
    await expect.poll(() => spokenOf(page, 'PIN01').textContent()).toBe('Display off');
    await keyIn(page, 'PIN01', 'On and off', 'OK');
    await expect.poll(() => spokenOf(page, 'PIN01').textContent()).toBe('Enter PIN');
    expect((await desk.folder.read('PIN01')).token.state.pin?.failures).toBe(0);
  });
});
