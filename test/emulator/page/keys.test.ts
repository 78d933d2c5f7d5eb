import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { countdownOf, press, type Profile, profileNamed, sign } from '../../../emulator/index.ts';
import { useBrowser } from '../../support/browser.ts';
import { describeLayer } from '../../support/layers.ts';
import { profileOf, rfcResponses } from '../support.ts';
import {
  cardOf,
  digits,
  keyIn,
  multiWithHostCode,
  openTestDesk,
  spokenOf,
  type TestDesk,
} from './page-support.ts';

const spelt = (text: string): string => Array.from(text).join(' ');

/** A fob whose counter tells every press, with a menu behind one of 700 ms. */
const buttonWithMenu: Profile = {
  ...profileNamed('one-button-event'),
  hull: {
    keys: 'one-button',
    autoOffMs: 60_000,
    pressWhileDisplayed: 'next',
    infoMenu: { longPressMs: 700, items: ['time', 'battery', 'serial'] },
  },
};

describeLayer('chromium', 'keys that some tokens have', () => {
  const browser = useBrowser();

  async function visitWith(
    serial: string,
    profile: Profile,
    options = {},
  ): Promise<{ desk: TestDesk; page: Page; says: (text: string | RegExp) => Promise<void> }> {
    const desk = await openTestDesk();
    await desk.put(serial, profile);
    const { page } = await browser.visit(desk.served.url, options);
    await cardOf(page, serial).waitFor();
    const spoken = spokenOf(page, serial);
    const says = (text: string | RegExp): Promise<void> =>
      expect.poll(() => spoken.textContent()).toMatch(text);
    return { desk, page, says };
  }

  const counterOf = async (desk: TestDesk, serial: string): Promise<bigint | undefined> =>
    (await desk.folder.read(serial)).token.state.eventCounters[0];

  it('sign data fields of a multi-mode application, and show the host code for them', async () => {
    const { desk, page, says } = await visitWith('MULTI01', multiWithHostCode);
    const { token } = await desk.folder.read('MULTI01');
    const told = sign(token, Date.now(), ['4711', 'jane']);
    const { response = '', hostCode = null } = (told.ok ? told.generated : null) ?? {};
    await keyIn(page, 'MULTI01', 'On and off');
    await says(/^MULTI: enter the challenge/);
    await keyIn(page, 'MULTI01', 'Sign data fields', ...digits('4711'), 'OK');
    await says(/^Field 2 of 2, NAME\.$/);
    await cardOf(page, 'MULTI01').getByRole('button', { name: 'Key in', exact: true }).click();
    await page.getByLabel('Challenge or field').fill('jane');
    await page.getByLabel('Challenge or field').press('Enter');
    await says('Field 2 of 2, NAME. j a n e');
    // Segments have capitals alone.
    expect(await page.evaluate<string[]>("litParts('[data-serial=MULTI01] .segments g')")).toEqual([
      'bcde',
      'abcefgh',
      'bcefin',
      'adefgh',
      'd',
      '',
      '',
      '',
    ]);
    await keyIn(page, 'MULTI01', 'OK');
    await says(`Response ${spelt(response)}`);
    await keyIn(page, 'MULTI01', 'Host code');
    await says(`Host code ${spelt(hostCode ?? 'none')}: compare it with what the host shows`);
    await keyIn(page, 'MULTI01', 'Host code');
    await says(`Response ${spelt(response)}`);
  });

  it('are letters of the keyboard, where no letter is keyed in', async () => {
    const { page, says } = await visitWith('MULTI01', multiWithHostCode);
    const device = cardOf(page, 'MULTI01').getByRole('group');
    expect(await device.getAttribute('aria-label')).toMatch(/S signs data fields, H shows/);
    await device.focus();
    await page.keyboard.press('Enter');
    await page.keyboard.type('s4711');
    await page.keyboard.press('Enter');
    await page.keyboard.type('shi');
    await says('Field 2 of 2, NAME. s h i');
    await page.keyboard.press('Enter');
    await says(/^Response/);
    await page.keyboard.press('h');
    await says(/^Host code/);
  });

  it('open the menu of a button that is held, by mouse and by finger', async () => {
    const { desk, page, says } = await visitWith('INFO01', buttonWithMenu, { hasTouch: true });
    const button = page.getByRole('button', { name: 'Press INFO01' });
    const { x, y } = await middleOf(button);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await says(/^The clock says 20/);
    await page.mouse.up();
    await button.click();
    await says('Battery 100 percent');
    await button.click();
    await says(`Serial ${spelt('INFO01')}`);
    await button.click();
    await says(/^Display off$/);
    const { send } = await touchOf(page);
    await send('touchStart', [{ x, y }]);
    await says(/^The clock says 20/);
    await send('touchEnd', []);
    await page.waitForTimeout(300);
    await says(/^The clock says 20/);
    expect(await counterOf(desk, 'INFO01')).toBe(0n);
  });

  it('press a button that is let go sooner', async () => {
    const { desk, page, says } = await visitWith('INFO01', buttonWithMenu);
    const { x, y } = await middleOf(page.getByRole('button', { name: 'Press INFO01' }));
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.waitForTimeout(200);
    await page.mouse.up();
    await says(`Response ${spelt(rfcResponses[0]!)}`);
    await page.waitForTimeout(800);
    await says(`Response ${spelt(rfcResponses[0]!)}`);
    expect(await counterOf(desk, 'INFO01')).toBe(1n);
  });

  it('open the menu for who has no finger to hold it with', async () => {
    const { desk, page, says } = await visitWith('INFO01', buttonWithMenu);
    const name = 'Hold the button of INFO01 for 0.7 s: information';
    const hold = page.getByRole('button', { name });
    await hold.focus();
    await page.keyboard.press('Enter');
    await says(/^The clock says 20/);
    await page.getByRole('button', { name: 'Press INFO01' }).press('Enter');
    await says('Battery 100 percent');
    await cardOf(page, 'INFO01').getByRole('group').focus();
    await page.keyboard.press('i');
    await says(/^The clock says 20/);
    expect(await counterOf(desk, 'INFO01')).toBe(0n);
  });

  it.each(['device', 'button'])(
    'of the keyboard that stay down on the %s press once',
    async (on) => {
      const { desk, page, says } = await visitWith('EVENT01', profileNamed('one-button-event'));
      const { [on]: element = null } = {
        device: cardOf(page, 'EVENT01').getByRole('group'),
        button: page.getByRole('button', { name: 'Press EVENT01' }),
      } as Record<string, Locator>;
      await element?.focus();
      for (let count = 0; count < 5; count += 1) await page.keyboard.down('Enter');
      await page.keyboard.up('Enter');
      await says(`Response ${spelt(rfcResponses[0]!)}`);
      await page.waitForTimeout(300);
      expect(await counterOf(desk, 'EVENT01')).toBe(1n);
    },
  );
});

describeLayer('chromium', 'what tells the time of a response', () => {
  const browser = useBrowser();

  it('is as many bars as the device says, and the next response when they are gone', async () => {
    const desk = await openTestDesk();
    await desk.put('BARS01', profileOf('continuous-60s', { TIME: 'TOTP-SHA1-6-6S' }));
    const { page } = await browser.visit(desk.served.url);
    await cardOf(page, 'BARS01').waitFor();
    const { token } = await desk.folder.read('BARS01');
    const left = (atMs: number) => countdownOf(token.hull, token.applications[0]!, atMs);
    const barsAt = (atMs: number): number | null => left(atMs)?.bars ?? null;
    const bars = cardOf(page, 'BARS01').locator('.lcd-bar.lit');
    const seen = new Set<number>();
    const endMs = Date.now() + 7000;
    while (Date.now() < endMs) {
      const count = await bars.count();
      seen.add(count);
      // The page asks once a second, and an answer takes its time.
      const told = Array.from({ length: 20 }, (_, index) => barsAt(Date.now() - 100 * index));
      expect(told).toContain(count);
      await page.waitForTimeout(250);
    }
    expect(seen.size).toBeGreaterThanOrEqual(4);
    const shown = async (): Promise<boolean> => {
      const now = press(token, Date.now());
      const response = now.ok ? (now.generated?.response ?? '') : '';
      return (await spokenOf(page, 'BARS01').textContent()) === `Response ${spelt(response)}`;
    };
    await expect.poll(shown).toBe(true);
  });

  it('is a bar that shrinks, on devices that have one and as long as the response is good', async () => {
    const desk = await openTestDesk();
    await desk.put('CARD01', profileOf('programmable-time', { TIME: 'TOTP-SHA1-6-10S' }));
    await desk.put('FOB001', profileOf('one-button-time'));
    const { page } = await browser.visit(desk.served.url);
    const { token } = await desk.folder.read('CARD01');
    const left = (): number =>
      countdownOf(token.hull, token.applications[0]!, Date.now())?.remainingMs ?? 0;
    // Early in a step, so that there is something to see of it.
    await expect.poll(left).toBeGreaterThan(6000);
    for (const serial of ['CARD01', 'FOB001']) {
      await page.getByRole('button', { name: `Press ${serial}` }).click();
      await expect.poll(() => spokenOf(page, serial).textContent()).toMatch(/^Response/);
    }
    expect(await cardOf(page, 'FOB001').locator('.lcd-rest').isVisible()).toBe(false);
    expect(await cardOf(page, 'FOB001').locator('.lcd-bars').isVisible()).toBe(false);
    const bar = cardOf(page, 'CARD01').locator('.lcd-rest');
    const part = async (): Promise<number> =>
      Number(await bar.locator('rect').getAttribute('width'));
    await bar.waitFor();
    const first = await part();
    expect(first).toBeLessThanOrEqual(100);
    await page.waitForTimeout(500);
    expect(await part()).toBeLessThan(first);
    await expect.poll(() => bar.isVisible(), { timeout: 12_000 }).toBe(false);
    await expect.poll(() => spokenOf(page, 'CARD01').textContent()).toMatch(/^Response/);
  });
});

describeLayer('chromium', 'a token that is another than before', () => {
  const browser = useBrowser();

  it('is drawn anew when it was made anew, with the focus where it was', async () => {
    const desk = await openTestDesk();
    await desk.put('TOKEN01', profileNamed('one-button-time'));
    const { page } = await browser.visit(desk.served.url);
    const device = cardOf(page, 'TOKEN01').getByRole('group');
    await device.focus();
    await desk.folder.remove('TOKEN01');
    await desk.put('TOKEN01', profileNamed('keypad-cr-multi'));
    await expect.poll(() => device.getAttribute('aria-label')).toMatch(/^Token TOKEN01: keypad/);
    expect(await page.evaluate('focused()')).toMatchObject({
      label: await device.getAttribute('aria-label'),
    });
    await keyIn(page, 'TOKEN01', 'On and off');
    await expect.poll(() => spokenOf(page, 'TOKEN01').textContent()).toBe('Enter PIN');
    await desk.folder.remove('TOKEN01');
    await desk.put('TOKEN01', profileNamed('phone-time'));
    await page.getByRole('button', { name: 'Press TOKEN01' }).waitFor();
    expect(await page.getByRole('article').count()).toBe(1);
  });

  it('is programmed by a command that its card says', async () => {
    const desk = await openTestDesk();
    await desk.put('CARD01', profileNamed('programmable-time'));
    await desk.put('FOB001', profileNamed('one-button-time'));
    const { page } = await browser.visit(desk.served.url);
    await cardOf(page, 'CARD01').getByRole('button', { name: 'Program' }).click();
    const panel = page.getByRole('region', { name: 'Program of CARD01' });
    expect(await panel.textContent()).toContain('vtoken program CARD01 --seed-file');
    expect(await cardOf(page, 'FOB001').getByRole('button', { name: 'Program' }).count()).toBe(0);
  });
});

async function middleOf(locator: Locator): Promise<{ x: number; y: number }> {
  const box = await locator.boundingBox();
  if (box === null) throw new Error('it is not to be seen');
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** A finger on the glass. */
async function touchOf(page: Page) {
  const session = await page.context().newCDPSession(page);
  return {
    send: (type: 'touchStart' | 'touchEnd', touchPoints: { x: number; y: number }[]) =>
      session.send('Input.dispatchTouchEvent', { type, touchPoints }),
  };
}
