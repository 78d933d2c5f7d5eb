import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PinEdit } from '../../src/domain/pin-edit.ts';
import type { TallystickError } from '../../src/errors.ts';
import type { Caller, NewApplication } from '../../src/service/index.ts';
import {
  type Bench,
  hotp6,
  nextSerial,
  ocraBare,
  openBench,
  type TestDevice,
  totp6,
} from '../support/builders.ts';
import { asking, codeOf, interrupting, membersRefused } from './support.ts';

let bench: Bench;
let caller: Caller;
const between = interrupting(() => runBetween());
let runBetween: () => Promise<unknown> = () => Promise.resolve();

beforeAll(async () => {
  bench = await openBench({ store: between.wrap });
  caller = await bench.caller();
});

afterAll(async () => {
  await bench.close();
});

type Setting = Extract<PinEdit, { readonly action: 'set' }>;

function setTo(pin: string, more: Partial<Setting> = {}): Setting {
  return {
    action: 'set',
    newPin: { pin, confirmation: pin },
    mustChange: false,
    policyName: null,
    ...more,
  };
}

const enable: PinEdit = { action: 'enable', minimumLength: null };

interface Held {
  readonly userName: string;
  readonly device: TestDevice;
}

async function held(...edits: readonly PinEdit[]): Promise<Held> {
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  for (const each of edits) await edit(device.serial, each);
  return { userName, device };
}

/** Each application's state after an edit by an administrator. */
async function edit(serial: string, change: PinEdit, name: string | null = null): Promise<string> {
  const { administration } = bench.service;
  const view = await administration.editPin(bench.admin, serial, name, change);
  return view.applications.map(({ pin }) => pin.state).join(' ');
}

function attempt({ userName }: Held, text: string): Promise<string> {
  const credential = { format: 'combined', text } as const;
  return codeOf(bench.service, caller, { ...asking(userName), credential });
}

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (thrown: unknown) => {
      const { code, message, fields } = thrown as TallystickError;
      return { code, message, fields };
    },
  );
}

async function versionOf({ device }: Held): Promise<number> {
  return (await bench.store.authenticatorBySerial(device.serial))!.applications[0]!.pin.version;
}

describe('an administrator', () => {
  it('enables the PIN, and its user sets the first one', async () => {
    const one = await held();
    expect(await edit(one.device.serial, enable)).toBe('to-be-set');
    const [zero, first, second] = [0, 1, 2].map((counter) => one.device.response({ counter }));
    expect(await attempt(one, zero!)).toBe('pin-change-required');
    expect(await attempt(one, `${first!}90389038`)).toBe('accepted');
    expect(await edit(one.device.serial, enable)).toBe('set');
    expect(await attempt(one, `9038${second!}`)).toBe('accepted');
  });

  it('sets a PIN, and it is good at once', async () => {
    const one = await held(enable, setTo('9038'));
    expect(await attempt(one, one.device.response({ counter: 0 }))).toBe('response-incorrect');
    expect(await attempt(one, `9038${one.device.response({ counter: 0 })}`)).toBe('accepted');
  });

  it('sets one that has to be changed', async () => {
    const one = await held(enable, setTo('9038', { mustChange: true }));
    const [zero, first] = [0, 1].map((counter) => one.device.response({ counter }));
    expect(await attempt(one, `9038${zero!}`)).toBe('pin-change-required');
    expect(await attempt(one, `9038${first!}47214721`)).toBe('accepted');
  });

  it('clears it with an empty one, so that the response alone verifies', async () => {
    const one = await held(enable, setTo('9038'));
    expect(await edit(one.device.serial, setTo(''))).toBe('none-needed');
    const [zero, first] = [0, 1].map((counter) => one.device.response({ counter }));
    expect(await attempt(one, zero!)).toBe('accepted');
    expect(await attempt(one, `${first!}47214721`)).toBe('accepted');
    expect(await edit(one.device.serial, { action: 'force' })).toBe('change-required');
  });

  it('resets it: the old one is worth nothing', async () => {
    const one = await held(enable, setTo('9038'));
    expect(await edit(one.device.serial, { action: 'reset' })).toBe('to-be-set');
    const response = one.device.response({ counter: 0 });
    expect(await attempt(one, `9038${response}`)).toBe('response-incorrect');
    expect(await attempt(one, `${response}90389038`)).toBe('accepted');
  });

  it('disables it, and it is forgotten', async () => {
    const one = await held(enable, setTo('9038'));
    expect(await edit(one.device.serial, { action: 'disable' })).toBe('off');
    expect(await attempt(one, one.device.response({ counter: 0 }))).toBe('accepted');
    expect(await edit(one.device.serial, enable)).toBe('to-be-set');
  });

  it('asks for more characters of the next one', async () => {
    const one = await held(enable, setTo('9038'));
    expect(await edit(one.device.serial, { action: 'minimum', minimumLength: 6 })).toBe('set');
    const [zero, first] = [0, 1].map((counter) => one.device.response({ counter }));
    expect(await attempt(one, `9038${zero!}4721547215`)).toBe('pin-too-short');
    expect(await attempt(one, `9038${first!}`)).toBe('accepted');
    expect(await membersRefused(edit(one.device.serial, setTo('47215')))).toEqual(['pin']);
  });

  it.each<[string, PinEdit]>([
    ['set', setTo('4721')],
    ['reset', { action: 'reset' }],
    ['force', { action: 'force' }],
    ['disable', { action: 'disable' }],
    ['enable', enable],
    ['minimum', { action: 'minimum', minimumLength: 5 }],
  ])('who makes an edit (%s) meanwhile spoils a logon under the old version', async (_, change) => {
    const one = await held(enable, setTo('9038'));
    const before = await versionOf(one);
    const { length } = between.commits;
    runBetween = () => edit(one.device.serial, change);
    between.arm();
    await attempt(one, `9038${one.device.response({ counter: 0 })}`);
    expect(await versionOf(one)).toBe(before + 1);
    // The first decision did not commit: it was made again.
    expect(between.commits.length - length).toBe(2);
  });
});

describe('refused', () => {
  it.each<[string, string, RegExp, Partial<Setting>]>([
    ['too short', '903', /too short: it must have 4 to 8 characters/, {}],
    ['too long', '903817264', /too long: it must have 4 to 8 characters/, {}],
    ['with letters', '90a8', /made of digits by the policy/, {}],
    ['weak', '1234', /easy to guess/, {}],
  ])('is a PIN that is %s, saying what is allowed', async (_name, pin, message, more) => {
    const one = await held(enable);
    const refused = await refusalOf(edit(one.device.serial, setTo(pin, more)));
    expect(refused).toMatchObject({
      code: 'request-invalid',
      fields: { pin: [expect.stringMatching(message)] },
    });
    expect(JSON.stringify(refused)).not.toContain(`"${pin}"`);
  });

  it('is what a named policy does not take, and taken what it does', async () => {
    const one = await held(enable);
    const policyName = await policyWith({ pinCharacters: 'alphanumeric', weakPins: 'allowed' });
    expect(await edit(one.device.serial, setTo('aaaa', { policyName }))).toBe('set');
    expect(await membersRefused(edit(one.device.serial, setTo('aaaa')))).toEqual(['pin']);
    expect(await refusalOf(edit(one.device.serial, setTo('9038', { policyName: 'none' })))).toEqual(
      expect.objectContaining({ code: 'not-found' }),
    );
  });

  it.each<[string, PinEdit]>([
    ['confirmation', setTo('9038', { newPin: { pin: '9038', confirmation: '9039' } })],
    ['mustChange', setTo('', { mustChange: true })],
    ['minimumLength', { action: 'enable', minimumLength: 2 }],
    ['minimumLength', { action: 'minimum', minimumLength: 9 }],
    ['minimumLength', { action: 'minimum', minimumLength: 4.5 }],
  ])('is a wrong %s', async (member, change) => {
    const one = await held(enable);
    expect(await membersRefused(edit(one.device.serial, change))).toEqual([member]);
  });

  it.each<PinEdit>([setTo('9038'), { action: 'reset' }, { action: 'force' }])(
    'is $action before the PIN is enabled',
    async (change) => {
      const one = await held();
      expect(await refusalOf(edit(one.device.serial, change))).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/enable it first/) as string,
        fields: { reason: 'pin-not-enabled' },
      });
    },
  );

  it('is an application that verifies nobody', async () => {
    const serial = await created(['TIME', totp6], ['UNLOCK', ocraBare, 'unlock']);
    expect(await membersRefused(edit(serial, enable, 'unlock'))).toEqual(['applicationName']);
    expect(await edit(serial, enable)).toBe('to-be-set off');
    expect(await refusalOf(edit(serial, enable, 'NONE'))).toMatchObject({ code: 'not-found' });
  });
});

type Made = readonly [name: string, algorithm: object, mode?: NewApplication['mode']];

/** An authenticator of nobody's with these applications, which views show by their names. */
async function created(...made: readonly Made[]): Promise<string> {
  const serial = nextSerial();
  const applications = made.map(([name, algorithm, mode = 'response-only']) => {
    return { name, mode, algorithm, seed: { source: 'generate' }, eventCounter: 0n } as const;
  });
  const authenticator = { serial, model: 'TEST', expiresAtMs: null, applications };
  await bench.service.administration.createAuthenticator(bench.admin, authenticator);
  return serial;
}

const three: readonly Made[] = [
  ['ONE', totp6],
  ['TWO', hotp6],
  ['WITHOUT', totp6],
];

describe('applications', () => {
  it('are meant by name, or all that need it', async () => {
    const serial = await created(...three);
    expect(await edit(serial, enable, 'one')).toBe('to-be-set off off');
    expect(await edit(serial, setTo('9038'))).toBe('set off off');
    expect(await edit(serial, enable)).toBe('set to-be-set to-be-set');
    expect(await edit(serial, setTo('4721'))).toBe('set set set');
    const { applications } = (await bench.store.authenticatorBySerial(serial))!;
    // One PIN, yet nothing that is kept of it is the same twice.
    expect(new Set(applications.map(({ pin }) => pin.verifier?.salt)).size).toBe(3);
    expect(new Set(applications.map(({ pin }) => pin.verifier?.mac)).size).toBe(3);
    expect(await edit(serial, { action: 'disable' }, 'TWO')).toBe('set off set');
  });

  it('have no PIN left when the authenticator changes hands', async () => {
    const userName = await bench.user();
    const serial = await created(...three);
    const { administration } = bench.service;
    await administration.assignAuthenticator(bench.admin, serial, null, userName);
    await edit(serial, enable, 'ONE');
    await edit(serial, enable, 'TWO');
    await edit(serial, setTo('9038'), 'ONE');
    const view = await administration.unassignAuthenticator(bench.admin, serial);
    expect(view.applications.map(({ pin }) => pin.state)).toEqual([
      'to-be-set',
      'to-be-set',
      'off',
    ]);
    expect(await bench.lastAudit()).toMatchObject({
      action: 'authenticator.unassign',
      details: { user: userName, pinsForgotten: 'ONE' },
    });
    const { applications } = (await bench.store.authenticatorBySerial(serial))!;
    expect(applications.map(({ pin }) => pin.verifier)).toEqual([null, null, null]);
  });
});

describe('the audit', () => {
  it.each<[PinEdit, object]>([
    [{ action: 'enable', minimumLength: 5 }, { minimumLength: 5 }],
    [{ action: 'disable' }, {}],
    [setTo('90385172'), { isCleared: false, mustChange: false }],
    [setTo(''), { isCleared: true, mustChange: false }],
    [{ action: 'reset' }, {}],
    [{ action: 'force' }, {}],
    [{ action: 'minimum', minimumLength: 6 }, { minimumLength: 6 }],
  ])('has one event of %j, without the PIN', async (change, details) => {
    const { device } = await held(enable);
    const { length } = await bench.auditBodies();
    await edit(device.serial, change);
    const bodies = (await bench.auditBodies()).slice(length);
    expect(bodies).toHaveLength(1);
    expect(bodies.join('')).not.toContain('90385172');
    expect(await bench.lastAudit()).toMatchObject({
      action: `authenticator.pin-${change.action}`,
      outcome: 'done',
      subject: device.serial,
      details: { applications: device.applicationName, ...details },
    });
    expect(JSON.stringify(await bench.lastAudit())).not.toMatch(/"(length|mac|salt)"/);
  });
});

async function policyWith(settings: object): Promise<string> {
  const name = `Policy ${randomBytes(6).toString('hex')}`;
  const { administration } = bench.service;
  await administration.savePolicy(
    bench.admin,
    name,
    { parentName: 'Local Authentication', settings },
    { expectedVersion: null },
  );
  return name;
}
