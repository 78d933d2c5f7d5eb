import { algorithmInputs, algorithmText, movingFactorMax } from '../oath/index.ts';
import { encodeBase32 } from './base32.ts';
import { entraColumns, serialSeedColumns } from './csv-columns.ts';
import { cellRefusal, csvRow } from './csv.ts';
import {
  acceptedKeys,
  brokenKeyRefusal,
  checkDigitRefusal,
  counterRefusal,
  type KeyFileKey,
  type KeyFileKeys,
  type KeyFileRefusal,
  timeOriginRefusal,
} from './key-file.ts';

/** Base32 characters, and steps in seconds, that it takes. */
const entraSecretCharactersMax = 128;
const entraStepsSeconds: readonly number[] = [30, 60];

/**
 * The file that Microsoft Entra ID reads hardware tokens from, with its header: TOTP alone. Seeds are
 * base32, in the clear; without a user the first column is empty and has to be filled in.
 *
 * @throws KeyFileError for the first key that `entraCsvRefusal` refuses, and for none at all
 */
export async function* writeEntraCsv(keys: KeyFileKeys): AsyncGenerator<string> {
  yield csvRow(entraColumns);
  for await (const key of acceptedKeys(keys, entraCsvRefusal)) yield csvRow(entraCells(key));
}

/** Why that file cannot carry this key, or null. */
export function entraCsvRefusal(key: KeyFileKey): KeyFileRefusal | null {
  const { algorithm, secret, device, userId = '' } = key;
  if (algorithm.kind !== 'time' || algorithm.hash !== 'SHA1' || algorithm.digits !== 6) {
    return { code: 'algorithm', message: 'this file is for TOTP with SHA-1 and 6 digits alone' };
  }
  if (!entraStepsSeconds.includes(algorithm.timeStepSeconds)) {
    return { code: 'time-step', message: 'this file is for time steps of 30 or 60 s' };
  }
  if (encodeBase32(secret).length > entraSecretCharactersMax) {
    return { code: 'secret-length', message: 'this file takes seeds of at most 80 bytes' };
  }
  const { serial, manufacturer = '', model = '' } = device;
  return (
    brokenKeyRefusal(key) ??
    timeOriginRefusal(key) ??
    checkDigitRefusal(key) ??
    cellRefusal([userId, serial, manufacturer, model])
  );
}

function entraCells({ algorithm, device, secret, userId = '' }: KeyFileKey): readonly string[] {
  const step = algorithm.kind === 'time' ? String(algorithm.timeStepSeconds) : '';
  const { serial, manufacturer = '', model = '' } = device;
  return [userId, serial, encodeBase32(secret), step, manufacturer, model];
}

/**
 * Serial, seed in hex, in the clear, application, algorithm in one line (`TOTP-SHA1-6-30S`) and the
 * next event counter where there is one. Any algorithm.
 *
 * @throws KeyFileError for the first key that `serialSeedCsvRefusal` refuses, and for none at all
 */
export async function* writeSerialSeedCsv(keys: KeyFileKeys): AsyncGenerator<string> {
  yield csvRow(serialSeedColumns);
  for await (const key of acceptedKeys(keys, serialSeedCsvRefusal)) {
    yield csvRow(serialSeedCells(key));
  }
}

/** Why that file cannot carry this key, or null. */
export function serialSeedCsvRefusal(key: KeyFileKey): KeyFileRefusal | null {
  const { algorithm, device, applicationName } = key;
  // A fixed question is the only part of an algorithm that somebody chose.
  return (
    brokenKeyRefusal(key) ??
    counterRefusal(key, movingFactorMax) ??
    checkDigitRefusal(key) ??
    cellRefusal([device.serial, applicationName, algorithmText(algorithm)])
  );
}

function serialSeedCells(key: KeyFileKey): readonly string[] {
  const { algorithm, device, secret, applicationName, eventCounter } = key;
  return [
    device.serial,
    Buffer.from(secret).toString('hex'),
    applicationName,
    algorithmText(algorithm),
    algorithmInputs(algorithm).eventCounter ? String(eventCounter) : '',
  ];
}
