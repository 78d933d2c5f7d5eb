import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { exitCodes } from '../../../src/agent/agent-error.ts';
import { listObjects, openDevice } from '../../../hsm/index.ts';
import { freshSoftHsm, type SoftHsmToken } from '../../support/softhsm.ts';
import { enrol, jane, logon, openOffice, type Office } from '../support/world.ts';

async function hardwareOffice(): Promise<{ office: Office; softHsm: SoftHsmToken }> {
  const softHsm = await freshSoftHsm();
  onTestFinished(() => softHsm.remove());
  const office = await openOffice();
  await enrol(office, ['--mode', 'hw', '--module-uri', softHsm.uri]);
  const ran = await logon(office, `${jane.pin}${office.shown()}`, ['--verbose']);
  expect(ran.out + ran.err).toContain('is renewed');
  office.computer.pass(60_000);
  await office.server.stop();
  return { office, softHsm };
}

it('keeps identity and secrets in the module, and the folder alone is good for nothing', async () => {
  const { office, softHsm } = await hardwareOffice();
  await expect(office.computer.files.list(join(office.state, 'keys'))).rejects.toThrow(/ENOENT/);
  expect(await logon(office, `${jane.pin}${office.shown()}`)).toMatchObject({ status: 0, err: '' });
  office.computer.pass(60_000);
  const keys = await listObjects({ uri: softHsm.uri });
  expect(keys.filter(({ label }) => label.startsWith('tallystick-agent '))).toHaveLength(5);
  rmSync(join(softHsm.folder, 'tokens'), { recursive: true });
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran).toMatchObject({ status: exitCodes.device, out: '' });
});

it('sees at once that an old folder was restored', async () => {
  const { office } = await hardwareOffice();
  const copy = join(office.folder, 'copy');
  cpSync(office.state, copy, { recursive: true });
  const typed = `${jane.pin}${office.shown()}`;
  expect(await logon(office, typed)).toMatchObject({ status: 0 });
  rmSync(office.state, { recursive: true });
  cpSync(copy, office.state, { recursive: true });
  const ran = await logon(office, typed, ['--verbose']);
  expect(ran).toMatchObject({ status: exitCodes.damaged, out: '' });
  expect(ran.err).toContain('rolled-back');
});

it('takes a counter that is gone for no new one', async () => {
  const { office, softHsm } = await hardwareOffice();
  const objects = await listObjects({ uri: softHsm.uri });
  const { label } = objects.find((each) => each.label.endsWith(' counter'))!;
  const device = await openDevice({ uri: softHsm.uri });
  await device.destroy(label);
  await device.close();
  const ran = await logon(office, `${jane.pin}${office.shown()}`, ['--verbose']);
  expect(ran).toMatchObject({ status: exitCodes.damaged, out: '' });
  expect(ran.err).toContain('the counter is gone');
  // Nor is it made anew.
  const left = await listObjects({ uri: softHsm.uri });
  expect(left.filter((each) => each.label === label)).toEqual([]);
});

it('destroys the key of a package in the module when it locks', async () => {
  const { office, softHsm } = await hardwareOffice();
  for (let tries = 0; tries < 3; tries += 1) await logon(office, `${jane.pin}00000000`);
  const locked = await logon(office, `${jane.pin}${office.shown()}`);
  expect(locked).toMatchObject({ status: exitCodes.locked });
  const left = await listObjects({ uri: softHsm.uri });
  const labels = left.map(({ label }) => label.split(' ').at(-1));
  expect(labels.sort()).toEqual(['counter', 'identity', 'identity', 'state']);
  expect(await office.agent(['reset', '--yes'])).toMatchObject({ status: 0 });
  expect(await listObjects({ uri: softHsm.uri })).toEqual([]);
});

it('is the same agent in the module when the answer to its enrolment was lost', async () => {
  const softHsm = await freshSoftHsm();
  onTestFinished(() => softHsm.remove());
  const office = await openOffice();
  const own = async (): Promise<number> => {
    const all = await listObjects({ uri: softHsm.uri });
    return all.filter(({ label }) => label.startsWith('tallystick-agent ')).length;
  };
  const mode = ['--mode', 'hw', '--module-uri', softHsm.uri];
  office.server.lost.add('/v1/offline/agents');
  await expect(enrol(office, mode)).rejects.toThrow();
  await expect(enrol(office, mode)).rejects.toThrow();
  expect(await own()).toBe(2);
  office.server.lost.clear();
  await enrol(office, mode);
  expect(office.server.agents.size).toBe(1);
  const ran = await logon(office, `${jane.pin}${office.shown()}`);
  expect(ran.out).toContain('is renewed');
  expect(await own()).toBe(5);
});

it('takes its key out of the module when an enrolment that has not ended is given up', async () => {
  const softHsm = await freshSoftHsm();
  onTestFinished(() => softHsm.remove());
  const office = await openOffice();
  office.server.lost.add('/v1/offline/agents');
  await expect(enrol(office, ['--mode', 'hw', '--module-uri', softHsm.uri])).rejects.toThrow();
  expect(await office.agent(['reset', '--yes'])).toMatchObject({ status: 0 });
  const labels = (await listObjects({ uri: softHsm.uri })).map(({ label }) => label);
  expect(labels.filter((label) => label.startsWith('tallystick-agent '))).toEqual([]);
  expect(await office.computer.files.list(office.state)).toEqual([]);
});
