import { createDecipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createKeyHost,
  emptyKey,
  hmacSlotConfig,
  hotpSlotConfig,
  instantClock,
  openEmulatedKey,
  otpChallengeSlotConfig,
  pressSlot,
} from '../../../emulator/index.ts';
import { hasCrc } from '../../../emulator/hid/crc16.ts';
import { commands, requestReports } from '../../../emulator/hid/frame.ts';
import { keyFromJson } from '../../../emulator/hid/key-json.ts';
import {
  extensionFlags,
  type SlotConfig,
  slotConfigBytes,
} from '../../../emulator/hid/slot-config.ts';
import { errorOf } from '../support.ts';
import {
  accessCode,
  bytesOf,
  hexOf,
  keyBytes,
  keyText,
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
const aesKey = own.slice(0, 16);
const privateId = bytesOf('a1a2a3a4a5a6');
const sixBytes = bytesOf('0102030405f6');
const { allowUpdate, dormant, ledInverted, serialApiVisible } = extensionFlags;

/** An update that says nothing but these. */
function update(more: Partial<SlotConfig> = {}): SlotConfig {
  const blank = hmacSlotConfig(new Uint8Array(20), { needsTouch: false });
  return { ...blank, extensionFlags: allowUpdate, ticketFlags: 0, configFlags: 0, ...more };
}

async function ask(
  { device }: Plugged,
  command: number,
  payload: Uint8Array = new Uint8Array(),
): Promise<void> {
  for (const report of requestReports(command, payload)) await device.sendFeatureReport(report);
}

describe('an update of a slot', () => {
  it('changes flags and counts as a change, and the slot answers as before', async () => {
    const key = await programmed();
    const flags = { extensionFlags: allowUpdate | ledInverted, ticketFlags: 0xff };
    expect(await key.host.updateSlot(1, update(flags))).toBe(true);
    const { config } = key.device.key.slots[1]!;
    // What makes it a slot for challenges stays; bit 7 is no affair of an update either.
    expect([config.extensionFlags, config.ticketFlags]).toEqual([0xa0, 0x7f]);
    expect(await key.host.status()).toMatchObject({ programmingSequence: 3, isLedInverted: true });
    expect(hexOf(await key.host.challengeHmac(1, sampleChallenge))).toBe(vectors.hmacSha1);
  });

  it('takes away neither the touch of a challenge nor its length', async () => {
    const key = await programmed();
    const before = key.device.key.slots[2]!.config.configFlags;
    expect(await key.host.updateSlot(2, update())).toBe(true);
    expect(key.device.key.slots[2]!.config.configFlags).toBe(before);
    expect(await errorOf(() => key.host.challengeHmac(2, sampleChallenge))).toMatchObject({
      code: 'untouched',
    });
  });

  it('paces the typing of a slot for HOTP, whose counter goes on', async () => {
    const { host, device } = plugged();
    await host.writeSlot(1, hotpSlotConfig(own, { digits: 8, eventCounter: 32n }));
    expect(await host.updateSlot(1, update({ configFlags: 0xff }))).toBe(true);
    const { config, eventCounter } = device.key.slots[1]!;
    expect([config.configFlags, eventCounter]).toEqual([0x0e, 32n]);
    expect(hexOf(config.key.exposeSecret())).toBe(hexOf(aesKey));
  });

  it('sets and removes the access code for who knows the present one', async () => {
    const { host } = await programmed();
    const locking = hmacSlotConfig(new Uint8Array(20), { needsTouch: false, accessCode });
    expect(await host.updateSlot(1, locking)).toBe(true);
    for (const code of [undefined, bytesOf('0102030405a7')]) {
      expect(await host.updateSlot(1, update(), code)).toBe(false);
      expect(await host.writeSlot(1, null, code)).toBe(false);
    }
    expect(await host.updateSlot(1, update(), accessCode)).toBe(true);
    expect(await host.writeSlot(1, null)).toBe(true);
  });

  it('is refused by a slot that does not allow it, by an empty one, and with a wrong CRC', async () => {
    const key = await programmed();
    expect(await key.host.updateSlot(1, update({ extensionFlags: 0 }))).toBe(true);
    const before = key.device.key;
    expect(await key.host.updateSlot(1, update())).toBe(false);
    const damaged = slotConfigBytes(update());
    damaged[45]! ^= 1;
    await ask(key, commands.updateSlot[2], damaged);
    expect(key.device.key).toBe(before);
    expect(await plugged().host.updateSlot(1, update())).toBe(false);
  });

  it('puts a slot to sleep and wakes it', async () => {
    const { host, device } = plugged();
    await host.writeSlot(1, hmacSlotConfig(sampleKey, { needsTouch: true }));
    await host.writeSlot(2, hotpSlotConfig(own, { digits: 6 }));
    const asleep = update({ extensionFlags: dormant });
    for (const slot of [1, 2] as const) expect(await host.updateSlot(slot, asleep)).toBe(true);
    expect(await errorOf(() => host.challengeHmac(1, sampleChallenge))).toMatchObject({
      code: 'refused',
    });
    expect(pressSlot(device.key, 2)).toBeNull();
    // A dormant slot takes an update whether it allows it or not.
    const awake = update({ extensionFlags: serialApiVisible });
    for (const slot of [1, 2] as const) expect(await host.updateSlot(slot, awake)).toBe(true);
    const mac = await host.challengeHmac(1, sampleChallenge, () => device.touch());
    expect(hexOf(mac)).toBe(vectors.hmacSha1);
    expect(pressSlot(device.key, 2)).not.toBeNull();
  });
});

describe('a challenge of Yubico OTP', () => {
  /** What is in an answer, by a cipher that shares nothing with the key. */
  function opened(answer: Uint8Array) {
    const cipher = createDecipheriv('aes-128-ecb', aesKey, null).setAutoPadding(false);
    const plain = cipher.update(answer);
    expect(hasCrc(plain)).toBe(true);
    return {
      id: hexOf(plain.subarray(0, 6).map((byte, index) => byte ^ (sixBytes[index] ?? 0))),
      useCounter: plain.readUInt16LE(6),
      timestamp: plain.readUIntLE(8, 3),
      sessionUses: plain[11],
      random: plain.readUInt16LE(12),
    };
  }

  async function withOtp(needsTouch = false): Promise<Plugged> {
    const key = plugged();
    await key.host.writeSlot(2, otpChallengeSlotConfig(aesKey, privateId, { needsTouch }));
    return key;
  }

  it('is answered by another 16 bytes each time, which hold identity and counters', async () => {
    const { host, clock } = await withOtp();
    const one = opened(await host.challengeOtp(2, sixBytes));
    await clock.sleepMs(10_000);
    const two = opened(await host.challengeOtp(2, sixBytes));
    expect(one).toMatchObject({ id: hexOf(privateId), useCounter: 1, sessionUses: 0 });
    expect(two).toMatchObject({ id: hexOf(privateId), useCounter: 1, sessionUses: 1 });
    // 8 Hz, in 24 bits.
    expect((two.timestamp - one.timestamp + 2 ** 24) % 2 ** 24).toBe(80);
    expect(two.random).not.toBe(one.random);
  });

  it('counts the sessions in which it was used, and goes on with 1 after 255 uses', async () => {
    const first = await withOtp();
    await first.host.challengeOtp(2, sixBytes);
    // Pulled out, stored, and plugged in again; a session without a use counts for nothing.
    const { key } = keyFromJson(keyText(first.device.key));
    const second = plugged(plugged(key).device.key);
    const uses: (number | undefined)[] = [];
    for (let use = 0; use < 258; use += 1) {
      const { useCounter, sessionUses } = opened(await second.host.challengeOtp(2, sixBytes));
      expect(useCounter).toBe(2);
      uses.push(sessionUses);
    }
    expect([uses[0], uses[1], uses[255], uses[256]]).toEqual([0, 1, 255, 1]);
  });

  it('draws the same from the same seed', async () => {
    const answers = await Promise.all(
      ['a', 'a', 'b'].map(async (seed) => {
        const { key } = (await withOtp()).device;
        const clock = instantClock();
        const host = createKeyHost(openEmulatedKey(key, clock, seed), clock);
        return hexOf(await host.challengeOtp(2, sixBytes));
      }),
    );
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).not.toBe(answers[0]);
  });

  it('waits for a touch where the slot says so', async () => {
    const { host, device } = await withOtp(true);
    expect((await host.status()).slots[2].needsTouch).toBe(true);
    const inVain = errorOf(() => host.challengeOtp(2, sixBytes));
    expect(await inVain).toMatchObject({ code: 'untouched' });
    const answer = await host.challengeOtp(2, sixBytes, () => device.touch());
    expect(opened(answer)).toMatchObject({ useCounter: 1, sessionUses: 0 });
  });

  it('is refused by slots of another kind, and by one whose counter has run out', async () => {
    const { host } = await programmed();
    const refused = { code: 'refused', message: expect.stringContaining('slot 1') as string };
    expect(await errorOf(() => host.challengeOtp(1, sixBytes))).toMatchObject(refused);
    const otp = await withOtp();
    const other = errorOf(() => otp.host.challengeHmac(2, sampleChallenge));
    expect(await other).toMatchObject({ code: 'refused' });
    expect(await errorOf(() => otp.host.challengeOtp(2, sampleChallenge))).toEqual({
      code: 'input-invalid',
      message: 'a challenge of Yubico OTP has 6 bytes',
    });
    const { key } = otp.device;
    const slots = { ...key.slots, 2: { ...key.slots[2]!, eventCounter: 0x7fffn } };
    const worn = plugged({ ...key, slots });
    expect(await errorOf(() => worn.host.challengeOtp(2, sixBytes))).toMatchObject({
      code: 'refused',
    });
  });

  it('begins at 0 in a file of version 1, which knew no such counter', async () => {
    const { device } = await withOtp();
    const text = keyText(device.key)
      .replace('"version": 2', '"version": 1')
      .replace(/"pairing": \{[^}]*\},/, '')
      .replace('"eventCounter": "0"', '"eventCounter": "16"');
    expect(keyFromJson(text).key.slots[2]?.eventCounter).toBe(0n);
  });
});

describe('what clients send first', () => {
  const idle = '00050403020b0000';

  it('is answered: status, number, and what there is over USB', async () => {
    const key = await programmed();
    for (const reset of resets) {
      await key.device.sendFeatureReport(reset);
      expect(await readReports(key, 1)).toEqual([idle]);
      await ask(key, commands.serial);
      expect((await readReports(key, 2))[0]).toMatch(/^00001267.*40$/);
      await key.device.sendFeatureReport(reset);
      await ask(key, commands.deviceInfo);
      expect((await readReports(key, 1))[0]).toMatch(/40$/);
      await key.device.sendFeatureReport(reset);
    }
  });

  it('is ended where a slot would want a touch, and asked in earnest afterwards', async () => {
    const key = await programmed();
    await ask(key, commands.challengeHmac[2], bytesOf('5a'));
    expect((await readReports(key, 1))[0]).toMatch(/2f$/);
    await key.host.reset();
    expect(await readReports(key, 1)).toEqual([idle]);
    const mac = await key.host.challengeHmac(2, sampleChallenge, () => key.device.touch());
    expect(hexOf(mac)).toBe(vectors.hmacSha1);
  });

  it('changes nothing and never hangs where a key lacks it', async () => {
    const key = await programmed();
    const before = key.device.key;
    const { writeSlot, updateSlot, challengeOtp, challengeHmac, swapSlots, serial, deviceInfo } =
      commands;
    const known = [writeSlot, updateSlot, challengeOtp, challengeHmac].flatMap((pair) => [
      pair[1],
      pair[2],
    ]);
    const there = new Set<number>([...known, swapSlots, serial, deviceInfo]);
    expect(there.size).toBe(11);
    // Navigation, NDEF, USB mode, scan codes, configuration of the device and all that nobody knows.
    for (let command = 0; command <= 0xff; command += 1) {
      if (there.has(command)) continue;
      await ask(key, command, slotConfigBytes(hmacSlotConfig(own, { needsTouch: false })));
      expect(await readReports(key, 1), String(command)).toEqual([idle]);
    }
    expect(key.device.key).toBe(before);
  });

  it('is told that a slot which types does so at a touch', async () => {
    const { host } = plugged(emptyKey(1));
    await host.writeSlot(1, hotpSlotConfig(own, { digits: 6 }));
    expect((await host.status()).slots[1]).toEqual({ isProgrammed: true, needsTouch: true });
    // And asked for a challenge, it does not wait for one.
    const asked = errorOf(() => host.challengeHmac(1, sampleChallenge));
    expect(await asked).toMatchObject({ code: 'refused' });
  });
});

describe('a touch', () => {
  it('may come in the last moment, and the host that gives up in the meantime gets its status', async () => {
    const key = await programmed();
    const late = key.host.challengeHmac(2, sampleChallenge, () => {
      void key.clock.sleepMs(14_800).then(() => key.device.touch());
    });
    expect(hexOf(await late)).toBe(vectors.hmacSha1);
    const startMs = key.clock.monotonicMs();
    const inVain = errorOf(() => key.host.challengeHmac(2, sampleChallenge));
    expect(await inVain).toMatchObject({ code: 'untouched' });
    expect(key.clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(15_000);
    expect(key.clock.monotonicMs() - startMs).toBeLessThan(15_200);
    const aborted = key.host.challengeHmac(2, sampleChallenge, () => void key.host.reset());
    expect(await errorOf(() => aborted)).toMatchObject({ code: 'untouched' });
    key.device.touch();
    expect(await readReports(key, 1)).toEqual(['00050403020b0000']);
    const again = await key.host.challengeHmac(1, sampleChallenge);
    expect(hexOf(again)).toBe(createHmac('sha1', sampleKey).update(sampleChallenge).digest('hex'));
  });
});
