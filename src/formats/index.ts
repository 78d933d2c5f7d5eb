/**
 * Files that carry keys from one installation to another: PSKC (RFC 6030), otpauth URIs and CSV.
 * Writers give text in pieces, so that a file may have more keys than fit in memory. Pure: ciphers
 * and chance are handed in, and nothing is opened or written here.
 */
export { encodeBase32 } from './base32.ts';
export {
  entraCsvRefusal,
  serialSeedCsvRefusal,
  writeEntraCsv,
  writeSerialSeedCsv,
} from './csv-files.ts';
export {
  type KeyFileDevice,
  KeyFileError,
  type KeyFileErrorCode,
  type KeyFileKey,
  type KeyFileKeys,
  type KeyFilePinPolicy,
  type KeyFileRefusal,
  type KeyFileRefusalCode,
  type KeyUsage,
  type ValueFormat,
} from './key-file.ts';
export { otpauthRefusal, writeOtpauth } from './otpauth.ts';
export {
  encryptionAlgorithms,
  macAlgorithms,
  pskcAlgorithms,
  pskcNamespaces,
} from './pskc-names.ts';
export type { PskcCiphers, PskcProtection } from './pskc-protection.ts';
export { pskcRefusal, writePskc } from './pskc.ts';
