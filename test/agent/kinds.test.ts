import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import type { PackageHeader } from '../../src/offline/header.ts';
import { equippedOffice, jane, type Office } from './support/world.ts';

const events: Partial<PackageHeader> = {
  algorithm: 'HOTP-SHA1-6',
  kind: 'event',
  eventMode: 'shared',
  first: 40n,
  count: 110,
};

async function tried(office: Office, response: string): Promise<number> {
  return (await office.agent(['logon', 'jane', '--stdin'], [`${jane.pin}${response}`])).status;
}

it('takes event responses in order, some presses ahead, and no counter twice', async () => {
  const office = await equippedOffice({ ...jane, header: events, online: '755224' });
  await office.server.stop();
  const at = (counter: bigint): string => office.server.response('HOTP-SHA1-6', counter);
  expect(await tried(office, at(40n))).toBe(0);
  expect(await tried(office, at(40n))).toBe(exitCodes.refused);
  // Across the border of a block, at the end of the look-ahead.
  expect(await tried(office, at(50n))).toBe(0);
  expect(await tried(office, at(49n))).toBe(exitCodes.refused);
  expect(await tried(office, at(61n))).toBe(exitCodes.refused);
  expect(await tried(office, at(60n))).toBe(0);
});

it('shows a challenge that is never shown again, and takes its answer only', async () => {
  const suite = 'OCRA-1:HOTP-SHA1-6:QN08';
  const challenges = ['11111111', '22222222', '33333333'];
  const header: Partial<PackageHeader> = {
    algorithm: suite,
    kind: 'challenge',
    first: 0n,
    count: 3,
  };
  const office = await equippedOffice({ ...jane, header, challenges, online: '755224' });
  await office.server.stop();
  const answerTo = async (shown: string, answered: string): Promise<number> => {
    const response = office.server.response(suite, 0n, answered);
    const ran = await office.agent(
      ['logon', 'jane', '--stdin'],
      ['anything', `${jane.pin}${response}`],
    );
    expect(ran.err).toContain(`Challenge: ${shown}\n`);
    return ran.status;
  };
  expect(await answerTo('11111111', '22222222')).toBe(exitCodes.refused);
  expect(await answerTo('11111111', '11111111')).toBe(0);
  expect(await answerTo('22222222', '11111111')).toBe(exitCodes.refused);
  expect(await answerTo('22222222', '22222222')).toBe(0);
  expect(await answerTo('33333333', '33333333')).toBe(0);
  const spent = await office.agent(['logon', 'jane', '--stdin'], ['anything']);
  expect(spent.status).toBe(exitCodes['used-up']);
});

it('asks nobody who is not there for the answer to a challenge', async () => {
  const header: Partial<PackageHeader> = {
    algorithm: 'OCRA-1:HOTP-SHA1-6:QN08',
    kind: 'challenge',
    first: 0n,
    count: 1,
  };
  const office = await equippedOffice({ ...jane, header, challenges: ['11111111'] });
  await office.server.stop();
  const ran = await office.agent(['logon', 'jane', '--stdin'], ['anything']);
  expect(ran).toMatchObject({ status: exitCodes.unanswered, out: '' });
  const { out } = await office.agent(['status', '--json']);
  expect(JSON.parse(out)).toMatchObject({ packages: [{ failures: 0 }] });
});

it('verifies by either of two devices, and counts a try at both', async () => {
  const office = await equippedOffice();
  const second = { ...jane, serial: 'VT00000002', header: events, online: '755224' };
  office.server.users.set('jane', second);
  await office.agent(['logon', 'jane', '--stdin'], [`${jane.pin}755224`]);
  office.computer.pass(60_000);
  await office.server.stop();
  const statuses = async (): Promise<unknown> => {
    const { out } = await office.agent(['status', '--json']);
    return (JSON.parse(out) as { packages: { failures: number }[] }).packages.map(
      ({ failures }) => failures,
    );
  };
  expect(await tried(office, '000000')).toBe(exitCodes.refused);
  expect(await statuses()).toEqual([1, 1]);
  expect(await tried(office, office.server.response('HOTP-SHA1-6', 40n))).toBe(0);
  expect(await statuses()).toEqual([1, 0]);
  expect(await tried(office, office.shown())).toBe(0);
  expect(await statuses()).toEqual([0, 0]);
});

it('works without a PIN where the application has none', async () => {
  const office = await equippedOffice({ ...jane, pin: '', header: { pinMode: 'none' } });
  await office.server.stop();
  const logon = (typed: string): ReturnType<Office['agent']> =>
    office.agent(['logon', 'jane', '--stdin'], [typed]);
  expect(await logon(`0000${office.shown()}`)).toMatchObject({ status: exitCodes.refused });
  expect(await logon(office.shown())).toMatchObject({ status: 0 });
});
