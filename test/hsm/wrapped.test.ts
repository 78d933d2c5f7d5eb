import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModule } from '../../hsm/index.ts';
import type { HsmModule, MacJob, SeedReference } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';
import {
  freshSpec,
  initialisedSoftHsm,
  macsOf,
  OtherHand,
  referenceTo,
  rejection,
  soon,
} from './support.ts';

const lruHandles = 8;
const message = Buffer.from('0000000000000001', 'hex');

describeLayer('softhsm', 'wrapped seeds', () => {
  let hsm: SoftHsmToken;
  let module: HsmModule;

  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
    module = await openModule({ uri: hsm.uri, residency: 'wrapped', lruHandles });
  });
  afterAll(async () => {
    await module.close();
    await hsm.remove();
  });

  interface Known {
    readonly reference: SeedReference & { readonly blob: Uint8Array };
    readonly mac: string;
  }

  async function known(seed = randomBytes(20)): Promise<Known> {
    const spec = freshSpec();
    const { blob } = await module.importSeed(spec, seed, soon);
    if (blob === undefined) throw new Error('no blob');
    const mac = createHmac('SHA1', seed).update(message).digest('hex');
    return { reference: { ...spec, blob }, mac };
  }

  const job = (seed: SeedReference): MacJob => ({ seed, messages: [message] });

  test('every changed byte of a blob is noticed, cold and with the true one cached', async () => {
    const { reference, mac } = await known();
    for (const isWarm of [false, true]) {
      if (isWarm) await module.mac([job(reference)], soon);
      const jobs = Array.from(reference.blob, (_, index) => {
        const blob = Uint8Array.from(reference.blob);
        blob[index]! ^= 0x01;
        return job({ ...reference, blob });
      });
      const results = await module.mac(jobs, soon);
      const accepted = results.flatMap(({ ok }, index) => (ok ? [index] : []));
      expect(accepted).toEqual([]);
      expect(results.every((r) => !r.ok && r.failure.kind === 'damaged')).toBe(true);
    }
    const [truth] = await module.mac([job(reference)], soon);
    expect(macsOf(truth)).toEqual([mac]);
  });

  test('a blob that is cut, lengthened or empty is damaged', async () => {
    const { reference } = await known();
    const { blob } = reference;
    const forms = [
      new Uint8Array(0),
      blob.subarray(0, blob.length - 1),
      blob.subarray(1),
      Buffer.concat([blob, Buffer.alloc(1)]),
      randomBytes(blob.length),
      new Uint8Array(1024),
    ];
    const jobs = forms.map((form) => job({ ...reference, blob: Uint8Array.from(form) }));
    const results = await module.mac(jobs, soon);
    expect(results.map((r) => (r.ok ? 'ok' : r.failure.kind))).toEqual(forms.map(() => 'damaged'));
  });

  test('the swap: a blob that is moved to another row does not verify there, cached or not', async () => {
    const mine = await known();
    const victim = await known();
    const theft: SeedReference[] = [
      { ...victim.reference, blob: mine.reference.blob },
      { ...mine.reference, owner: victim.reference.owner },
      { ...mine.reference, profile: 'HOTP-SHA1-8' },
      // Lengths are covered: no letter can move from one part to the next.
      {
        ...mine.reference,
        owner: mine.reference.owner + mine.reference.profile[0]!,
        profile: mine.reference.profile.slice(1),
      },
    ];
    for (const isWarm of [false, true]) {
      if (isWarm) await module.mac([job(mine.reference), job(victim.reference)], soon);
      const results = await module.mac(theft.map(job), soon);
      expect(results.map((r) => (r.ok ? 'ok' : r.failure.kind))).toEqual(
        theft.map(() => 'damaged'),
      );
    }
    const [a, b] = await module.mac([job(mine.reference), job(victim.reference)], soon);
    expect([macsOf(a), macsOf(b)]).toEqual([[mine.mac], [victim.mac]]);
  });

  test('unwrapped seeds never outnumber the bound, and evicted ones are destroyed', async () => {
    const other = new OtherHand(hsm);
    const seeds = await Promise.all(Array.from({ length: 3 * lruHandles }, () => known()));
    const objectsBefore = other.find([]).length - module.unwrappedSeeds();
    for (let round = 0; round < 2; round += 1) {
      for (const { reference, mac } of seeds) {
        const [result] = await module.mac([job(reference)], soon);
        expect(macsOf(result)).toEqual([mac]);
        expect(module.unwrappedSeeds()).toBeLessThanOrEqual(lruHandles);
      }
    }
    expect(module.unwrappedSeeds()).toBe(lruHandles);
    expect(other.find([]).length - objectsBefore).toBe(lruHandles);
  });

  test('the least recently used one goes first', async () => {
    const other = new OtherHand(hsm);
    const seeds = await Promise.all(Array.from({ length: lruHandles }, () => known()));
    await module.mac(
      seeds.map(({ reference }) => job(reference)),
      soon,
    );
    const handlesBefore = new Set(other.find([]).map(String));
    await module.mac([job(seeds[0]!.reference)], soon);
    await module.mac([job((await known()).reference)], soon);
    // The first one was used again, so its handle is still the one it was.
    await module.mac([job(seeds[0]!.reference)], soon);
    const fresh = other.find([]).filter((handle) => !handlesBefore.has(String(handle)));
    expect(fresh).toHaveLength(1);
  });

  test('a second instance with the same storage key serves the same blobs', async () => {
    const { reference, mac } = await known();
    const second = await openModule({ uri: hsm.uri, residency: 'wrapped' });
    try {
      const [result] = await second.mac([job(reference)], soon);
      expect(macsOf(result)).toEqual([mac]);
    } finally {
      await second.close();
    }
  });

  test('resident and wrapped seeds are served side by side', async () => {
    const resident = await openModule({ uri: hsm.uri, residency: 'resident' });
    try {
      const spec = freshSpec();
      const seed = randomBytes(20);
      await resident.importSeed(spec, seed, soon);
      const { reference, mac } = await known();
      // Made after `module` filled its table: found by one search.
      const [a, b] = await module.mac([job(spec), job(reference)], soon);
      expect(macsOf(a)).toEqual([createHmac('SHA1', seed).update(message).digest('hex')]);
      expect(macsOf(b)).toEqual([mac]);
    } finally {
      await resident.close();
    }
  });

  test('unknown ids cannot keep the module busy with searches', async () => {
    const strangers = Array.from({ length: 30 }, () => freshSpec());
    const failure = await rejection(module.mac(strangers.map(job), soon));
    expect(failure).toMatchObject({ kind: 'unavailable' });
    // A wrapped seed needs no search.
    const { reference, mac } = await known();
    const [result] = await module.mac([job(referenceTo(reference, reference))], soon);
    expect(macsOf(result)).toEqual([mac]);
  });
});
