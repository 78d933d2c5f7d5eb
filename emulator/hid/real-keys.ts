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

/** Loads node-hid; others stand in for it in tests. */
export type LoadNodeHid = () => Promise<unknown>;

const loadNodeHid: LoadNodeHid = async () => (await import('node-hid')).default;

/** The protocol lives in the keyboard of the key, whose usage clients look for. */
const keyboard = { usagePage: 1, usage: 6 } as const;
/** Makers of keys that speak it: with every product, or with one. */
const makers: readonly { readonly vendorId: number; readonly productId: number | null }[] = [
  { vendorId: 0x1050, productId: null },
  { vendorId: 0x1d50, productId: 0x60fc },
];
const unnumbered = 0;
const libraryPackages: readonly (readonly [library: string, debian: string])[] = [
  ['libudev.so.1', 'libudev1'],
  ['libusb-1.0.so.0', 'libusb-1.0-0'],
];

/**
 * The keys that are plugged in and speak the OTP HID protocol.
 *
 * @throws EmulatorError hid-unavailable when node-hid, or a library that it needs, is not there
 */
export async function listRealKeys(load: LoadNodeHid = loadNodeHid): Promise<readonly RealKey[]> {
  const hid = await loaded(load);
  const devices = await hid.devicesAsync().catch((error: unknown) => {
    throw unavailable(error);
  });
  return devices.flatMap(({ path, vendorId, productId, product, usagePage, usage }) => {
    const isKeyboard = usagePage === keyboard.usagePage && usage === keyboard.usage;
    const isMade = makers.some(
      (maker) =>
        maker.vendorId === vendorId && (maker.productId === null || maker.productId === productId),
    );
    if (path === undefined || !isKeyboard || !isMade) return [];
    return [{ path, vendorId, productId, product: product ?? '' }];
  });
}

/**
 * Opens a key that is plugged in.
 *
 * @throws EmulatorError hid-unavailable as for `listRealKeys`, hid-failed when the key cannot be opened
 */
export async function openRealKey(
  path: string,
  load: LoadNodeHid = loadNodeHid,
): Promise<HidDevice> {
  const hid = await loaded(load);
  const device = await hid.HIDAsync.open(path).catch((error: unknown) => {
    if (missingLibrary(error) !== null) throw unavailable(error);
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

async function loaded(load: LoadNodeHid): Promise<NodeHid> {
  try {
    return (await load()) as NodeHid;
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
    : `the package node-hid, which does not work here: ${error instanceof Error ? error.message : ''}`;
  return new EmulatorError('hid-unavailable', `keys that are plugged in need ${why}`, error);
}

function missingLibrary(error: unknown): string | null {
  const text = error instanceof Error ? error.message : '';
  return libraryPackages.find(([library]) => text.includes(library))?.[0] ?? null;
}

function failed(message: string, cause?: unknown): EmulatorError {
  return new EmulatorError('hid-failed', message, cause);
}
