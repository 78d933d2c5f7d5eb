import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { equippedOffice, jane, logon } from './support/world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

it.each([
  ['3 minutes behind', -3 * minuteMs],
  ['3 minutes ahead', 3 * minuteMs],
  ['an hour ahead', hourMs],
  ['a day behind', -dayMs],
])('knows the time with a clock that is set %s, until the next start', async (_, errorMs) => {
  const office = await equippedOffice();
  await office.server.stop();
  office.computer.clockErrorMs = errorMs;
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: 0, err: '' });
});

it.each([
  ['an hour', hourMs],
  ['a day', dayMs],
])(
  'refuses when the clock is set back by %s at a restart, until it is online',
  async (_, backMs) => {
    const office = await equippedOffice();
    await office.server.stop();
    office.computer.restart();
    office.computer.clockErrorMs = -backMs;
    const ran = await logon(office, `${jane.pin}${office.shown()}`);
    expect(ran).toMatchObject({ status: exitCodes.clock, out: '' });
    await logon(office, `${jane.pin}${office.shown()}`);
    await office.server.start();
    expect(await office.agent(['report'])).toMatchObject({ status: 0 });
    const back = office.server.records.filter(({ kind }) => kind === 'clock-back');
    expect(back).toHaveLength(1);
    await office.server.stop();
    expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  },
);

it('forgives a clock that was ahead, once the server has said the time', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  office.computer.restart();
  office.computer.clockErrorMs = dayMs;
  await logon(office, `${jane.pin}00000000`);
  office.computer.clockErrorMs = 0;
  office.computer.restart();
  const before = await logon(office, `${jane.pin}${office.shown()}`);
  expect(before).toMatchObject({ status: exitCodes.clock });
  await office.server.start();
  await office.agent(['report']);
  await office.server.stop();
  office.computer.pass(minuteMs);
  // A day of entries went with the clock: what was erased does not come back.
  const after = await logon(office, `${jane.pin}${office.shown()}`);
  expect(after).toMatchObject({ status: exitCodes.refused });
});

it('takes a start of the same name whose time is behind for another', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  // A container restarts: its uptime begins anew, and the kernel's name of the start stays.
  office.computer.pass(hourMs);
  office.computer.bootMs = 100_000;
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: 0, err: '' });
});

it('refuses what has expired, and keeps nothing of it', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  office.computer.pass(3 * dayMs);
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: exitCodes.expired, out: '' });
  const names = await office.computer.files.list(office.state);
  expect(names.filter((name) => name.endsWith('.entries'))).toEqual([]);
  expect(await office.computer.files.list(`${office.state}/keys`)).toHaveLength(2);
});

it('verifies nobody by a package whose time has not come, until it has', async () => {
  const header = { notBeforeMs: Date.UTC(2030, 0, 16), notAfterMs: Date.UTC(2030, 0, 18) };
  const office = await equippedOffice({ ...jane, header });
  await office.server.stop();
  const early = await logon(office, `${jane.pin}${office.shown()}`);
  expect(early).toMatchObject({ status: exitCodes.clock, out: '' });
  office.computer.pass(dayMs);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0, err: '' });
});

it.each([
  ['by more than its packages last', 4 * dayMs],
  ['by decades', 40 * 365 * dayMs],
])('loses nothing to a clock that is ahead %s after a restart', async (_, errorMs) => {
  const office = await equippedOffice();
  await office.server.stop();
  office.computer.restart();
  office.computer.clockErrorMs = errorMs;
  const ahead = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ahead).toMatchObject({ status: exitCodes.expired, out: '' });
  office.computer.clockErrorMs = 0;
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0, err: '' });
});

it('keeps nothing of what ended while it was off, once the server has said the time', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  const entries = async (): Promise<readonly string[]> => {
    const names = await office.computer.files.list(office.state);
    return names.filter((name) => name.endsWith('.entries'));
  };
  office.computer.trueMs += 4 * dayMs;
  office.computer.restart();
  await office.agent(['status']);
  expect(await entries()).toHaveLength(1);
  await office.server.start();
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
  await office.agent(['status']);
  expect(await entries()).toEqual([]);
});

it('has no time of a start before, however long the new one lasts', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  office.computer.pass(hourMs);
  office.computer.bootMs = 100_000;
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
  office.computer.pass(hourMs);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0, err: '' });
});

it('erases days as they pass', async () => {
  const office = await equippedOffice();
  await office.server.stop();
  const lengthOf = async (): Promise<{ size: number; zeros: number; blocks: number }> => {
    const names = await office.computer.files.list(office.state);
    const name = names.find((each) => each.endsWith('.entries'))!;
    const bytes = await office.computer.files.read(`${office.state}/${name}`, 1e7);
    const kept = bytes.subarray(4, 4 + bytes.readUInt32BE());
    const zeros = kept.filter((byte) => byte === 0).length;
    return {
      size: kept.length,
      zeros,
      blocks: bytes.toString('latin1').split('"block"').length - 1,
    };
  };
  const before = await lengthOf();
  office.computer.pass(dayMs);
  await office.agent(['status']);
  const after = await lengthOf();
  expect(after.size).toBe(before.size);
  expect(after.blocks).toBe(before.blocks - 1);
  expect(after.zeros - before.zeros).toBeGreaterThan(2880 * 2);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
});

it('learns no time from an answer that the computer slept over', async () => {
  const office = await equippedOffice();
  const { nowMs } = office.server;
  const askedMs = nowMs();
  office.server.nowMs = () => {
    // The server answers; then the lid is shut for an hour.
    office.server.nowMs = nowMs;
    office.computer.pass(hourMs);
    return askedMs;
  };
  expect(await office.agent(['report'])).toMatchObject({ status: 0 });
  await office.server.stop();
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0 });
});
