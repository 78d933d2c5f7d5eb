import { describe, expect, it } from 'vitest';
import {
  createKeyHost,
  type HidDevice,
  hmacSlotConfig,
  instantClock,
} from '../../../emulator/index.ts';
import { withCrc } from '../../../emulator/hid/crc16.ts';
import { errorOf } from '../support.ts';
import {
  bytesOf,
  hexOf,
  plugged,
  programmed,
  sampleChallenge,
  sampleKey,
  vectors,
} from './support.ts';

const idle = '0005040301010000';
/** A real one, cut into the parts that a key sends. */
const answer = hexOf(withCrc(bytesOf(vectors.hmacSha1))).padEnd(56, '0');
const parts = [0, 1, 2, 3].map((n) => `${answer.slice(14 * n, 14 * n + 14)}4${n}`);

/** A key that gives these reports, the last for ever, once it has been asked. */
function scripted(reports: readonly string[]): {
  device: HidDevice;
  sent: string[];
  clock: ReturnType<typeof instantClock>;
} {
  const sent: string[] = [];
  let next = 0;
  const device: HidDevice = {
    getFeatureReport: () => {
      const isAsked = sent.at(-1)?.endsWith('89') === true;
      const report = isAsked ? reports[Math.min(next++, reports.length - 1)] : idle;
      return Promise.resolve(bytesOf(report ?? idle));
    },
    sendFeatureReport: (report) => {
      sent.push(hexOf(report));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { device, sent, clock: instantClock() };
}

function challenge({ device, clock }: ReturnType<typeof scripted>): Promise<Uint8Array> {
  return createKeyHost(device, clock).challengeHmac(1, sampleChallenge);
}

describe('a host', () => {
  it('sends what was captured, reads the parts, and ends with the report that ends', async () => {
    const key = scripted([...parts, '0000000000000040']);
    expect(hexOf(await challenge(key))).toBe(vectors.hmacSha1);
    expect(key.sent).toEqual([...vectors.slot1ChallengeReports, '000000000000008f']);
  });

  it('waits for a key that is still at it', async () => {
    const busy = '00000000000000a9';
    const key = scripted([busy, busy, '000000000000003f', ...parts, '0000000000000040']);
    expect(hexOf(await challenge(key))).toBe(vectors.hmacSha1);
    // Twice while busy, once while it waits.
    expect(key.clock.monotonicMs()).toBe(140);
  });

  it.each([
    ['is at it for ever', ['00000000000000a9'], 2000],
    ['waits for ever', ['000000000000002f'], 60_000],
    ['gives a part too many', [...parts, '0000000000000044', '0000000000000046'], 0],
    ['leaves a part out', [parts[0]!, parts[2]!], 0],
    ['begins with another part', [parts[1]!], 0],
    ['stops halfway', [parts[0]!, parts[1]!, idle], 0],
    ['ends at once', [parts[0]!, '0000000000000040'], 0],
    [
      'gives a wrong bit',
      [parts[0]!, parts[1]!, `ff${parts[2]!.slice(2)}`, parts[3]!, '0000000000000040'],
      0,
    ],
    [
      'never ends its answer',
      Array.from({ length: 40 }, (_, n) => `00000000000000${(0x40 | (n & 31)).toString(16)}`),
      0,
    ],
  ])('fails with a key that %s', async (_, reports, waitedMs) => {
    const key = scripted(reports);
    expect(await errorOf(() => challenge(key))).toMatchObject({ code: 'hid-failed' });
    expect(key.clock.monotonicMs()).toBeGreaterThanOrEqual(waitedMs);
    expect(key.clock.monotonicMs()).toBeLessThan(waitedMs + 200);
    expect(key.sent.at(-1)).toBe('000000000000008f');
  });

  it('waits until a key has taken a report before it sends the next', async () => {
    const { device, clock } = plugged();
    await createKeyHost(device, clock).writeSlot(
      1,
      hmacSlotConfig(sampleKey, { needsTouch: false }),
    );
    let takesUntilMs = 0;
    let early = 0;
    const slow: HidDevice = {
      getFeatureReport: async () => {
        const isTaking = clock.monotonicMs() < takesUntilMs;
        return isTaking ? bytesOf('00000000000000a9') : device.getFeatureReport();
      },
      sendFeatureReport: async (report) => {
        if (clock.monotonicMs() < takesUntilMs) early += 1;
        takesUntilMs = clock.monotonicMs() + (report[7] === 0x8f ? 0 : 100);
        await device.sendFeatureReport(report);
      },
      close: () => Promise.resolve(),
    };
    const host = createKeyHost(slow, clock);
    expect(hexOf(await host.challengeHmac(1, sampleChallenge))).toBe(vectors.hmacSha1);
    expect(early).toBe(0);
    expect(clock.monotonicMs()).toBe(300);
  });

  it('ends what another program left behind', async () => {
    const { device, host } = await programmed();
    for (const report of vectors.slot2ChallengeReports) {
      await device.sendFeatureReport(bytesOf(report));
    }
    expect(await host.serialNumber()).toBe(4711);
    for (const report of vectors.slot1ChallengeReports) {
      await device.sendFeatureReport(bytesOf(report));
    }
    expect((await host.status()).programmingSequence).toBe(2);
  });

  it.each([0, 65])('takes no challenge of %s bytes', async (length) => {
    const { host } = await programmed();
    const asked = errorOf(() => host.challengeHmac(1, new Uint8Array(length)));
    expect(await asked).toEqual({
      code: 'input-invalid',
      message: 'a challenge has 1 to 64 bytes',
    });
  });
});
