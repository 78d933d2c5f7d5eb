import { createHmac, randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { findEntry } from '../../src/offline/entries.ts';
import { proofSize, proofTimeoutMs, reportProof } from '../support/proof.ts';
import { search, stolenEntry } from './support/attacker.ts';
import { HmacOfOneBlock } from './support/hmac-of-one-block.ts';
import { equippedOffice, jane, type Office } from './support/world.ts';

/** All of 10^8 responses, or one in fifty. */
const tried = proofSize(2_000_000, 100_000_000);
const tagBits = 18;

async function copied(office: Office): Promise<Awaited<ReturnType<typeof stolenEntry>>> {
  const copy = join(office.folder, 'copy');
  cpSync(office.state, copy, { recursive: true });
  const [agentId = ''] = office.server.agents.keys();
  return stolenEntry(copy, agentId);
}

it('computes what everybody computes, only faster', () => {
  for (const length of [16, 32, 78]) {
    const key = randomBytes(32);
    const message = randomBytes(length);
    const fast = new HmacOfOneBlock(key, message);
    for (let round = 0; round < 50; round += 1) {
      message.set(randomBytes(8), length - 8);
      expect(fast.of(message)).toEqual(createHmac('sha256', key).update(message).digest());
    }
  }
});

it(
  'leaves whoever copied the disk with hundreds of responses to an entry, under any PIN',
  async () => {
    const office = await equippedOffice();
    const entry = await copied(office);
    expect(entry.header).toMatchObject({ tagBits, keyMode: 'sw', pinMode: 'server' });
    const pins = [jane.pin, '0000', '999999'];
    const keys = pins.map((pin) => entry.entryKeyOf(pin));
    const right = office.server.response(entry.header.algorithm, entry.index);
    // A part that holds the right one, which a search of one in fifty would miss as a rule.
    const from = Math.floor(Number(right) / tried) * tried;
    const found = search(entry, keys, from, Math.min(from + tried, 100_000_000));
    expect(found[0]).toContain(right);

    const expected = tried / 2 ** tagBits;
    const counts = found.map(({ length }) => length);
    reportProof('brute force', { tried, expected, counts: counts.join('/') });
    // Five standard deviations, and a few more because so few are no bell curve.
    for (const count of counts) {
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected) + 3);
    }
    // The agent takes each of them, as it takes the right one: the search looked at the real thing.
    for (const [at, candidates] of found.entries()) {
      const { header, index, stored, tagKey } = entry;
      for (const response of candidates.slice(0, 100)) {
        const one = { ...header, first: index, count: 1 };
        const shown = { response, from: index, to: index };
        expect(findEntry(one, stored, keys[at]!, () => tagKey, shown)).toBe(index);
      }
    }
  },
  proofTimeoutMs,
);

/** Every byte that is in the folder, by file. */
function contents(folder: string): readonly Buffer[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => readFileSync(join(each.parentPath, each.name)));
}

const dayMs = 86_400_000;

it.each([
  ['its day', dayMs, true],
  ['the package', 4 * dayMs, false],
])('leaves no entry and no key of it once %s is over', async (_, passedMs, isSecretKept) => {
  const office = await equippedOffice();
  await office.server.stop();
  const { sealedTagKey, deviceSecret, neighbours } = await copied(office);
  const areThere = (): readonly boolean[] =>
    [sealedTagKey, neighbours, deviceSecret].map((bytes) =>
      contents(office.state).some((each) => each.includes(bytes)),
    );
  expect(areThere()).toEqual([true, true, true]);
  office.computer.pass(passedMs);
  // Nobody has to sign on for it: the agent that runs reports by itself.
  expect(await office.agent(['report'])).toMatchObject({ status: exitCodes.unreachable });
  // The secret serves the days that are left.
  expect(areThere()).toEqual([false, false, isSecretKept]);
});
