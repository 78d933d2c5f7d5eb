import { randomBytes, scryptSync } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pkcs11 from 'pkcs11js';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { listObjects, listP11Tokens, openModule, readPinSource } from '../../hsm/index.ts';
import type {
  HsmModule,
  ModuleFailure,
  ModuleOptions,
  P11TokenInfo,
  PinSource,
} from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';
import { initialisedSoftHsm, OtherHand, pkcs11Tool, rejection, soon } from './support.ts';

const wrongPin = 'wrong-pin-0001';

describeLayer('softhsm', 'the PIN of the module', () => {
  let hsm: SoftHsmToken;
  let pinFile: string;
  let options: ModuleOptions;

  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
    pinFile = join(hsm.folder, 'tried.pin');
    const uri = `pkcs11:token=${hsm.tokenLabel}?module-path=${hsm.modulePath}&pin-source=file:${pinFile}`;
    options = { uri, residency: 'resident' };
  });
  afterAll(() => hsm.remove());
  beforeEach(() => {
    rmSync(`${pinFile}.refused`, { force: true });
  });

  const writePin = (pin: string): void => writeFileSync(pinFile, pin, { mode: 0o600 });
  const rightPin = (): string => readFileSync(hsm.userPinFile, 'utf8');

  /** SoftHSM raises this flag at a wrong PIN and lowers it at a right one. */
  async function wasWrongPinTried(): Promise<boolean> {
    const waiting = await openModule({ ...options, pinSource: { kind: 'later' } });
    const other = new OtherHand(hsm);
    const { flags } = other.p11.C_GetTokenInfo(other.slot);
    other.p11.C_CloseSession(other.session);
    await waiting.close();
    return (flags & pkcs11.CKF_USER_PIN_COUNT_LOW) !== 0;
  }

  async function p11TokenInfo(): Promise<P11TokenInfo> {
    const all = await listP11Tokens(hsm.modulePath);
    const mine = all.find(({ label }) => label === hsm.tokenLabel);
    if (mine === undefined) throw new Error('no such p11Token');
    return mine;
  }

  async function forgetWrongTries(): Promise<void> {
    await pkcs11Tool(hsm, '--list-objects');
    expect(await wasWrongPinTried()).toBe(false);
  }

  /** The same code in a process that remembers nothing. */
  async function afterRestart(): Promise<{ openModule: typeof openModule }> {
    vi.resetModules();
    return import('../../hsm/index.ts');
  }

  test('a wrong PIN is tried once, not again in this process nor after a restart', async () => {
    writePin(wrongPin);
    const first = (await rejection(openModule(options))) as ModuleFailure;
    expect(first).toMatchObject({ kind: 'denied', ckr: 0xa0 });
    expect(first.detail).toBe(
      `C_Login with the PIN from the file ${pinFile}: CKR_PIN_INCORRECT (0xa0)`,
    );
    expect(await wasWrongPinTried()).toBe(true);
    await forgetWrongTries();

    const again = (await rejection(openModule(options))) as ModuleFailure;
    expect(again).toMatchObject({ kind: 'denied', ckr: 0xa0 });
    expect(again.detail).toContain(`remove ${pinFile}.refused`);
    const restarted = await afterRestart();
    expect(await rejection(restarted.openModule(options))).toEqual(again);
    expect(await wasWrongPinTried()).toBe(false);

    for (const { detail } of [first, again]) expect(detail).not.toContain(wrongPin);
  });

  test('the marker is private and does not hold the PIN', async () => {
    writePin(`${wrongPin}-2`);
    await rejection(openModule(options));
    const marker = `${pinFile}.refused`;
    expect(statSync(marker).mode & 0o777).toBe(0o600);
    expect(readFileSync(marker, 'utf8')).not.toContain(wrongPin);
  });

  test('where a refusal cannot be remembered, no PIN is tried', async () => {
    await forgetWrongTries();
    writePin(`${wrongPin}-5`);
    const refusedPinMarkerPath = join(hsm.folder, 'missing', 'marker');
    const failure = await rejection(openModule({ ...options, refusedPinMarkerPath }));
    expect(failure).toMatchObject({ kind: 'denied', ckr: 0 });
    const { detail } = failure as ModuleFailure;
    expect(detail).toContain(`${refusedPinMarkerPath} (ENOENT)`);
    expect(detail).toContain('refusedPinMarkerPath');
    expect(await wasWrongPinTried()).toBe(false);
  });

  test('a try that was begun and never settled is repeated unless a wrong PIN was counted', async () => {
    const salt = randomBytes(16);
    const hash = scryptSync(rightPin().trim(), salt, 32).toString('hex');
    const { serial } = await p11TokenInfo();
    const marker = { serial, salt: salt.toString('hex'), hash, begun: true };
    const leaveBegun = (): void => writeFileSync(`${pinFile}.refused`, JSON.stringify(marker));
    writePin(`${wrongPin}-6`);
    await rejection(openModule(options));
    writePin(rightPin());
    leaveBegun();
    const restarted = await afterRestart();
    expect(await rejection(restarted.openModule(options))).toMatchObject({ kind: 'denied' });

    await forgetWrongTries();
    leaveBegun();
    const module = await restarted.openModule(options);
    await module.close();
    expect(existsSync(`${pinFile}.refused`)).toBe(false);
  });

  test('a PIN from a person leaves alone what is remembered of the file', async () => {
    writePin(`${wrongPin}-7`);
    const refusedPinMarkerPath = join(hsm.folder, 'a-marker');
    await rejection(openModule({ ...options, refusedPinMarkerPath }));
    const remembered = readFileSync(refusedPinMarkerPath, 'utf8');
    const pinSource: PinSource = { kind: 'later' };
    const module = await openModule({ ...options, pinSource, refusedPinMarkerPath });
    await module.unlock(rightPin().trim());
    await module.close();
    expect(readFileSync(refusedPinMarkerPath, 'utf8')).toBe(remembered);
  });

  test.each(['640', '604', '620', '602'])('a PIN file of mode %s is denied', async (octal) => {
    writePin(rightPin());
    chmodSync(pinFile, Number.parseInt(octal, 8));
    try {
      const failure = await rejection(openModule(options));
      expect(failure).toMatchObject({ kind: 'denied', ckr: 0 });
      expect((failure as ModuleFailure).detail).toContain(`chmod 600 ${pinFile}`);
    } finally {
      chmodSync(pinFile, 0o600);
    }
  });

  test('a PIN that was corrected is tried, and the marker goes', async () => {
    writePin(`${wrongPin}-3`);
    await rejection(openModule(options));
    writePin(rightPin());
    const restarted = await afterRestart();
    const module = await restarted.openModule(options);
    expect(module.status().state).toBe('ready');
    await module.close();
    expect(existsSync(`${pinFile}.refused`)).toBe(false);
  });

  test('a PIN that another p11Token refused is tried here', async () => {
    writePin(rightPin());
    const salt = randomBytes(16);
    const hash = scryptSync(rightPin().trim(), salt, 32).toString('hex');
    const marker = { serial: 'another', salt: salt.toString('hex'), hash };
    writeFileSync(`${pinFile}.refused`, JSON.stringify(marker));
    const restarted = await afterRestart();
    const module = await restarted.openModule(options);
    await module.close();
  });

  test('listing and every other login obey the same rule', async () => {
    writePin(`${wrongPin}-4`);
    await rejection(listObjects(options));
    await forgetWrongTries();
    expect(await rejection(openModule(options))).toMatchObject({ kind: 'denied' });
    expect(await rejection(listObjects(options))).toMatchObject({ kind: 'denied' });
    expect(await wasWrongPinTried()).toBe(false);
  });

  test.each<[string, () => PinSource, RegExp]>([
    [
      'no file',
      () => ({ kind: 'file', path: '/nowhere/pin' }),
      /\/nowhere\/pin cannot be read: ENOENT/,
    ],
    [
      'no variable',
      () => ({ kind: 'env', name: 'THE_PIN', value: undefined }),
      /no PIN in .*THE_PIN/,
    ],
    ['two lines', () => ({ kind: 'env', name: 'THE_PIN', value: 'a\nb' }), /cannot be a PIN/],
    [
      'too long',
      () => ({ kind: 'env', name: 'THE_PIN', value: 'a'.repeat(256) }),
      /cannot be a PIN/,
    ],
    [
      'an empty prompt',
      () => ({ kind: 'provider', name: 'the prompt', provide: () => Promise.resolve('') }),
      /no PIN in the prompt/,
    ],
  ])('%s is denied with the name of the source', async (_, source, reason) => {
    const failure = await rejection(openModule({ ...options, pinSource: source() }));
    expect(failure).toMatchObject({ kind: 'denied', ckr: 0 });
    expect((failure as ModuleFailure).detail).toMatch(reason);
  });

  test('file, variable and prompt open the module', async () => {
    const pin = rightPin().trim();
    const sources: PinSource[] = [
      { kind: 'file', path: hsm.userPinFile },
      { kind: 'env', name: 'THE_PIN', value: pin },
      { kind: 'provider', name: 'the prompt', provide: () => Promise.resolve(pin) },
    ];
    for (const pinSource of sources) {
      expect(await readPinSource(pinSource)).toBe(pin);
      const module = await openModule({ ...options, pinSource });
      expect(module.status().state).toBe('ready');
      await module.close();
    }
  });

  test('without a PIN the module waits; unlock opens it, and tries a wrong PIN once', async () => {
    const module: HsmModule = await openModule({ ...options, pinSource: { kind: 'later' } });
    try {
      expect(module.status()).toMatchObject({ state: 'needs-pin', sessionsOpen: 0 });
      expect(await rejection(module.random(4, soon))).toMatchObject({ kind: 'denied', ckr: 0 });
      const wrong = `${wrongPin}-5`;
      expect(await rejection(module.unlock(wrong))).toMatchObject({ kind: 'denied', ckr: 0xa0 });
      expect(module.status().state).toBe('needs-pin');
      await forgetWrongTries();
      const again = (await rejection(module.unlock(wrong))) as ModuleFailure;
      expect(again.detail).toContain('not tried again');
      expect(await rejection(module.unlock(''))).toMatchObject({ kind: 'denied', ckr: 0 });
      expect(await wasWrongPinTried()).toBe(false);
      await module.unlock(rightPin().trim());
      expect(module.status().state).toBe('ready');
      expect(await module.random(4, soon)).toHaveLength(4);
    } finally {
      await module.close();
    }
  });
});
