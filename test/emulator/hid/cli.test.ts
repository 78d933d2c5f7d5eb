import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshFolder, quiet, vtoken } from '../support.ts';
import { portsOf, programmed, vectors } from './support.ts';

const serial = 'HK00000042';
const sample = ['--challenge', vectors.challengeHex];
const prompt = 'Touch the key...\n';
const noLibrary = {
  realKeys: portsOf(() =>
    Promise.reject(new Error('libusb-1.0.so.0: cannot open shared object file')),
  ),
};

async function withKey(): Promise<string> {
  const folder = freshFolder();
  const seeds = join(folder, 'seeds.txt');
  writeFileSync(seeds, `${vectors.keyHex}\n${vectors.keyHex}\n`);
  const made = await vtoken(folder, [
    ...['new', serial, '--profile', 'otp-hid-key', '--seed-file', seeds],
  ]);
  expect(made).toEqual(quiet(`${serial}\n`));
  return folder;
}

/** Keys of this number that are plugged in; each has the sample's key, and slot 2 wants a touch. */
async function withPlugged(count: number, serve?: () => void, isPermitted = true) {
  const { device } = await programmed();
  const opened: string[] = [];
  const open = (path: string) => {
    opened.push(path);
    return Promise.resolve({
      getFeatureReport: async () => {
        serve?.();
        return Buffer.of(0, ...(await device.getFeatureReport()));
      },
      sendFeatureReport: (bytes: Buffer) => device.sendFeatureReport(bytes.subarray(1)),
      close: () => {
        opened.push('closed');
        return Promise.resolve();
      },
    });
  };
  const devices = Array.from({ length: count }, (_, index) => ({
    path: `/dev/hidraw${String(index)}`,
    vendorId: 0x1050,
    productId: 0x0407,
    product: 'Key',
    usagePage: 1,
    usage: 6,
  }));
  const load = () =>
    Promise.resolve({ devicesAsync: () => Promise.resolve(devices), HIDAsync: { open } });
  return { realKeys: portsOf(load, isPermitted), opened, device };
}

describe('vtoken hid with an emulated key', () => {
  it('prints the response of slot 1 at once', async () => {
    const folder = await withKey();
    const asked = ['hid', 'respond', '--serial', serial, '--slot', '1'];
    expect(await vtoken(folder, [...asked, ...sample])).toEqual(quiet(`${vectors.hmacSha1}\n`));
    const byText = await vtoken(folder, [...asked, '--challenge-text', 'Sample #2', '--json']);
    expect(byText).toEqual(quiet(`{"slot":1,"response":"${vectors.hmacSha1}"}\n`));
  });

  it('asks for a touch on the standard error, and touches only where it is told to', async () => {
    const folder = await withKey();
    const asked = ['hid', 'respond', '--serial', serial, ...sample];
    expect(await vtoken(folder, [...asked, '--touch'])).toEqual({
      status: 0,
      out: `${vectors.hmacSha1}\n`,
      err: prompt,
    });
    expect(await vtoken(folder, [...asked, '--no-touch'])).toEqual({
      status: 1,
      out: '',
      err: `${prompt}vtoken: nobody touched the key in time\n`,
    });
    expect(await vtoken(folder, asked)).toEqual({
      status: 1,
      out: '',
      err: `${prompt}vtoken: nobody touched the key in time; say --touch to touch it\n`,
    });
  });

  it('shows firmware, number and slots', async () => {
    const folder = await withKey();
    const shown = await vtoken(folder, ['hid', 'info', '--serial', serial]);
    expect(shown.out.split('\n')).toEqual([
      'firmware     5.4.3',
      'number       42',
      'slot 1       programmed',
      'slot 2       programmed, wants a touch',
      'sequence     2',
      '',
    ]);
    const json = await vtoken(folder, ['hid', 'info', '--serial', serial, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ serialNumber: 42, programmingSequence: 2 });
  });

  it('is no token with a display, and whoever takes it for one is told', async () => {
    const folder = await withKey();
    for (const argv of [
      ['press', serial],
      ['respond', serial, '--challenge', '12345678'],
      ['drift', 'show', serial],
      ['export', 'csv', serial, '--out', join(folder, 'keys.csv'), '--plain'],
    ]) {
      expect(await vtoken(folder, argv)).toMatchObject({
        status: 1,
        out: '',
        err: `vtoken: ${serial} is a key that speaks the OTP HID protocol, no token with a display: see vtoken hid --help\n`,
      });
    }
  });

  it('is listed, found taken, and removed', async () => {
    const folder = await withKey();
    const listed = await vtoken(folder, ['hid', 'list'], await withPlugged(0));
    expect(listed).toEqual(quiet(`${serial.padEnd(19)} emulated\n`));
    const again = await vtoken(folder, ['new', serial, '--profile', 'one-button-time']);
    expect(again).toMatchObject({ status: 1, err: `vtoken: token ${serial} exists already\n` });
    expect(await vtoken(folder, ['remove', serial])).toMatchObject({ status: 0 });
    expect(readdirSync(folder)).toEqual(['seeds.txt']);
  });

  it('gets random seeds, which the host is given', async () => {
    const folder = freshFolder();
    const out = join(folder, 'out.txt');
    const made = ['new', 'HIDKEY', '--profile', 'otp-hid-key', '--seed-out', out, '--json'];
    const { serialNumber } = JSON.parse((await vtoken(folder, made)).out) as {
      serialNumber: number;
    };
    expect(serialNumber).toBeGreaterThan(0);
    const seeds = readFileSync(out, 'utf8').trim().split('\n');
    expect(new Set(seeds).size).toBe(2);
    expect(seeds.map((seed) => seed.length)).toEqual([32, 32]);
    const again = ['new', 'HIDKEY', '--profile', 'otp-hid-key', '--seed-out', `${out}2`];
    expect(await vtoken(folder, again)).toMatchObject({ status: 1 });
    expect(readdirSync(folder).sort()).toEqual(['HIDKEY.hid.json', 'out.txt']);
  });

  it.each([
    [['--offset', '+2s']],
    [['--pin-digits', '4-8']],
    [['--no-initial-pin']],
    [['--application', 'A=HOTP-SHA1-6']],
    [['--press-switches-off']],
  ])('has no use for %j', async (options) => {
    const argv = ['new', serial, '--profile', 'otp-hid-key', ...options];
    expect(await vtoken(freshFolder(), argv)).toMatchObject({
      status: 2,
      err: 'vtoken: otp-hid-key has two slots and neither clock, battery nor PIN: leave out what is for those\n',
    });
  });

  it.each([`${'ab'.repeat(20)}\n`, `${'ab'.repeat(20)}\n${'ab'.repeat(21)}\n`])(
    'takes two seeds of 20 bytes, not %j',
    async (stdin) => {
      const argv = ['new', serial, '--profile', 'otp-hid-key', '--seed-stdin'];
      expect(
        await vtoken(freshFolder(), [...argv, '--seed-format', 'hex'], { stdin }),
      ).toMatchObject({
        status: 2,
        err: expect.stringContaining('two seeds of 20 bytes') as string,
      });
    },
  );

  it('is the only thing whose algorithm is HMAC-SHA1-CR', async () => {
    const argv = ['new', serial, '--application', 'CR=HMAC-SHA1-CR'];
    expect(await vtoken(freshFolder(), argv)).toMatchObject({
      status: 2,
      err: expect.stringContaining('see the profile otp-hid-key') as string,
    });
  });
});

describe('vtoken hid with keys that are plugged in', () => {
  it('lists them, and says on the standard error why it cannot', async () => {
    const folder = await withKey();
    const listed = await vtoken(folder, ['hid', 'list'], await withPlugged(1));
    expect(listed.out).toContain('/dev/hidraw0        1050:0407 Key\n');
    const json = await vtoken(folder, ['hid', 'list', '--json'], noLibrary);
    expect(json).toMatchObject({ status: 5, out: `{"emulated":["${serial}"],"plugged":null}\n` });
    expect(json.err).toContain('apt-get install libudev1 libusb-1.0-0');
    const asText = await vtoken(folder, ['hid', 'list'], noLibrary);
    expect(asText).toMatchObject({ status: 5, out: `${serial.padEnd(19)} emulated\n` });
    const asked = await vtoken(folder, ['hid', 'info'], noLibrary);
    expect(asked).toMatchObject({ status: 5, out: '' });
    expect(asked.err).toMatch(/libusb-1.0-0; --serial SERIAL names an emulated one$/m);
  });

  it('lists those that this user may not use, and says what to do about it', async () => {
    const folder = await withKey();
    const listed = await vtoken(folder, ['hid', 'list'], await withPlugged(1, undefined, false));
    expect(listed).toMatchObject({
      status: 5,
      out: `${serial.padEnd(19)} emulated\n/dev/hidraw0        1050:0407 Key\n`,
    });
    expect(listed.err).toMatch(/^vtoken: you may not read and write \/dev\/hidraw0; a udev rule /);
  });

  it('asks the only one, or the one that is named', async () => {
    const one = await withPlugged(1);
    const asked = ['hid', 'respond', '--slot', '1', ...sample];
    expect(await vtoken('/none', asked, one)).toEqual(quiet(`${vectors.hmacSha1}\n`));
    expect(one.opened).toEqual(['/dev/hidraw0', 'closed']);
    expect(await vtoken('/none', asked, await withPlugged(0))).toMatchObject({
      status: 1,
      err: 'vtoken: no key is plugged in; --serial SERIAL names an emulated one\n',
    });
    const two = await withPlugged(2);
    expect(await vtoken('/none', asked, two)).toMatchObject({
      status: 2,
      err: 'vtoken: say --path with one of /dev/hidraw0, /dev/hidraw1\n',
    });
    expect(await vtoken('/none', [...asked, '--path', '/dev/hidraw1'], two)).toMatchObject({
      status: 0,
    });
    expect(two.opened[0]).toBe('/dev/hidraw1');
  });

  it('waits for the person at the key', async () => {
    let reads = 0;
    const one = await withPlugged(1, () => {
      reads += 1;
      if (reads === 8) one.device.touch();
    });
    const answered = await vtoken('/none', ['hid', 'respond', ...sample], one);
    expect(answered).toEqual({ status: 0, out: `${vectors.hmacSha1}\n`, err: prompt });
  });

  it.each([
    [[...sample, '--touch'], '--touch and --no-touch are for emulated keys'],
    [[...sample, '--serial', serial, '--path', '/x'], '--serial and --path exclude each other'],
    [[], 'say --challenge HEX or --challenge-text TEXT'],
    [[...sample, '--challenge-text', 'x'], 'say --challenge HEX or --challenge-text TEXT'],
    [['--challenge', 'abc'], '--challenge takes 1 to 64 bytes in hex'],
    [['--challenge', 'ab'.repeat(65)], '--challenge takes 1 to 64 bytes in hex'],
    [['--challenge-text', 'x'.repeat(65)], 'a challenge has 1 to 64 bytes'],
    [[...sample, '--slot', '3'], '--slot takes a whole number from 1 to 2'],
  ])('refuses %j', async (options, message) => {
    const run = await vtoken('/none', ['hid', 'respond', ...options], await withPlugged(1));
    expect(run).toMatchObject({ status: 2, out: '' });
    expect(run.err).toContain(message);
  });
});
