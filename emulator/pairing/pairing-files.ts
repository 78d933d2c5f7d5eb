import {
  algorithmInputs,
  movingFactorMax,
  OathError,
  parseResponseAlgorithm,
  type ResponseAlgorithm,
  type ResponseAlgorithmJson,
} from '../../src/oath/index.ts';
import { type ApplicationMode, applicationModes, fitsMode } from '../device/application.ts';
import { trueMsMax } from '../physics/clock-parameters.ts';
import { applicationsMax } from '../device/device.ts';
import { EmulatorError } from '../errors.ts';
import {
  parseJson,
  readBase64,
  readCounter,
  readHex,
  readList,
  readMembers,
  readText,
  readWhole,
  readWord,
  ShapeError,
} from '../files/shape.ts';
import { seedBytesMax, seedBytesMin } from '../device/token.ts';

/** What a token asks a server for. Holds nothing secret. */
export interface PairRequest {
  readonly format: 'tallystick-pair-request';
  readonly version: 1;
  readonly serial: string;
  readonly model: string;
  /** Base64 of the SubjectPublicKeyInfo in DER, RSA-3072. */
  readonly publicKey: string;
  /** 1 to 8, with names of their own. */
  readonly applications: readonly {
    readonly name: string;
    readonly mode: ApplicationMode;
    readonly algorithm: ResponseAlgorithmJson;
  }[];
}

/** One application in a bundle; only the private key of the request opens `envelope`. */
export interface BundleEntry {
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  readonly envelope: Uint8Array;
  readonly seedBytes: number;
  readonly eventCounter: bigint;
  readonly keyCheckValue: string;
}

/** A server's answer to a request, parsed. */
export interface PairBundle {
  readonly serial: string;
  readonly publicKeySha256: string;
  readonly issuedAtMs: number;
  readonly applications: readonly BundleEntry[];
}

/** Eight envelopes of RSA-3072 and their surroundings need less than 8 KiB. */
export const bundleBytesMax: number = 64 * 1024;
const envelopeBytesMin = 256;
const envelopeBytesMax = 1024;
const format = 'tallystick-pair-bundle';
const version = 1;

/** The text of a request file. */
export function pairRequestToJson(request: PairRequest): string {
  return `${JSON.stringify(request, null, 2)}\n`;
}

/**
 * Reads the text of a bundle. Unknown members are refused.
 *
 * @throws EmulatorError pairing-refused naming the member that is wrong
 */
export function parsePairBundle(text: string): PairBundle {
  try {
    return readBundle(parseJson(text));
  } catch (error) {
    if (!(error instanceof ShapeError) && !(error instanceof OathError)) throw error;
    throw new EmulatorError('pairing-refused', `this is not a pair bundle: ${error.message}`);
  }
}

function readBundle(value: unknown): PairBundle {
  const members = readMembers(value, 'the bundle', [
    'format',
    'version',
    'serial',
    'publicKeySha256',
    'issuedAtMs',
    'applications',
  ]);
  if (members['format'] !== format) throw new ShapeError(`format must be ${format}`);
  if (members['version'] !== version) throw new ShapeError(`version must be ${version}`);
  const entries = readList(members['applications'], 'applications', 1, applicationsMax);
  return {
    serial: readText(members['serial'], 'serial', 32),
    publicKeySha256: readHex(members['publicKeySha256'], 'publicKeySha256', 32),
    issuedAtMs: readWhole(members['issuedAtMs'], 'issuedAtMs', 0, trueMsMax),
    applications: entries.map(readEntry),
  };
}

function readEntry(value: unknown): BundleEntry {
  const where = 'application';
  const members = readMembers(value, where, [
    'name',
    'mode',
    'algorithm',
    'envelope',
    'seedBytes',
    'eventCounter',
    'keyCheckValue',
  ]);
  const algorithm = parseResponseAlgorithm(members['algorithm']);
  const mode = readWord(members['mode'], `${where}.mode`, applicationModes);
  if (mode !== 'unlock' && !fitsMode(algorithm, mode)) {
    throw new ShapeError(`${where}.mode must be one that this algorithm can serve in`);
  }
  const { envelope, seedBytes } = members;
  const counterMax = algorithmInputs(algorithm).eventCounter ? movingFactorMax : 0n;
  return {
    name: readText(members['name'], `${where}.name`, 32),
    mode,
    algorithm,
    envelope: readBase64(envelope, `${where}.envelope`, envelopeBytesMin, envelopeBytesMax),
    seedBytes: readWhole(seedBytes, `${where}.seedBytes`, seedBytesMin, seedBytesMax),
    eventCounter: readCounter(members['eventCounter'], `${where}.eventCounter`, counterMax),
    keyCheckValue: readHex(members['keyCheckValue'], `${where}.keyCheckValue`, 4),
  };
}
