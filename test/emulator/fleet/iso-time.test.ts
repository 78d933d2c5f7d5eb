import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isoTime, parseIsoTime } from '../../../emulator/fleet/iso-time.ts';
import { proofRuns } from '../../support/proof.ts';

it('writes and reads the calendar as the engine does, from 1970 to 9999', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      const text = isoTime(ms);
      expect(text).toBe(new Date(ms).toISOString());
      expect(parseIsoTime(text)).toBe(ms);
    }),
    proofRuns(2000),
  );
  expect([isoTime(-1), isoTime(253_402_300_800_000)]).toEqual(['-1', '253402300800000']);
});

it('reads zones, and refuses days that are none', () => {
  expect(parseIsoTime('2026-01-01T01:30+01:30')).toBe(Date.UTC(2026, 0, 1));
  expect(parseIsoTime('2028-02-29T00:00:00.5Z')).toBe(Date.UTC(2028, 1, 29, 0, 0, 0, 500));
  for (const text of [
    '2026-02-29T00:00Z',
    '2026-13-01T00:00Z',
    '2026-01-01',
    '2026-01-01T24:00Z',
  ]) {
    expect(parseIsoTime(text), text).toBeNull();
  }
});
