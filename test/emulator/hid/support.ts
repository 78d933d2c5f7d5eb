import { createHash } from 'node:crypto';
import {
  createKeyHost,
  emptyKey,
  type EmulatedKey,
  type HidClock,
  hmacSlotConfig,
  instantClock,
  type KeyHost,
  openEmulatedKey,
  type OtpKey,
} from '../../../emulator/index.ts';
import { keyToJson } from '../../../emulator/hid/key-json.ts';
import type { RealKeyPorts } from '../../../emulator/hid/real-keys.ts';
import { readVectors } from '../support.ts';

interface Vectors {
  readonly keyHex: string;
  readonly challengeHex: string;
  readonly hmacSha1: string;
  readonly crc16: {
    readonly cases: readonly {
      readonly dataHex?: string;
      readonly dataAscii?: string;
      readonly crc: string;
    }[];
  };
  readonly slot1ChallengeReports: readonly string[];
  readonly slot2ChallengeReports: readonly string[];
  readonly serialRequestReports: readonly string[];
  readonly responsePayloadHex: string;
}

export const vectors: Vectors = readVectors('otp-hid-hmac') as Vectors;
export const sampleKey: Uint8Array = bytesOf(vectors.keyHex);
export const sampleChallenge: Uint8Array = bytesOf(vectors.challengeHex);

export const accessCode: Uint8Array = bytesOf('0102030405a6');
/** The report by which ykpers, and that by which ykman, ends whatever a key is at. */
export const resets: readonly Uint8Array[] = [
  bytesOf('000000000000008f'),
  bytesOf('ffffffffffffffff'),
];

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** 20 bytes that a label stands for. */
export function keyBytes(label: string): Uint8Array {
  return new Uint8Array(createHash('sha1').update(label).digest());
}

/** The file of a key that stands alone. */
export function keyText(key: OtpKey): string {
  return keyToJson({ serial: 'HK00000001', pairing: { status: 'stand-alone' }, key });
}

/** An emulated key, plugged in, with a host that talks to it. */
export interface Plugged {
  readonly device: EmulatedKey;
  readonly host: KeyHost;
  readonly clock: HidClock;
}

export function plugged(key: OtpKey = emptyKey(4711)): Plugged {
  const clock = instantClock();
  const device = openEmulatedKey(key, clock);
  return { device, clock, host: createKeyHost(device, clock) };
}

/** The same with the sample's key in both slots; the second wants a touch. */
export async function programmed(): Promise<Plugged> {
  const made = plugged();
  await made.host.writeSlot(1, hmacSlotConfig(sampleKey, { needsTouch: false }));
  await made.host.writeSlot(2, hmacSlotConfig(sampleKey, { needsTouch: true }));
  return made;
}

/** What stands in for node-hid, and for the permissions of device nodes. */
export function portsOf(load: () => Promise<unknown>, isPermitted = true): RealKeyPorts {
  return { load, isPermitted: () => Promise.resolve(isPermitted) };
}

/** The reports that a host gets, one after another, in hex. */
export async function readReports({ device }: Plugged, count: number): Promise<string[]> {
  const reports: string[] = [];
  for (let index = 0; index < count; index += 1) {
    reports.push(hexOf(await device.getFeatureReport()));
  }
  return reports;
}
