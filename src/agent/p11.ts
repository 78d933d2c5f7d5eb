import type { DeviceModule, ModuleFailure } from '../../hsm/index.ts';
import { AgentError, setupError } from './agent-error.ts';
import type { DeviceSecret } from './device-secret.ts';
import type { Identity } from './identity.ts';

/** A number that does not go back with a restored disk. */
export interface StateCounter {
  read(): Promise<number | null>;
  write(value: number): Promise<void>;
}

/** Identity, secrets and counter of one agent in one p11Token. */
export interface HardwareKeys {
  readonly identity: Identity;
  readonly secret: DeviceSecret;
  readonly counter: StateCounter;
  readonly close: () => Promise<void>;
}

/** Each agent has objects of its own, should a p11Token serve several. */
export interface HardwarePlace {
  /** RFC 7512, with module-path and pin-source. */
  readonly uri: string;
  readonly prefix: string;
}

/** A key pair in the p11Token. @throws AgentError device */
export async function createHardwareIdentity(place: HardwarePlace): Promise<Buffer> {
  const device = await open(place.uri);
  try {
    return Buffer.from(await reached(device.createKeyPair(labelOf(place, 'identity'))));
  } finally {
    await device.close();
  }
}

/** @param spki as it was when the key pair was made @throws AgentError device */
export async function openHardware(place: HardwarePlace, spki: Buffer): Promise<HardwareKeys> {
  const device = await open(place.uri);
  const identity = labelOf(place, 'identity');
  const counter = labelOf(place, 'counter');
  return {
    identity: {
      spki,
      sign: async (message) => Buffer.from(await reached(device.sign(identity, message))),
      agree: async (point) => Buffer.from(await reached(device.agree(identity, point))),
    },
    secret: {
      mode: 'hw',
      // PKCS#11 lets nobody say that a PIN is to open one key and be counted by the hardware.
      countsFailures: false,
      create: (label) => reached(device.createMacKey(labelOf(place, label))),
      mac: async (label, message) => {
        try {
          return Buffer.from(await device.mac(labelOf(place, label), message));
        } catch (error) {
          const { kind, detail } = error as ModuleFailure;
          const isGone = kind === 'contract';
          throw new AgentError(isGone ? 'damaged' : 'device', detail, { cause: error });
        }
      },
      destroy: (label) => reached(device.destroy(labelOf(place, label))),
    },
    counter: {
      read: () => reached(device.readNumber(counter)),
      write: (value) => reached(device.writeNumber(counter, value)),
    },
    close: () => device.close(),
  };
}

/** Takes the key pair away, the counter, and the secrets of these labels. */
export async function destroyHardware(
  place: HardwarePlace,
  labels: readonly string[],
): Promise<void> {
  const device = await open(place.uri);
  try {
    for (const label of ['identity', 'counter', ...labels]) {
      await reached(device.destroy(labelOf(place, label)));
    }
  } finally {
    await device.close();
  }
}

/** Loaded when wanted: agents without hardware do without the native binding. */
async function open(uri: string): Promise<DeviceModule> {
  const { openDevice } = await import('../../hsm/index.ts');
  return reached(openDevice({ uri }));
}

async function reached<Value>(call: Promise<Value>): Promise<Value> {
  try {
    return await call;
  } catch (error) {
    throw setupError('device', (error as ModuleFailure).detail, error);
  }
}

function labelOf({ prefix }: HardwarePlace, name: string): string {
  return `tallystick-agent ${prefix} ${name}`;
}
