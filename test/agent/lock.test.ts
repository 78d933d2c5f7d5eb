import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { emergencyTerms } from './support/server.ts';
import { equippedOffice, jane, logon, type Office } from './support/world.ts';

const wrong = `${jane.pin}00000000`;
const passcode = 'ABCD-EFGH-JKMN';
const tokencode = '9182736450';

async function lockedOffice(office: Office): Promise<number> {
  await office.server.stop();
  await logon(office, wrong);
  await logon(office, wrong);
  return (await logon(office, wrong)).status;
}

function withCode(
  kind: 'tokencode' | 'passcode',
  notAfterMs: number = Date.UTC(2031, 0, 1),
): typeof jane {
  const terms = emergencyTerms(kind, notAfterMs);
  const codes = [kind === 'passcode' ? passcode : tokencode];
  return { ...jane, header: { emergency: [terms] }, emergencyCodes: codes };
}

it('waits longer after each wrong try, also for the next process, and not after a right one', async () => {
  const office = await equippedOffice({ ...jane, header: { failuresMax: 8 } });
  await office.server.stop();
  const waits: number[] = [];
  for (let tries = 0; tries < 7; tries += 1) {
    office.computer.sleptMs = 0;
    await logon(office, wrong);
    waits.push(office.computer.sleptMs);
  }
  expect(waits).toEqual([0, 2000, 4000, 8000, 16_000, 32_000, 32_000]);
  await office.computer.env.sleepMs(32_000);
  office.computer.sleptMs = 0;
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  office.computer.pass(60_000);
  await logon(office, `${jane.pin}${office.shown()}`);
  expect(office.computer.sleptMs).toBe(0);
});

it('does not shorten the wait when the clock is set', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  await logon(office, wrong);
  office.computer.clockErrorMs = 3_600_000;
  office.computer.sleptMs = 0;
  await logon(office, wrong);
  expect(office.computer.sleptMs).toBe(2000);
});

it('locks after the last wrong try, destroys the secret, keeps the log', async () => {
  const office = await equippedOffice();
  expect(await lockedOffice(office)).toBe(exitCodes.locked);
  expect(await office.computer.files.list(`${office.state}/keys`)).toHaveLength(2);
  office.computer.pass(60_000);
  const right = await logon(office, `${jane.pin}${office.shown()}`);
  expect(right).toMatchObject({ status: exitCodes.locked, out: '' });
  await office.server.start();
  // The next logon at the server heals it.
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  expect(office.server.records.map(({ kind }) => kind)).toEqual([
    'installed',
    ...['attempted', 'refused', 'attempted', 'refused', 'attempted', 'refused'],
    ...['locked', 'wiped'],
  ]);
  await office.server.stop();
  office.computer.pass(60_000);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
});

it('opens a lock by an emergency code, as it is heard on the telephone', async () => {
  const office = await equippedOffice(withCode('passcode'));
  expect(await lockedOffice(office)).toBe(exitCodes['emergency-needed']);
  office.computer.pass(60_000);
  const right = await logon(office, `${jane.pin}${office.shown()}`);
  expect(right).toMatchObject({ status: exitCodes['emergency-needed'] });
  const opened = await logon(office, 'abcd efgh jkmn');
  expect(opened).toMatchObject({ status: 0, err: '' });
  office.computer.pass(60_000);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  // Without a lock too, and as often as it may.
  expect(await logon(office, passcode)).toMatchObject({ status: 0 });
  expect(await logon(office, passcode)).toMatchObject({ status: exitCodes.refused });
  await office.server.start();
  await office.agent(['report']);
  const used = office.server.records.filter(({ kind }) => kind === 'emergency-accepted');
  expect(used).toHaveLength(2);
  expect(new Set(used.map(({ codeId }) => codeId)).size).toBe(1);
});

it.each([' ', '-', '  '])(
  'takes a code behind the PIN as it is spoken (%j between them)',
  async (gap) => {
    const office = await equippedOffice(withCode('tokencode'));
    expect(await lockedOffice(office)).toBe(exitCodes['emergency-needed']);
    const spoken = `${jane.pin}${gap}${tokencode.slice(0, 5)} ${tokencode.slice(5)}`;
    expect(await logon(office, spoken)).toMatchObject({ status: 0, err: '' });
  },
);

it('takes no emergency code whose days are over', async () => {
  const office = await equippedOffice(withCode('passcode', Date.UTC(2030, 0, 16)));
  await office.server.stop();
  expect(await logon(office, passcode)).toMatchObject({ status: 0 });
  office.computer.pass(86_400_000);
  expect(await logon(office, passcode)).toMatchObject({ status: exitCodes.refused, out: '' });
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
});

it('asks for the PIN in front of a code that stands for the device alone', async () => {
  const office = await equippedOffice(withCode('tokencode'));
  await office.server.stop();
  expect(await logon(office, tokencode)).toMatchObject({ status: exitCodes.refused });
  expect(await logon(office, `0000${tokencode}`)).toMatchObject({ status: exitCodes.refused });
  expect(await logon(office, `${jane.pin}${tokencode}`)).toMatchObject({ status: 0 });
});

it('destroys everything after three wrong emergency codes', async () => {
  const office = await equippedOffice(withCode('passcode'));
  expect(await lockedOffice(office)).toBe(exitCodes['emergency-needed']);
  const codes = ['ABCD-EFGH-JKM0', 'something', 'ABCD-EFGH-JKM1', 'ABCD-EFGH-JKM2'];
  const statuses: number[] = [];
  for (const code of codes) statuses.push((await logon(office, code)).status);
  const { locked, 'emergency-needed': needed } = exitCodes;
  expect(statuses).toEqual([needed, needed, needed, locked]);
  expect(await logon(office, passcode)).toMatchObject({ status: locked });
  expect(await office.computer.files.list(`${office.state}/keys`)).toHaveLength(2);
});
