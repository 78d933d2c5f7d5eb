import { describe, expect, it } from 'vitest';
import { createKeyHost, listRealKeys, openRealKey } from '../../../emulator/index.ts';
import { permitted } from '../../../emulator/hid/real-keys.ts';
import { errorOf } from '../support.ts';
import { hexOf, portsOf, programmed, sampleChallenge, vectors } from './support.ts';

const debian = 'on Debian: apt-get install libudev1 libusb-1.0-0';

function failing(message: string, code?: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(message), { code }));
}

/** What node-hid says of a key, an ordinary keyboard and the other interfaces of a key. */
const devices = [
  {
    path: '/dev/hidraw0',
    vendorId: 0x1050,
    productId: 0x0407,
    usagePage: 1,
    usage: 6,
    product: 'A',
  },
  { path: '/dev/hidraw1', vendorId: 0x1050, productId: 0x0407, usagePage: 0xf1d0, usage: 1 },
  { path: '/dev/hidraw2', vendorId: 0x046d, productId: 0xc31c, usagePage: 1, usage: 6 },
  { path: '/dev/hidraw3', vendorId: 0x1d50, productId: 0x60fc, usagePage: 1, usage: 6 },
  { path: '/dev/hidraw4', vendorId: 0x1d50, productId: 0x60fd, usagePage: 1, usage: 6 },
  { path: undefined, vendorId: 0x1050, productId: 0x0407, usagePage: 1, usage: 6 },
];

describe('keys that are plugged in', () => {
  it('are keyboards of those who make such keys', async () => {
    const load = () => Promise.resolve({ devicesAsync: () => Promise.resolve(devices) });
    expect(await listRealKeys(portsOf(load))).toEqual([
      {
        path: '/dev/hidraw0',
        vendorId: 0x1050,
        productId: 0x0407,
        product: 'A',
        isPermitted: true,
      },
      { path: '/dev/hidraw3', vendorId: 0x1d50, productId: 0x60fc, product: '', isPermitted: true },
    ]);
  });

  it('are talked to in reports of nine bytes, the first of which is no number', async () => {
    const { device: emulated, clock } = await programmed();
    const calls: unknown[] = [];
    const opened = {
      getFeatureReport: async (reportId: number, length: number) => {
        calls.push([reportId, length]);
        return Buffer.of(0, ...(await emulated.getFeatureReport()));
      },
      sendFeatureReport: async (bytes: Buffer) => {
        calls.push([bytes[0], bytes.length]);
        await emulated.sendFeatureReport(new Uint8Array(bytes.subarray(1)));
        return bytes.length;
      },
      close: () => Promise.resolve(),
    };
    const paths: string[] = [];
    const open = (path: string) => {
      paths.push(path);
      return Promise.resolve(opened);
    };
    const load = () => Promise.resolve({ HIDAsync: { open } });
    const device = await openRealKey('/dev/hidraw0', portsOf(load));
    const mac = await createKeyHost(device, clock).challengeHmac(1, sampleChallenge);
    await device.close();
    expect(hexOf(mac)).toBe(vectors.hmacSha1);
    expect(paths).toEqual(['/dev/hidraw0']);
    expect([...new Set(calls.map((call) => JSON.stringify(call)))]).toEqual(['[0,9]']);
  });

  it('that give reports of another length are no such keys', async () => {
    const opened = { getFeatureReport: () => Promise.resolve(Buffer.alloc(8)) };
    const load = () => Promise.resolve({ HIDAsync: { open: () => Promise.resolve(opened) } });
    const device = await openRealKey('/dev/hidraw0', portsOf(load));
    expect(await errorOf(() => device.getFeatureReport())).toMatchObject({
      code: 'hid-failed',
      message: '/dev/hidraw0 has no report of 8 bytes: it is no such key',
    });
  });

  it('that are pulled out say so', async () => {
    const opened = {
      getFeatureReport: failing('could not get feature report'),
      sendFeatureReport: failing('could not send feature report'),
    };
    const load = () => Promise.resolve({ HIDAsync: { open: () => Promise.resolve(opened) } });
    const device = await openRealKey('/dev/hidraw0', portsOf(load));
    const gone = {
      code: 'hid-failed',
      message: '/dev/hidraw0 does not answer any more: was it pulled out?',
    };
    expect(await errorOf(() => device.getFeatureReport())).toEqual(gone);
    expect(await errorOf(() => device.sendFeatureReport(new Uint8Array(8)))).toEqual(gone);
  });

  it('that may not be opened say so', async () => {
    const load = () => Promise.resolve({ HIDAsync: { open: failing('cannot open device') } });
    expect(await errorOf(() => openRealKey('/dev/hidraw0', portsOf(load)))).toEqual({
      code: 'hid-failed',
      message: '/dev/hidraw0 cannot be opened: is it plugged in, and may you read and write it?',
    });
  });
});

describe('a device that the operating system keeps to itself', () => {
  const denied = portsOf(
    () => Promise.resolve({ HIDAsync: { open: failing('cannot open device') } }),
    false,
  );

  it('is told with the udev rule that opens it', async () => {
    expect(await errorOf(() => openRealKey('/dev/hidraw0', denied))).toEqual({
      code: 'hid-failed',
      message:
        'you may not read and write /dev/hidraw0; a udev rule lets whoever sits at the machine do it: ' +
        'KERNEL=="hidraw*", ATTRS{idVendor}=="1050|1d50", TAG+="uaccess" ' +
        '(in /etc/udev/rules.d/70-otp-keys.rules; then udevadm control --reload, and plug the key in again)',
    });
  });

  it('is known by its errno: another trouble is no question of permission', async () => {
    const asked = ['EACCES', 'EPERM', 'ENOENT'].map((code) => permitted(failing(code, code)()));
    expect(await Promise.all(asked)).toEqual([false, false, true]);
    expect(await permitted(Promise.resolve())).toBe(true);
  });
});

describe('what is missing is named, with the way to have it', () => {
  it.each(['libudev.so.1', 'libusb-1.0.so.0'])('%s', async (library) => {
    const message = `${library}: cannot open shared object file: No such file or directory`;
    const refused = {
      code: 'hid-unavailable',
      message: `keys that are plugged in need ${library}, which is not installed; ${debian}`,
    };
    const load = () =>
      Promise.resolve({ devicesAsync: failing(message), HIDAsync: { open: failing(message) } });
    expect(await errorOf(() => listRealKeys(portsOf(load)))).toEqual(refused);
    expect(await errorOf(() => openRealKey('/dev/hidraw0', portsOf(load)))).toEqual(refused);
    expect(await errorOf(() => listRealKeys(portsOf(failing(message))))).toEqual(refused);
  });

  it('the package, which is optional', async () => {
    const load = failing("Cannot find package 'node-hid'", 'ERR_MODULE_NOT_FOUND');
    expect(await errorOf(() => listRealKeys(portsOf(load)))).toEqual({
      code: 'hid-unavailable',
      message:
        'keys that are plugged in need the optional package node-hid, which is not installed: npm install --include=optional',
    });
  });

  it('whatever else keeps the package from working, without the folders it is in', async () => {
    const noBuild =
      'Failed to find /srv/jane/lab/node_modules/node-hid/HID.node\nTried paths:\n- /srv/jane';
    expect(await errorOf(() => listRealKeys(portsOf(failing(noBuild))))).toEqual({
      code: 'hid-unavailable',
      message:
        'keys that are plugged in need the package node-hid, which does not work here: Failed to find HID.node',
    });
  });

  it('by node-hid itself, on a machine that lacks it; elsewhere there is a list', async () => {
    const listed = await errorOf(async () => {
      expect(Array.isArray(await listRealKeys())).toBe(true);
      throw new Error('a list');
    }).catch((error: unknown) => ({ message: (error as Error).message }));
    expect(listed.message).toMatch(new RegExp(`^(a list|keys that .* ${debian})$`));
  });
});
