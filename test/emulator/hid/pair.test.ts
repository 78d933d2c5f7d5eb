import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PairRequest } from '../../../emulator/index.ts';
import { bundleFor, freshFolder, quiet, vtoken } from '../support.ts';
import { keyBytes, vectors } from './support.ts';

const serial = 'HK00000042';
const seeds = [keyBytes('slot 1'), keyBytes('slot 2')];

function macOf(slot: 1 | 2): string {
  const challenge = Buffer.from(vectors.challengeHex, 'hex');
  return createHmac('sha1', seeds[slot - 1]!)
    .update(challenge)
    .digest('hex');
}

async function requested(folder: string): Promise<PairRequest> {
  const argv = ['pair', '--request', '-', '--serial', serial, '--profile', 'otp-hid-key'];
  const run = await vtoken(folder, argv);
  expect(run).toMatchObject({ status: 0, err: '' });
  return JSON.parse(run.out) as PairRequest;
}

describe('pairing a key', () => {
  it('asks for two slots, and answers by the seeds of the bundle', async () => {
    const folder = freshFolder();
    const request = await requested(folder);
    const algorithm = { kind: 'hmac-challenge', hash: 'SHA1' };
    expect(request).toMatchObject({
      serial,
      model: 'VTHK1',
      applications: ['SLOT1', 'SLOT2'].map((name) => ({
        name,
        mode: 'challenge-response',
        algorithm,
      })),
    });
    const asked = ['hid', 'respond', '--serial', serial, '--challenge', vectors.challengeHex];
    expect(await vtoken(folder, [...asked, '--slot', '1'])).toMatchObject({
      status: 1,
      err: expect.stringContaining('slot 1 is not programmed') as string,
    });
    expect((await vtoken(folder, ['show', serial])).out).toContain('waiting for a bundle');
    // What got lost is written again, the same.
    const again = await vtoken(folder, ['pair', '--request', '-', '--serial', serial]);
    expect(JSON.parse(again.out)).toEqual(request);

    const stdin = JSON.stringify(bundleFor(request, seeds));
    const accepted = await vtoken(folder, ['pair', '--accept', '-'], { stdin });
    expect(accepted).toEqual({ status: 0, out: `${serial}\n`, err: 'paired: SLOT1, SLOT2\n' });
    expect(await vtoken(folder, [...asked, '--slot', '1'])).toEqual(quiet(`${macOf(1)}\n`));
    const touched = await vtoken(folder, [...asked, '--slot', '2', '--touch']);
    expect(touched.out).toBe(`${macOf(2)}\n`);
    const file = readFileSync(join(folder, `${serial}.hid.json`), 'utf8');
    expect(file).not.toContain('privateKey');
    expect(await vtoken(folder, ['pair', '--accept', '-'], { stdin })).toMatchObject({
      status: 1,
      err: `vtoken: token ${serial} is paired already; a bundle is accepted once\n`,
    });
  });

  it('is refused with a bundle for something else, and the key goes on waiting', async () => {
    const folder = freshFolder();
    const request = await requested(folder);
    const before = readFileSync(join(folder, `${serial}.hid.json`), 'utf8');
    const bundle = bundleFor(request, seeds);
    const others = [
      { ...bundle, publicKeySha256: '0'.repeat(64) },
      { ...bundle, applications: bundle.applications.toReversed() },
      bundleFor(request, [seeds[0]!, keyBytes('x').slice(0, 19)]),
    ];
    for (const other of others) {
      const run = await vtoken(folder, ['pair', '--accept', '-'], { stdin: JSON.stringify(other) });
      expect(run).toMatchObject({ status: 1, out: '' });
      expect(readFileSync(join(folder, `${serial}.hid.json`), 'utf8')).toBe(before);
    }
  });

  it('takes a serial of its own, and leaves none behind where the request cannot be written', async () => {
    const folder = freshFolder();
    const argv = ['pair', '--profile', 'otp-hid-key', '--json', '--request'];
    const { out } = await vtoken(folder, [...argv, join(folder, 'request.json')]);
    const made = JSON.parse(out) as { serial: string };
    expect(made.serial).toMatch(/^HK\d{8}$/);
    const failed = await vtoken(folder, [...argv, join(folder, 'none', 'request.json')]);
    expect(failed.status).not.toBe(0);
    expect(readdirSync(folder).sort()).toEqual([`${made.serial}.hid.json`, 'request.json']);
    expect(await vtoken(folder, [...argv, '-', '--ppm', '3'])).toMatchObject({ status: 2 });
  });
});

describe('keys beside tokens', () => {
  async function desk(): Promise<string> {
    const folder = freshFolder();
    await vtoken(folder, ['new', serial, '--profile', 'otp-hid-key']);
    await vtoken(folder, ['new', 'VT00000001', '--profile', 'one-button-event']);
    return folder;
  }

  it('are listed with what their slots do', async () => {
    const folder = await desk();
    expect((await vtoken(folder, ['list'])).out).toBe(
      'VT00000001          VTGO2    stand-alone EVENT=HOTP-SHA1-6\n' +
        'HK00000042          VTHK1    stand-alone SLOT1=HMAC-SHA1-CR SLOT2=HMAC-SHA1-CR\n',
    );
    const json = await vtoken(folder, ['list', '--json']);
    const slot = { kind: 'hmac', isDormant: false, nextEventCounter: null };
    expect((JSON.parse(json.out) as unknown[])[1]).toEqual({
      serial,
      model: 'VTHK1',
      status: 'stand-alone',
      serialNumber: 42,
      programmingSequence: 2,
      slots: { 1: { ...slot, needsTouch: false }, 2: { ...slot, needsTouch: true } },
    });
    writeFileSync(join(folder, `${serial}.hid.json`), '{}');
    const damaged = await vtoken(folder, ['list']);
    expect(damaged).toMatchObject({ status: 4 });
    expect(damaged.out).toContain('VT00000001');
  });

  it('are shown without their secrets', async () => {
    const folder = await desk();
    const shown = await vtoken(folder, ['show', serial]);
    expect(shown.out).toContain('slot 1       HMAC-SHA1-CR\n');
    expect(shown.out).toContain('slot 2       HMAC-SHA1-CR, wants a touch\n');
    const json = await vtoken(folder, ['show', serial, '--json']);
    expect(json.out).not.toMatch(/config|key"/i);
    expect(await vtoken(folder, ['show', 'HK00000043'])).toMatchObject({ status: 1 });
  });
});
