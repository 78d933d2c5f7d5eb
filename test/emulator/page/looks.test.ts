import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import {
  type Battery,
  type DeviceInput,
  freshBattery,
  parseApplicationText,
  play,
  type Profile,
  profileNamed,
  type ProfileName,
  profileNames,
  usualBattery,
} from '../../../emulator/index.ts';
import { useBrowser } from '../../support/browser.ts';
import { describeLayer } from '../../support/layers.ts';
import { wrongPin } from '../device/pin-support.ts';
import {
  cardOf,
  digits,
  keyIn,
  multiWithHostCode,
  openTestDesk,
  spokenOf,
  type TestDesk,
} from './page-support.ts';

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

const dayMs = 86_400_000;
const press = { kind: 'press' } as const;
const wrong = { kind: 'pin', devicePin: wrongPin } as const;
const batteryOf = (days: number): Battery =>
  freshBattery({ ...usualBattery, lifeMs: 30 * dayMs, warnBeforeMs: 30 * dayMs }, days * dayMs);
const names = ['CHALLENGE', 'APPLICATION2', 'APPLICATION3', 'APPLICATION4', 'A-B-C-D-E-F'];

/** Screens that only some devices have, and the keys that lead to them. */
const screens: readonly {
  readonly serial: string;
  readonly profile: Profile;
  readonly keys: readonly DeviceInput[];
  readonly battery?: Battery;
  readonly says: RegExp;
}[] = [
  {
    serial: 'FIELD01',
    profile: multiWithHostCode,
    keys: [press, { kind: 'sign' }, { kind: 'type', text: '1234567890123456' }],
    says: /^Field 1 of 2, ACCOUNT/,
  },
  {
    serial: 'HOST01',
    profile: multiWithHostCode,
    keys: [press, { kind: 'type', text: '1' }, { kind: 'confirm' }, { kind: 'host-code' }],
    says: /^Host code/,
  },
  {
    serial: 'TIME01',
    profile: profileNamed('one-button-info'),
    keys: [{ kind: 'press', heldMs: 6000 }],
    says: /^The clock says/,
  },
  {
    serial: 'LOWBATTERY01',
    profile: profileNamed('one-button-info'),
    keys: [{ kind: 'press', heldMs: 6000 }, press],
    battery: batteryOf(0),
    says: /^Battery \d+ percent\. Battery low$/,
  },
  {
    serial: 'LONGSERIAL123456-99',
    profile: profileNamed('one-button-info'),
    keys: [{ kind: 'press', heldMs: 6000 }, press, press],
    says: /^Serial L O N G/,
  },
  {
    serial: 'DEAD01',
    profile: profileNamed('one-button-time'),
    keys: [],
    battery: batteryOf(-60),
    says: /^Display off: no power$/,
  },
  {
    serial: 'LOCKED01',
    profile: profileNamed('keypad-pin'),
    keys: [press, wrong, wrong, wrong, wrong, wrong],
    says: /^Locked\. Challenge/,
  },
  {
    serial: 'LOWMENU01',
    profile: {
      ...profileNamed('keypad-multi'),
      applications: names.map((name) => parseApplicationText(`${name}=HOTP-SHA1-6`)),
    },
    keys: [press],
    battery: batteryOf(0),
    says: /Battery low$/,
  },
  {
    serial: 'WHOLE01',
    profile: {
      ...profileNamed('keypad-cr-time'),
      applications: [parseApplicationText('CR=OCRA-1:HOTP-SHA512-0:QN08')],
    },
    keys: [press, { kind: 'type', text: '1' }, { kind: 'confirm' }],
    says: /^Response/,
  },
];

/** Leads a token to its screen, one key after the other, also past those that fail; tomorrow. */
async function showScreen(desk: TestDesk, screen: (typeof screens)[number]): Promise<void> {
  const { serial, profile, keys, battery = null } = screen;
  await desk.put(serial, profile);
  await desk.folder.update(serial, (token) => {
    const nowMs = Date.now() + dayMs;
    const powered = {
      ...token,
      battery: battery && { ...battery, fittedAtMs: battery.fittedAtMs + nowMs },
    };
    return {
      token: keys.reduce((before, key) => play(before, [key], nowMs).token, powered),
      result: null,
    };
  });
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
  async function openEverything(desk: TestDesk, page: Page): Promise<void> {
    await cardOf(page, 'TOKEN0').waitFor();
    // First: whatever is displayed today is gone tomorrow.
    await page.getByRole('button', { name: 'Go one day ahead' }).click();
    await page.getByRole('button', { name: 'Back to now' }).waitFor();
    for (const screen of screens) await showScreen(desk, screen);
    for (const { serial, says } of screens) {
      await expect.poll(() => spokenOf(page, serial).textContent()).toMatch(says);
    }
    const stepsOf = (serial: string): Promise<number> =>
      cardOf(page, serial).getByText('next step').count();
    expect([await stepsOf('LOWBATTERY01'), await stepsOf('DEAD01')]).toEqual([1, 0]);
    await page.getByRole('button', { name: 'Press TOKEN0' }).click();
    await page.getByRole('button', { name: `Press ${serialOf('phone-time')}` }).click();
    await keyIn(page, serialOf('keypad-multi'), 'On and off');
    await keyIn(page, serialOf('keypad-pin'), 'On and off', ...digits('739155'), 'OK');
    for (const [serial, panel] of [
      ['TOKEN0', 'History'],
      ['TOKEN1', 'Clock'],
      ['TOKEN2', 'Pocket'],
      ['TOKEN3', 'About'],
      [serialOf('keypad-cr-counter'), 'Key in'],
      [serialOf('programmable-time'), 'Program'],
      ['LOWBATTERY01', 'Battery'],
    ] as const) {
      await cardOf(page, serial).getByRole('button', { name: panel, exact: true }).click();
    }
    await page.getByRole('button', { name: /^Inbox/ }).click();
  }

  it.each(['light', 'dark'] as const)('has no faint text when it is %s', async (colorScheme) => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url, { colorScheme });
    await openEverything(desk, page);
    expect(await page.evaluate('faintTexts(4.5)')).toEqual([]);
    // The measure itself: everything is fainter than the most there can be.
    expect(await page.evaluate<string[]>('faintTexts(21.01)')).not.toEqual([]);
    await page.getByRole('button', { name: 'New token' }).click();
    expect(await page.evaluate('faintTexts(4.5)')).toEqual([]);
  });

  it('names every control', async () => {
    const desk = await fullDesk();
    const { page } = await browser.visit(desk.served.url);
    await openEverything(desk, page);
    const onDesk = await controlsOf(page);
    expect(onDesk.length).toBeGreaterThan(80);
    expect(onDesk.filter(({ name }) => name.trim() === '')).toEqual([]);
    expect(onDesk.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'Sign data fields',
        'Host code',
        'Hold the button of TIME01 for 6 s: information',
        'Unlock LOCKED01',
      ]),
    );
    await page.getByRole('button', { name: 'New token' }).click();
    const inDialog = await controlsOf(page);
    expect(inDialog.map(({ name }) => name)).toContain('Serial');
    expect(inDialog.filter(({ name }) => name.trim() === '')).toEqual([]);
  });

  it.each([360, 390, 768, 1280, 1600])(
    'cuts nothing off, and needs no sideways scrolling, at %i px',
    async (width) => {
      const desk = await fullDesk();
      const { page } = await browser.visit(desk.served.url, { viewport: { width, height: 800 } });
      await openEverything(desk, page);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      expect(await page.evaluate("cutOff('.lcd, .lcd-note, .device, .key, .card button')")).toEqual(
        [],
      );
      await page.getByRole('button', { name: 'New token' }).click();
      const box = await page.getByRole('dialog').boundingBox();
      expect(box?.width).toBeLessThanOrEqual(width);
    },
  );

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
