import type { Pairing } from '../device/token.ts';
import { Secret } from '../device/secret.ts';
import { trueMsMax } from '../physics/clock-parameters.ts';
import {
  encodeBase64,
  readBase64,
  readHex,
  readKind,
  readMembers,
  readWhole,
  ShapeError,
} from './shape.ts';

const keyBytesMax = 4096;

/** A pairing as files hold it: with the private key, while there is one. */
export function pairingToJson(pairing: Pairing): unknown {
  if (pairing.status !== 'requested') return pairing;
  return {
    ...pairing,
    privateKey: encodeBase64(pairing.privateKey.exposeSecret()),
    publicKey: encodeBase64(pairing.publicKey),
  };
}

/**
 * Reads what `pairingToJson` wrote.
 *
 * @throws ShapeError naming the member
 */
export function readPairing(value: unknown): Pairing {
  const status = readKind(value, 'pairing', 'status');
  switch (status) {
    case 'stand-alone':
      readMembers(value, 'pairing', ['status']);
      return { status };
    case 'requested': {
      const names = ['status', 'privateKey', 'publicKey', 'requestedAtMs'];
      const members = readMembers(value, 'pairing', names);
      const privateKey = readBase64(members['privateKey'], 'pairing.privateKey', 1, keyBytesMax);
      return {
        status,
        privateKey: new Secret(privateKey),
        publicKey: readBase64(members['publicKey'], 'pairing.publicKey', 1, keyBytesMax),
        requestedAtMs: readInstant(members['requestedAtMs'], 'pairing.requestedAtMs'),
      };
    }
    case 'paired': {
      const members = readMembers(value, 'pairing', ['status', 'publicKeySha256', 'pairedAtMs']);
      return {
        status,
        publicKeySha256: readHex(members['publicKeySha256'], 'pairing.publicKeySha256', 32),
        pairedAtMs: readInstant(members['pairedAtMs'], 'pairing.pairedAtMs'),
      };
    }
    default:
      throw new ShapeError('pairing.status must be stand-alone, requested or paired');
  }
}

function readInstant(value: unknown, where: string): number {
  return readWhole(value, where, 0, trueMsMax);
}
