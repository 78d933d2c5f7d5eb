import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc16, crcResidue, hasCrc, withCrc } from '../../../emulator/hid/crc16.ts';
import {
  commands,
  frameBytes,
  readFrame,
  readStatus,
  requestReports,
  resetReport,
  statusReport,
} from '../../../emulator/hid/frame.ts';
import { padChallenge } from '../../../emulator/hid/host.ts';
import { proofRuns } from '../../support/proof.ts';
import { bytesOf, hexOf, sampleChallenge, vectors } from './support.ts';

const payloads = fc.uint8Array({ minLength: 0, maxLength: 64 });

/** What a key makes of the reports: those that were left out are zeros. */
function frameOf(reports: readonly Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(frameBytes);
  for (const report of reports) {
    frame.set(report.subarray(0, 7), ((report[7] ?? 0) & 0x1f) * 7);
  }
  return frame;
}

describe('the CRC', () => {
  it.each([...vectors.crc16.cases])('of %j', ({ dataHex, dataAscii, crc }) => {
    const bytes =
      dataAscii !== undefined
        ? Buffer.from(dataAscii)
        : dataHex !== undefined
          ? bytesOf(dataHex)
          : padChallenge(sampleChallenge);
    expect(crc16(bytes).toString(16)).toBe(crc);
  });

  it('appended and inverted leaves one residue, and none other than it', () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (bytes, at) => {
        const whole = withCrc(bytes);
        expect(crc16(whole)).toBe(crcResidue);
        whole[at % whole.length]! ^= 1 << (at % 8);
        expect(hasCrc(whole)).toBe(false);
      }),
      proofRuns(200),
    );
    expect(crcResidue).toBe(0xf0b8);
  });
});

describe('a request', () => {
  it.each([
    ['slot 1', commands.challengeHmac[1], padChallenge(sampleChallenge), 'slot1ChallengeReports'],
    ['slot 2', commands.challengeHmac[2], padChallenge(sampleChallenge), 'slot2ChallengeReports'],
    ['the number', commands.serial, new Uint8Array(), 'serialRequestReports'],
  ] as const)('to %s is, byte for byte, what was captured', (_, command, payload, name) => {
    expect(requestReports(command, payload).map(hexOf)).toEqual(vectors[name]);
  });

  it('comes through whatever it holds, without its reports of zeros', () => {
    fc.assert(
      fc.property(fc.nat(255), payloads, (command, payload) => {
        const reports = requestReports(command, payload);
        const request = readFrame(frameOf(reports));
        expect(request?.command).toBe(command);
        expect(hexOf(request!.payload)).toBe(hexOf(payload).padEnd(128, '0'));
        const middle = reports.slice(1, -1);
        expect(middle.every((report) => report.subarray(0, 7).some((byte) => byte > 0))).toBe(true);
      }),
      proofRuns(200),
    );
  });

  it('is none with one bit of its payload or its CRC wrong', () => {
    fc.assert(
      fc.property(payloads, fc.nat(66 * 8 - 1), (payload, bit) => {
        const frame = frameOf(requestReports(0x30, payload));
        // The command, byte 64, is not under the CRC.
        const at = bit >> 3 < 64 ? bit >> 3 : (bit >> 3) + 1;
        frame[at]! ^= 1 << (bit & 7);
        expect(readFrame(frame)).toBeNull();
      }),
      proofRuns(200),
    );
  });

  it('is ended by the report of ykpers', () => {
    expect(hexOf(resetReport())).toBe('000000000000008f');
  });
});

describe('a status', () => {
  it('has firmware, sequence and slots where clients look for them', () => {
    const slots = {
      1: { isProgrammed: true, needsTouch: false },
      2: { isProgrammed: true, needsTouch: true },
    };
    const status = {
      firmware: [5, 4, 3],
      programmingSequence: 9,
      slots,
      isLedInverted: false,
    } as const;
    const report = statusReport(status, 0x2f);
    expect(hexOf(report)).toBe('00050403090b002f');
    expect(readStatus(report)).toEqual(status);
    const inverted = { ...status, isLedInverted: true };
    expect(hexOf(statusReport(inverted, 0))).toBe('00050403091b0000');
    expect(readStatus(statusReport(inverted, 0))).toEqual(inverted);
  });
});
