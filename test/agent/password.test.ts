import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { splitCredential, stretchedFront } from '../../src/agent/install.ts';
import { stretched } from '../../src/agent/stretch.ts';
import { framed } from '../../src/offline/bytes.ts';
import { emergencyTerms, type ServedUser } from './support/server.ts';
import { enrol, equippedOffice, jane, logon, type Office, openOffice } from './support/world.ts';

const password = 'Grün-2026';
const typed = `${password}${jane.pin}`;
/** Of what she types in front of a response. */
const careful: ServedUser = { ...jane, pin: typed, header: { isPasswordRequired: true } };

const kdf = { algorithm: 'scrypt', n: 1024, r: 8, p: 1, salt: Buffer.alloc(16, 7) } as const;

it('stretches password and PIN as the one text that is typed, and a PIN alone as ever', async () => {
  const alone = await stretchedFront({ pinMode: 'server', kdf }, '4711');
  expect(alone).toEqual(await stretched('4711', kdf.salt, kdf));
  expect(await stretchedFront({ pinMode: 'none', kdf }, '')).toEqual(Buffer.alloc(0));
  const asking = { pinMode: 'server', isPasswordRequired: true, kdf } as const;
  const both = await stretchedFront(asking, typed);
  const named = framed('ovp1/password-and-pin', typed);
  expect(both).toEqual(await stretched(named, kdf.salt, kdf));
  expect(await stretchedFront(asking, typed.normalize('NFD'))).toEqual(both);
  expect(await stretchedFront(asking, '4711')).not.toEqual(alone);
});

it.each([
  ['server', undefined, '12345678', null],
  ['server', true, '12345678', null],
  ['none', undefined, 'x12345678', null],
  ['none', undefined, '12345678', ''],
  ['none', true, '12345678', null],
  ['none', true, 'x12345678', 'x'],
  ['server', true, `${typed}12345678`, typed],
] as const)('cuts from the right (PIN %s, password %s): %s', (pinMode, required, text, front) => {
  const header = { algorithm: 'TOTP-SHA1-8-30S', pinMode, isPasswordRequired: required };
  const expected = front === null ? null : { front, response: '12345678' };
  expect(splitCredential(header, text)).toEqual(expected);
});

it('takes password, PIN and response without the server, and nothing less', async () => {
  const office = await equippedOffice(careful);
  await office.server.stop();
  const wrong = [jane.pin, password, `${jane.pin}${password}`, `gRün-2026${jane.pin}`, ''];
  for (const front of wrong.slice(0, 2)) {
    const ran = await logon(office, `${front}${office.shown()}`);
    expect(ran).toEqual({ status: 1, out: '', err: 'The code or PIN is not accepted.\n' });
  }
  // The response was not used up by any of them; another machine types the letter in two pieces.
  const decomposed = `${typed.normalize('NFD')}${office.shown()}`;
  expect(decomposed).not.toBe(`${typed}${office.shown()}`);
  expect(await logon(office, decomposed)).toMatchObject({ status: 0, err: '' });
  office.computer.pass(60_000);
  for (const front of wrong.slice(2, 4)) {
    expect(await logon(office, `${front}${office.shown()}`)).toMatchObject({ status: 1 });
  }
  expect(await logon(office, `${typed}${office.shown()}`)).toMatchObject({ status: 0 });
});

it('takes the password alone in front where the application has no PIN', async () => {
  const header = { pinMode: 'none', isPasswordRequired: true } as const;
  const office = await equippedOffice({ ...jane, pin: password, header });
  await office.server.stop();
  expect(await logon(office, office.shown())).toMatchObject({ status: exitCodes.refused });
  expect(await logon(office, `${password}${office.shown()}`)).toMatchObject({ status: 0 });
});

it('asks for both in front of an emergency code that asks for the PIN', async () => {
  const code = '9182736450';
  const emergency = [emergencyTerms('tokencode', Date.UTC(2031, 0, 1))];
  const header = { isPasswordRequired: true, emergency } as const;
  const office = await equippedOffice({ ...careful, header, emergencyCodes: [code] });
  await office.server.stop();
  expect(await logon(office, `${jane.pin}${code}`)).toMatchObject({ status: exitCodes.refused });
  expect(await logon(office, `${typed}${code}`)).toMatchObject({ status: 0 });
});

it('asks for nothing in front of one that stands for device and PIN', async () => {
  const code = 'ABCD-EFGH-JKMN';
  const emergency = [emergencyTerms('passcode', Date.UTC(2031, 0, 1))];
  const header = { isPasswordRequired: true, emergency } as const;
  const office = await equippedOffice({ ...careful, header, emergencyCodes: [code] });
  await office.server.stop();
  expect(await logon(office, code)).toMatchObject({ status: 0, err: '' });
});

it('uses up here what the server has accepted, where the old package stays', async () => {
  const office = await equippedOffice(careful);
  office.server.offer = { status: 'current' };
  const right = `${typed}${office.shown()}`;
  expect(await logon(office, right)).toMatchObject({ status: 0 });
  await office.server.stop();
  expect(await logon(office, right)).toMatchObject({ status: exitCodes.refused, out: '' });
});

it('says so where the server keeps no password of the user', async () => {
  const office = await openOffice();
  await enrol(office);
  office.server.offer = { status: 'not-permitted', reason: 'password-none' };
  const { status, out } = await logon(office, `${jane.pin}${office.shown()}`);
  expect(status).toBe(0);
  expect(out).toContain('the server keeps none of yours');
});

it('writes and says the password nowhere', async () => {
  const office = await equippedOffice(careful);
  const online = await logon(office, `${typed}${office.shown()}`, ['--verbose']);
  await office.server.stop();
  const offline = await logon(office, `${typed}${office.shown(1)}`, ['--verbose']);
  const said = [online, offline].map(({ out, err }) => out + err).join('');
  for (const text of [said, ...(await onDisk(office))]) expect(text).not.toContain(password);
});

async function onDisk({ computer, state }: Office): Promise<readonly string[]> {
  const names = await computer.files.list(state);
  return names
    .filter((name) => /^(?:state|config\.json)$|\.entries$/.test(name))
    .map((name) => readFileSync(join(state, name), 'utf8'));
}
