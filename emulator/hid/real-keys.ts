import { access, constants } from 'node:fs/promises';
import { systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import { type HidDevice, reportBytes } from './hid-device.ts';

/** A key that is plugged in. */
export interface RealKey {
  /** What the operating system calls it; good until it is pulled out. */
  readonly path: string;
  readonly vendorId: number;
  readonly productId: number;
  /** As the key names itself; may be empty. */
  readonly product: string;
  /** Whether the operating system lets this user read and write it. */
  readonly isPermitted: boolean;
}

/** What of node-hid is used; its own types say less. */
interface NodeHid {
  devicesAsync(): Promise<
    readonly {
      readonly path?: string | undefined;
      readonly vendorId: number;
      readonly productId: number;
      readonly product?: string | undefined;
      readonly usagePage?: number | undefined;
      readonly usage?: number | undefined;
    }[]
  >;
  readonly HIDAsync: {
    open(path: string): Promise<{
      getFeatureReport(reportId: number, length: number): Promise<Uint8Array>;
      sendFeatureReport(bytes: Buffer): Promise<number>;
      close(): Promise<void>;
    }>;
  };
}

/** What keys that are plugged in are reached by; others stand in for it in tests. */
export interface RealKeyPorts {
  /** Loads node-hid. Nothing else does, and only once somebody asks for such a key: it is optional. */
  load(): Promise<unknown>;
  /** Whether this user may read and write a device; true where only opening it will tell. */
  isPermitted(path: string): Promise<boolean>;
}

const nodeHidPorts: RealKeyPorts = {
  load: async () => (await import('node-hid')).default,
  isPermitted: (path) => permitted(access(path, constants.R_OK | constants.W_OK)),
};

/** What asking for access came to; trouble of another kind than permission says nothing of it. */
export function permitted(asking: Promise<void>): Promise<boolean> {
  return asking.then(
    () => true,
    (error: unknown) => !['EACCES', 'EPERM'].includes(systemErrorCode(error) ?? ''),
  );
}

/** The protocol lives in the keyboard of the key, whose usage clients look for. */
const keyboard = { usagePage: 1, usage: 6 } as const;
/** Makers of keys that speak it: with every product, or with one. */
const makers: readonly { readonly vendorId: number; readonly productId: number | null }[] = [
  { vendorId: 0x1050, productId: null },
  { vendorId: 0x1d50, productId: 0x60fc },
];
const unnumbered = 0;
const udevRule = 'KERNEL=="hidraw*", ATTRS{idVendor}=="1050|1d50", TAG+="uaccess"';
const libraryPackages: readonly (readonly [library: string, debian: string])[] = [
  ['libudev.so.1', 'libudev1'],
  ['libusb-1.0.so.0', 'libusb-1.0-0'],
];

/**
 * The keys that are plugged in and speak the OTP HID protocol.
 *
 * @throws EmulatorError hid-unavailable when node-hid, or a library that it needs, is not there
 */
export async function listRealKeys(
  ports: RealKeyPorts = nodeHidPorts,
): Promise<readonly RealKey[]> {
  const hid = await loaded(ports);
  const devices = await hid.devicesAsync().catch((error: unknown) => {
    throw unavailable(error);
  });
  const keys = devices.flatMap(({ path, vendorId, productId, product, usagePage, usage }) => {
    const isKeyboard = usagePage === keyboard.usagePage && usage === keyboard.usage;
    const isMade = makers.some(
      (maker) =>
        maker.vendorId === vendorId && (maker.productId === null || maker.productId === productId),
    );
    if (path === undefined || !isKeyboard || !isMade) return [];
    return [{ path, vendorId, productId, product: product ?? '' }];
  });
  return Promise.all(
    keys.map(async (key) => ({ ...key, isPermitted: await ports.isPermitted(key.path) })),
  );
}

/** What to do about a key that this user may not read and write. */
export function notPermitted({ path }: Pick<RealKey, 'path'>): EmulatorError {
  return failed(
    `you may not read and write ${path}; a udev rule lets whoever sits at the machine do it: ${udevRule} ` +
      '(in /etc/udev/rules.d/70-otp-keys.rules; then udevadm control --reload, and plug the key in again)',
  );
}

/**
 * Opens a key that is plugged in.
 *
 * @throws EmulatorError hid-unavailable as for `listRealKeys`, hid-failed when the key cannot be opened
 */
export async function openRealKey(
  path: string,
  ports: RealKeyPorts = nodeHidPorts,
): Promise<HidDevice> {
  const hid = await loaded(ports);
  const device = await hid.HIDAsync.open(path).catch(async (error: unknown) => {
    if (missingLibrary(error) !== null) throw unavailable(error);
    // The driver's own message says no more than that it failed.
    if (!(await ports.isPermitted(path))) throw notPermitted({ path });
    throw failed(
      `${path} cannot be opened: is it plugged in, and may you read and write it?`,
      error,
    );
  });
  const lost = (error: unknown): never => {
    throw failed(`${path} does not answer any more: was it pulled out?`, error);
  };
  return {
    getFeatureReport: async () => {
      const report = await device.getFeatureReport(unnumbered, 1 + reportBytes).catch(lost);
      if (report.length === 1 + reportBytes) return new Uint8Array(report.subarray(1));
      throw failed(`${path} has no report of ${reportBytes} bytes: it is no such key`);
    },
    sendFeatureReport: async (report) => {
      await device.sendFeatureReport(Buffer.of(unnumbered, ...report)).catch(lost);
    },
    close: () => device.close(),
  };
}

async function loaded(ports: RealKeyPorts): Promise<NodeHid> {
  try {
    return (await ports.load()) as NodeHid;
  } catch (error) {
    throw unavailable(error);
  }
}

/** What is missing, and how it is had. */
function unavailable(error: unknown): EmulatorError {
  const library = missingLibrary(error);
  if (library !== null) {
    const packages = libraryPackages.map(([, debian]) => debian).join(' ');
    return new EmulatorError(
      'hid-unavailable',
      `keys that are plugged in need ${library}, which is not installed; on Debian: apt-get install ${packages}`,
      error,
    );
  }
  const isAbsent = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(
    systemErrorCode(error) ?? '',
  );
  const why = isAbsent
    ? 'the optional package node-hid, which is not installed: npm install --include=optional'
    : `the package node-hid, which does not work here: ${withoutFolders(error)}`;
  return new EmulatorError('hid-unavailable', `keys that are plugged in need ${why}`, error);
}

/** The first line of a message; whose folders the package is in is nobody's business. */
function withoutFolders(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : '').split('\n');
  return line.replace(/(?:[A-Za-z]:)?(?:[\\/][^\s\\/:'"]+)+[\\/](?=[^\s\\/:'"])/g, '');
}

function missingLibrary(error: unknown): string | null {
  const text = error instanceof Error ? error.message : '';
  return libraryPackages.find(([library]) => text.includes(library))?.[0] ?? null;
}

function failed(message: string, cause?: unknown): EmulatorError {
  return new EmulatorError('hid-failed', message, cause);
}
