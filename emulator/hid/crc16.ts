/** What a whole message with its inverted CRC appended leaves. */
export const crcResidue: number = 0xf0b8;

/** CRC-16 of ISO/IEC 13239 (reflected 0x8408, from 0xffff) without the inversion at its end. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
  }
  return crc;
}

/** The bytes with their inverted CRC behind them, low byte first. */
export function withCrc(bytes: Uint8Array): Uint8Array {
  const crc = ~crc16(bytes) & 0xffff;
  return Uint8Array.of(...bytes, crc & 0xff, crc >> 8);
}

/** Whether bytes end with the inverted CRC of those before. */
export function hasCrc(bytes: Uint8Array): boolean {
  return crc16(bytes) === crcResidue;
}
