import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  emptyKey,
  hmacSlotConfig,
  hotpSlotConfig,
  openEmulatedKey,
  padChallenge,
  pressSlot,
} from '../../../emulator/index.ts';
import { commands, requestReports } from '../../../emulator/hid/frame.ts';
import { type SlotConfig, slotConfigBytes } from '../../../emulator/hid/slot-config.ts';
import { proofRuns } from '../../support/proof.ts';
import { errorOf, readVectors } from '../support.ts';
import {
  accessCode,
  bytesOf,
  hexOf,
  keyBytes,
  plugged,
  type Plugged,
  programmed,
  readReports,
  resets,
  sampleChallenge,
  sampleKey,
  vectors,
} from './support.ts';

const own = keyBytes('a key of its own');
const hmacSlot = (more: Partial<Parameters<typeof hmacSlotConfig>[1]> = {}): SlotConfig =>
  hmacSlotConfig(own, { needsTouch: false, ...more });

async function send({ device }: Plugged, reports: readonly (string | Uint8Array)[]): Promise<void> {
  for (const report of reports) {
    await device.sendFeatureReport(typeof report === 'string' ? bytesOf(report) : report);
  }
}

describe('an emulated key', () => {
  it('answers the captured request, byte for byte, and then shows its status', async () => {
    const key = await programmed();
    await send(key, vectors.slot1ChallengeReports);
    const payload = vectors.responsePayloadHex.padEnd(56, '0');
    expect(await readReports(key, 6)).toEqual([
      ...[0, 1, 2, 3].map((n) => `${payload.slice(14 * n, 14 * n + 14)}4${n}`),
      '0000000000000040',
      '00050403020b0000',
    ]);
  });

  it('says its number, and what it can do over USB', async () => {
    const { host } = plugged(emptyKey(0xfedc_ba98));
    expect(await host.serialNumber()).toBe(0xfedc_ba98);
    const info = await host.deviceInfo();
    expect(Object.fromEntries([...info!].map(([tag, value]) => [tag, hexOf(value)]))).toEqual({
      1: '01',
      2: 'fedcba98',
      3: '01',
      4: '01',
      5: '050403',
      10: '00',
    });
  });

  it('has nothing to say on pages and commands that it does not know', async () => {
    const key = plugged();
    const [before] = await readReports(key, 1);
    for (const command of [0x00, 0x04, 0x05, 0x11, 0x12, 0x15, 0x20, 0x28, 0x31, 0xff]) {
      await send(key, requestReports(command, own));
      expect(await readReports(key, 1)).toEqual([before]);
    }
    await send(key, requestReports(commands.deviceInfo, Uint8Array.of(1)));
    expect(await readReports(key, 1)).toEqual([before]);
  });

  it('has no answer from a slot that is empty, or for something else', async () => {
    const { host } = plugged();
    const asked = (slot: 1 | 2) => errorOf(() => host.challengeHmac(slot, sampleChallenge));
    expect(await asked(1)).toMatchObject({ code: 'refused' });
    await host.writeSlot(1, hotpSlotConfig(own, { digits: 6 }));
    expect(await asked(1)).toMatchObject({ code: 'refused' });
    const typing = { ...hmacSlot(), ticketFlags: 0 };
    expect(await host.writeSlot(2, typing)).toBe(true);
    expect(await asked(2)).toMatchObject({ code: 'refused' });
  });

  it('takes all 64 bytes where its slot is not for shorter ones', async () => {
    const { host } = plugged();
    await host.writeSlot(1, { ...hmacSlot(), configFlags: 0x22 });
    const mac = await host.challengeHmac(1, sampleChallenge);
    const padded = padChallenge(sampleChallenge);
    expect(hexOf(mac)).toBe(createHmac('sha1', own).update(padded).digest('hex'));
  });
});

describe('a challenge that is shorter than 64 bytes', () => {
  it('is MACed as it is, whatever it ends with, when it is filled up as ykman does', async () => {
    const { host } = plugged();
    await host.writeSlot(1, hmacSlot());
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 63 }),
        fc.constantFrom(0, 1, null),
        async (challenge, last) => {
          if (last !== null) challenge[challenge.length - 1] = last;
          const mac = await host.challengeHmac(1, challenge);
          expect(hexOf(mac)).toBe(createHmac('sha1', own).update(challenge).digest('hex'));
        },
      ),
      proofRuns(100),
    );
  });

  it('loses its zeros at the end when it is filled up with zeros, as ykchalresp does', async () => {
    const key = plugged();
    await key.host.writeSlot(1, hmacSlot());
    const challenge = bytesOf('c0ffee0000');
    const whole = hexOf(await key.host.challengeHmac(1, challenge));
    const shorter = hexOf(await key.host.challengeHmac(1, bytesOf('c0ffee')));
    // requestReports fills up with zeros.
    await send(key, requestReports(commands.challengeHmac[1], challenge));
    const [first, second, third] = await readReports(key, 3);
    const byYkchalresp = [first, second, third].map((report) => report!.slice(0, 14)).join('');
    expect(byYkchalresp.slice(0, 40)).toBe(shorter);
    expect(byYkchalresp.slice(0, 40)).not.toBe(whole);
  });

  it('is nothing at all when it is but one byte, repeated to the end', async () => {
    const key = plugged();
    await key.host.writeSlot(1, hmacSlot());
    const mac = await key.host.challengeHmac(1, new Uint8Array(64).fill(0xab));
    expect(hexOf(mac)).toBe(createHmac('sha1', own).update('').digest('hex'));
  });
});

describe('programming', () => {
  it('goes by a sequence that rises with each change and is 0 when both slots are empty', async () => {
    const { host } = plugged();
    const sequence = async (): Promise<number> => (await host.status()).programmingSequence;
    expect(await sequence()).toBe(0);
    expect(await host.writeSlot(1, hmacSlot())).toBe(true);
    expect(await host.writeSlot(2, hmacSlot({ needsTouch: true }))).toBe(true);
    expect(await host.status()).toEqual({
      firmware: [5, 4, 3],
      programmingSequence: 2,
      slots: {
        1: { isProgrammed: true, needsTouch: false },
        2: { isProgrammed: true, needsTouch: true },
      },
      isLedInverted: false,
    });
    expect(await host.writeSlot(1, null)).toBe(true);
    expect(await sequence()).toBe(3);
    expect(await host.writeSlot(2, null)).toBe(true);
    expect(await sequence()).toBe(0);
  });

  it('goes on with 1 after 255', async () => {
    const { host } = plugged({ ...emptyKey(1), programmingSequence: 255 });
    expect(await host.writeSlot(1, hmacSlot())).toBe(true);
    expect((await host.status()).programmingSequence).toBe(1);
  });

  it('puts each slot in the place of the other', async () => {
    const { host, device } = await programmed();
    await host.writeSlot(1, hmacSlot());
    expect(await host.swapSlots()).toBe(true);
    const { slots, programmingSequence } = await host.status();
    expect(programmingSequence).toBe(4);
    expect(slots).toEqual({
      1: { isProgrammed: true, needsTouch: true },
      2: { isProgrammed: true, needsTouch: false },
    });
    const mac = await host.challengeHmac(1, sampleChallenge, () => device.touch());
    expect(hexOf(mac)).toBe(vectors.hmacSha1);
  });

  it('is refused without the access code, and nothing changes', async () => {
    const { host, device } = plugged();
    await host.writeSlot(1, hmacSlot({ accessCode }));
    const before = device.key;
    const wrong = bytesOf('0102030405a7');
    expect(await host.writeSlot(1, hmacSlotConfig(sampleKey, { needsTouch: false }))).toBe(false);
    expect(await host.writeSlot(1, null)).toBe(false);
    expect(await host.writeSlot(1, null, wrong)).toBe(false);
    expect(await host.swapSlots(wrong)).toBe(false);
    expect(device.key).toBe(before);
    expect(await host.swapSlots(accessCode)).toBe(true);
    expect(await host.writeSlot(2, null, accessCode)).toBe(true);
    expect(device.key.slots).toEqual({ 1: null, 2: null });
  });

  it('is refused for a configuration whose own CRC is wrong', async () => {
    const key = await programmed();
    const before = key.device.key;
    const whole = slotConfigBytes(hmacSlot());
    for (let at = 0; at < whole.length; at += 1) {
      const config = whole.slice();
      config[at]! ^= 0x10;
      await send(key, requestReports(commands.writeSlot[1], config));
      expect(key.device.key).toBe(before);
    }
    await send(key, requestReports(commands.writeSlot[1], whole));
    expect(key.device.key).not.toBe(before);
  });
});

describe('a slot for HOTP', () => {
  const rfc4226 = readVectors('rfc4226') as {
    readonly keyHex: string;
    readonly vectors: readonly { readonly truncated: number }[];
  };

  it.each([6, 8] as const)('types the responses of RFC 4226, %s digits', async (digits) => {
    const { host, device } = plugged();
    await host.writeSlot(2, hotpSlotConfig(bytesOf(rfc4226.keyHex), { digits }));
    let { key } = device;
    for (const { truncated } of rfc4226.vectors) {
      const pressed = pressSlot(key, 2);
      expect(pressed?.response).toBe(String(truncated % 10 ** digits).padStart(digits, '0'));
      key = pressed!.key;
    }
    expect(key.slots[2]?.eventCounter).toBe(BigInt(rfc4226.vectors.length));
  });

  it('begins where it is told to, and other slots type nothing', async () => {
    const { host, device } = await programmed();
    await host.writeSlot(2, hotpSlotConfig(own, { digits: 6, eventCounter: 16n * 0x1234n }));
    expect(device.key.slots[2]?.eventCounter).toBe(0x12340n);
    expect(pressSlot(device.key, 1)).toBeNull();
    expect(pressSlot(emptyKey(1), 1)).toBeNull();
  });
});

describe('a slot that wants a touch', () => {
  it('says how long it waits, and answers after the touch', async () => {
    const key = await programmed();
    await send(key, vectors.slot2ChallengeReports);
    expect(await readReports(key, 1)).toEqual(['00050403020b002f']);
    await key.clock.sleepMs(14_001);
    expect(await readReports(key, 1)).toEqual(['00050403020b0021']);
    key.device.touch();
    const [first] = await readReports(key, 1);
    expect(first).toBe(`${vectors.responsePayloadHex.slice(0, 14)}40`);
  });

  it('gives up after 15 s, and a touch comes too late', async () => {
    const key = await programmed();
    await send(key, vectors.slot2ChallengeReports);
    await key.clock.sleepMs(15_000);
    key.device.touch();
    expect(await readReports(key, 1)).toEqual(['00050403020b0000']);
  });

  it('tells its host once that it waits', async () => {
    const { host, device } = await programmed();
    let told = 0;
    const mac = await host.challengeHmac(2, sampleChallenge, () => {
      told += 1;
      device.touch();
    });
    expect([told, hexOf(mac)]).toEqual([1, vectors.hmacSha1]);
    const inVain = errorOf(() => host.challengeHmac(2, sampleChallenge, () => (told += 1)));
    expect(await inVain).toMatchObject({ code: 'untouched' });
    expect(told).toBe(2);
  });

  it('forgets the challenge when the host ends it', async () => {
    for (const reset of resets) {
      const key = await programmed();
      await send(key, [...vectors.slot2ChallengeReports, reset]);
      key.device.touch();
      expect(await readReports(key, 1)).toEqual(['00050403020b0000']);
    }
  });
});

describe('reports out of their order', () => {
  it('end a request, which begins anew with its first report', async () => {
    const [first = '', second = '', last = ''] = vectors.slot1ChallengeReports;
    const idle = '00050403020b0000';
    for (const order of [
      [second, last],
      [first, last, second],
      [first, second, second, last],
      [second, first, second],
    ]) {
      const key = await programmed();
      await send(key, order);
      expect(await readReports(key, 1), order.join()).toEqual([idle]);
      await send(key, [first, second, last]);
      expect(await readReports(key, 1), order.join()).not.toEqual([idle]);
    }
  });

  it('without the flag of a host, or of another length, are passed over', async () => {
    const [first = '', second = '', last = ''] = vectors.slot1ChallengeReports;
    const key = await programmed();
    await send(key, [first, '1111111111111101', '11', second, `${last}00`, '', last]);
    expect((await readReports(key, 1))[0]).toBe(`${vectors.responsePayloadHex.slice(0, 14)}40`);
  });
});

it('a key that is left alone keeps what it was opened with', () => {
  const key = emptyKey(7);
  expect(openEmulatedKey(key, { monotonicMs: () => 0 }).key).toBe(key);
});
