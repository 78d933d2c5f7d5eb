import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import {
  type Hull,
  parseApplicationText,
  profileNamed,
  sign,
  unlockCode,
} from '../../../emulator/index.ts';
import { useBrowser } from '../../support/browser.ts';
import { describeLayer } from '../../support/layers.ts';
import { rfcResponses, rfcSeed, vtoken } from '../support.ts';
import { cardOf, digits, keyIn, openTestDesk, spokenOf } from './page-support.ts';

const spelt = (text: string): string => Array.from(text).join(' ');

describeLayer('chromium', 'a token on the page', () => {
  const browser = useBrowser();

  async function visitWith(serial: string, profile: Parameters<typeof profileNamed>[0]) {
    const desk = await openTestDesk();
    await desk.put(serial, profileNamed(profile));
    const { page } = await browser.visit(desk.served.url);
    await cardOf(page, serial).waitFor();
    return { desk, page };
  }

  /** Waits until the display says this, as long as a person would. */
  async function says(spoken: ReturnType<typeof spokenOf>, text: string | RegExp): Promise<void> {
    await expect.poll(() => spoken.textContent()).toMatch(text);
  }

  it('shows the response of a press, and of the next one', async () => {
    const { desk, page } = await visitWith('EVENT01', 'one-button-event');
    const spoken = spokenOf(page, 'EVENT01');
    await says(spoken, /^Display off$/);
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await says(spoken, `Response ${spelt(rfcResponses[0]!)}`);
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await says(spoken, `Response ${spelt(rfcResponses[1]!)}`);
    const { token } = await desk.folder.read('EVENT01');
    expect(token.state.eventCounters).toEqual([2n]);
  });

  it('shows what was pressed in a terminal meanwhile', async () => {
    const { desk, page } = await visitWith('EVENT01', 'one-button-event');
    const { out } = await vtoken(desk.path, ['press', 'EVENT01'], { nowMs: Date.now() });
    await says(spokenOf(page, 'EVENT01'), `Response ${spelt(out.trim())}`);
  });

  it('draws exactly the segments of the digits', async () => {
    const { page } = await visitWith('EVENT01', 'one-button-event');
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await says(spokenOf(page, 'EVENT01'), `Response ${spelt('755224')}`);
    const lit = await page.evaluate("litParts('[data-serial=EVENT01] .segments g')");
    // 7, 5, 5, 2, 2, 4 of seven segments, whose middle is two; two places stay dark.
    expect(lit).toEqual(['abc', 'acdfgh', 'acdfgh', 'abdegh', 'abdegh', 'bcfgh', '', '']);
  });

  it('takes an initial PIN and a new one, twice', async () => {
    const { page } = await visitWith('PIN01', 'keypad-pin');
    const spoken = spokenOf(page, 'PIN01');
    await keyIn(page, 'PIN01', 'On and off');
    await says(spoken, /^Enter PIN$/);
    await keyIn(page, 'PIN01', ...digits('00000'), 'OK');
    await says(spoken, /^Enter a new PIN$/);
    await keyIn(page, 'PIN01', ...digits('1234'), 'OK');
    await expect
      .poll(() => cardOf(page, 'PIN01').getByRole('status').textContent())
      .toMatch(/too easy to guess/);
    await keyIn(page, 'PIN01', ...digits('281946'), 'OK');
    await says(spoken, /^Enter the new PIN once more$/);
    await keyIn(page, 'PIN01', ...digits('281946'), 'OK');
    await says(spoken, /^Choose an application: 1 TIME, 2 CR$/);
    await keyIn(page, 'PIN01', '1');
    await says(spoken, /^Response(?: \d){6}$/);
  });

  it('locks after five wrong PINs and is unlocked in its dialog', async () => {
    const { desk, page } = await visitWith('PIN01', 'keypad-pin');
    const spoken = spokenOf(page, 'PIN01');
    await keyIn(page, 'PIN01', 'On and off');
    for (let failures = 1; failures <= 4; failures += 1) {
      await keyIn(page, 'PIN01', ...digits('739155'), 'OK');
      await says(spoken, new RegExp(`^Fail ${failures}. Enter PIN$`));
    }
    await keyIn(page, 'PIN01', ...digits('739155'), 'OK');
    await says(spoken, /^Locked. Challenge(?: \d){8}. 3 unlock codes may be tried$/);
    await page.getByRole('button', { name: 'Unlock PIN01' }).click();
    const challenge = await page.getByRole('status', { name: 'Challenge' }).textContent();
    const code = page.getByRole('textbox', { name: 'Unlock code' });
    await code.fill('00000000');
    await page.getByRole('button', { name: 'Unlock', exact: true }).click();
    const problem = page.getByRole('alert');
    await expect.poll(() => problem.textContent()).toMatch(/wrong unlock code/);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Unlock PIN01' }).click();
    const next = (await page.getByRole('status', { name: 'Challenge' }).textContent()) ?? '';
    expect(next).not.toBe(challenge);
    await code.fill(unlockCode(rfcSeed, next));
    await code.press('Enter');
    await says(spoken, /^Enter a new PIN$/);
    expect(await page.getByRole('dialog').count()).toBe(0);
    const { token } = await desk.folder.read('PIN01');
    expect(token.state.pin?.lock).toBeNull();
  });

  it('answers a challenge that is keyed in, and clears a mistyped one', async () => {
    const { desk, page } = await visitWith('CR01', 'keypad-cr-counter');
    await keyIn(page, 'CR01', 'On and off', '9', 'Clear', ...digits('12345678'));
    await says(spokenOf(page, 'CR01'), spelt('12345678'));
    await keyIn(page, 'CR01', 'OK');
    await says(spokenOf(page, 'CR01'), /^Response(?: \d){6}$/);
    const shown = (await spokenOf(page, 'CR01').textContent())?.replace(/\D/g, '');
    const twin = await openTestDesk();
    await twin.put('CR01', profileNamed('keypad-cr-counter'));
    const { out } = await vtoken(twin.path, ['respond', 'CR01', '--challenge', '12345678']);
    expect(shown).toBe(out.trim());
    expect((await desk.folder.read('CR01')).token.state.eventCounters).toEqual([1n]);
  });

  it('is used by keyboard alone, from the first key to the last', async () => {
    const { page } = await visitWith('CR01', 'keypad-cr-counter');
    for (let tabs = 0; tabs < 30; tabs += 1) {
      await page.keyboard.press('Tab');
      const { label } = await page.evaluate<{ label: string }>('focused()');
      if (label.startsWith('Token CR01: keypad')) break;
    }
    expect(await page.evaluate('focused()')).toMatchObject({ outlineStyle: 'solid' });
    // Fingers are faster than the server: what a key means is settled when its turn has come.
    await page.route('**/keys', async (route) => {
      await setTimeout(100);
      await route.continue();
    });
    await page.keyboard.press('Enter');
    await page.keyboard.type('99');
    await page.keyboard.press('Escape');
    await page.keyboard.type('12345678');
    await page.keyboard.press('Enter');
    await says(spokenOf(page, 'CR01'), /^Response(?: \d){6}$/);
    await page.keyboard.press('p');
    await says(spokenOf(page, 'CR01'), /^Display off$/);
  });

  it('goes off by itself, and says so before', async () => {
    const desk = await openTestDesk();
    const profile = profileNamed('one-button-event');
    await desk.put('EVENT01', { ...profile, hull: { ...profile.hull, autoOffMs: 6000 } as Hull });
    const { page } = await browser.visit(desk.served.url);
    await page.getByRole('button', { name: 'Press EVENT01' }).click();
    await expect
      .poll(() => cardOf(page, 'EVENT01').locator('.meters').textContent())
      .toMatch(/display off in [1-6] s/);
    await says(spokenOf(page, 'EVENT01'), /^Display off$/);
  });

  it('signs data fields, one after the other', async () => {
    const desk = await openTestDesk();
    await desk.put('SIGN01', {
      ...profileNamed('keypad-sign-2-fields'),
      hull: profileNamed('keypad-cr-counter').hull,
      applications: [parseApplicationText('SIGN=sign:OCRA-1:HOTP-SHA1-8:QH40/ACCOUNT:N12,NAME:A8')],
      initialPin: null,
    });
    const { page } = await browser.visit(desk.served.url);
    await keyIn(page, 'SIGN01', 'On and off', ...digits('4711'));
    await expect
      .poll(() => spokenOf(page, 'SIGN01').textContent())
      .toBe('Field 1 of 2, ACCOUNT. 4 7 1 1');
    await keyIn(page, 'SIGN01', 'OK');
    await cardOf(page, 'SIGN01').focus();
    await page.keyboard.type('jane');
    await expect
      .poll(() => spokenOf(page, 'SIGN01').textContent())
      .toBe('Field 2 of 2, NAME. J A N E');
    await page.keyboard.press('Enter');
    const { token } = await desk.folder.read('SIGN01');
    const told = sign(token, Date.now(), ['4711', 'jane']);
    const response = told.ok ? told.generated?.response : null;
    await expect
      .poll(() => spokenOf(page, 'SIGN01').textContent())
      .toBe(`Response ${Array.from(response ?? 'none').join(' ')}`);
  });
});
