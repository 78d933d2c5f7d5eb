import { createHmac, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pkcs11 from 'pkcs11js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openModule } from '../../hsm/index.ts';
import type { HsmModule, MacJob, Residency, SeedReference } from '../../hsm/index.ts';
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

const message = Buffer.from('0000000000000001', 'hex');

describeLayer('softhsm', 'recovery', () => {
  describe.each<Residency>(['resident', 'wrapped'])('with %s seeds', (residency) => {
    let hsm: SoftHsmToken;
    let module: HsmModule;
    let other: OtherHand;
    let reference: SeedReference;
    let mac: string;
    let skippedMs: number;

    beforeAll(async () => {
      hsm = await initialisedSoftHsm();
    });
    afterAll(() => hsm.remove());
    beforeEach(async () => {
      skippedMs = 0;
      const monotonicMs = (): number => performance.now() + skippedMs;
      module = await openModule({ uri: hsm.uri, residency, monotonicMs });
      other = new OtherHand(hsm);
      const spec = freshSpec();
      const seed = randomBytes(20);
      reference = referenceTo(spec, await module.importSeed(spec, seed, soon));
      mac = createHmac('SHA1', seed).update(message).digest('hex');
      await expectService();
    });
    afterEach(() => module.close());

    const job = (seed: SeedReference): MacJob => ({ seed, messages: [message] });

    async function expectService(): Promise<void> {
      const [result] = await module.mac([job(reference)], soon);
      expect(macsOf(result)).toEqual([mac]);
      expect(module.status().state).toBe('ready');
    }

    const losses: [string, () => void][] = [
      ['every session is closed', () => other.p11.C_CloseAllSessions(other.slot)],
      ['somebody logs out', () => other.p11.C_Logout(other.session)],
      ['the library is finalised', () => other.p11.C_Finalize()],
    ];

    test.each(losses)('%s: the next call of any kind is served', async (_, lose) => {
      lose();
      await expectService();
      lose();
      expect(await module.hmac('pin-mac', [message], soon)).toHaveLength(1);
      await expectService();
    });

    test.each(losses)('%s: fifty calls at once are served by one recovery', async (_, lose) => {
      lose();
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => module.mac([job(reference)], soon)),
      );
      expect(new Set(answers.flatMap(([result]) => macsOf(result)))).toEqual(new Set([mac]));
      // The login and the sessions in use, and none left over from before.
      expect(module.status().sessionsOpen).toBe(2);
    });

    test('a job that was interrupted goes on where it was', async () => {
      const messages = Array.from({ length: 2000 }, (_, n) => Buffer.from(`message ${n}`));
      const whole = await module.mac([{ seed: reference, messages }], soon);
      const interrupted = module.mac([{ seed: reference, messages }], soon);
      other.p11.C_CloseAllSessions(other.slot);
      expect(await interrupted).toEqual(whole);
    });

    test('the PIN is gone: denied, and unlock brings the service back', async () => {
      const away = `${hsm.userPinFile}.away`;
      renameSync(hsm.userPinFile, away);
      other.p11.C_Logout(other.session);
      expect(await rejection(module.mac([job(reference)], soon))).toMatchObject({ kind: 'denied' });
      expect(module.status().state).toBe('needs-pin');
      expect(module.status().reason).toContain(hsm.userPinFile);
      renameSync(away, hsm.userPinFile);
      await module.unlock(readFileSync(hsm.userPinFile, 'utf8').trim());
      await expectService();
    });

    test('the p11Token is gone: unavailable with its reason, until it is back', async () => {
      const tokens = join(hsm.folder, 'tokens');
      renameSync(tokens, `${tokens}.away`);
      other.p11.C_Finalize();
      const failure = await rejection(module.mac([job(reference)], soon));
      expect(failure).toMatchObject({ kind: 'unavailable' });
      expect(module.status()).toMatchObject({ state: 'failed', sessionsOpen: 0 });
      expect(module.status().reason).not.toBe('');
      renameSync(`${tokens}.away`, tokens);
      // The pause between attempts is not over: refused at once, nothing is tried.
      expect(await rejection(module.random(1, soon))).toMatchObject({ kind: 'unavailable' });
      skippedMs += 60_000;
      await expectService();
    });
  });

  describe('of single objects', () => {
    let hsm: SoftHsmToken;
    let module: HsmModule;
    let other: OtherHand;

    beforeAll(async () => {
      hsm = await initialisedSoftHsm();
    });
    afterAll(() => hsm.remove());
    beforeEach(async () => {
      module = await openModule({ uri: hsm.uri, residency: 'resident' });
      other = new OtherHand(hsm);
    });
    afterEach(() => module.close());

    function template(
      label: string,
      id: Buffer,
      value: Buffer,
      lax: object[] = [],
    ): pkcs11.Template {
      return [
        { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
        { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_GENERIC_SECRET },
        { type: pkcs11.CKA_TOKEN, value: true },
        { type: pkcs11.CKA_PRIVATE, value: true },
        { type: pkcs11.CKA_SENSITIVE, value: true },
        { type: pkcs11.CKA_EXTRACTABLE, value: lax.length > 0 },
        { type: pkcs11.CKA_SIGN, value: true },
        { type: pkcs11.CKA_LABEL, value: label },
        { type: pkcs11.CKA_ID, value: id },
        { type: pkcs11.CKA_VALUE, value },
        { type: pkcs11.CKA_MODIFIABLE, value: false },
      ];
    }

    async function resident(): Promise<{
      spec: ReturnType<typeof freshSpec>;
      label: string;
      id: Buffer;
    }> {
      const spec = freshSpec();
      await module.generateSeed(spec, soon);
      const id = Buffer.from(spec.seedId.replaceAll('-', ''), 'hex');
      return { spec, label: `tallystick-seed ${spec.owner}`, id };
    }

    test('a seed that was replaced in the module is found again under its new handle', async () => {
      const { spec, label, id } = await resident();
      await module.mac([{ seed: spec, messages: [message] }], soon);
      for (const handle of other.labelled(label)) other.p11.C_DestroyObject(other.session, handle);
      const seed = randomBytes(20);
      other.p11.C_CreateObject(other.session, template(label, id, seed));
      const [result] = await module.mac([{ seed: spec, messages: [message] }], soon);
      expect(macsOf(result)).toEqual([createHmac('SHA1', seed).update(message).digest('hex')]);
    });

    test('a seed that was deleted is damaged, alone', async () => {
      const gone = await resident();
      const kept = await resident();
      for (const handle of other.labelled(gone.label)) {
        other.p11.C_DestroyObject(other.session, handle);
      }
      const jobs = [gone, kept].map(({ spec }) => ({ seed: spec, messages: [message] }));
      const results = await module.mac(jobs, soon);
      expect(results.map((r) => (r.ok ? 'ok' : r.failure.kind))).toEqual(['damaged', 'ok']);
    });

    /** Spoils the padding of the encrypted value in SoftHSM's own file of the seed. */
    function spoilStoredValue(name: string): void {
      const stored = readFileSync(name);
      // Attributes are type, kind and length, 8 bytes each, and the content: here 16 bytes of
      // vector and 32 of ciphertext, so that the last plain byte hangs on byte 31.
      const head = Buffer.from('000000000000001100000000000000030000000000000030', 'hex');
      const at = stored.indexOf(head);
      if (at < 0) throw new Error(`no encrypted value in ${name}`);
      const position = at + head.length + 31;
      stored.writeUInt8(stored.readUInt8(position) ^ 0xff, position);
      writeFileSync(name, stored);
    }

    test('a seed whose object cannot be read is damaged, alone', async () => {
      const files = (): string[] =>
        readdirSync(join(hsm.folder, 'tokens'), { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.object'))
          .map((name) => join(hsm.folder, 'tokens', name));
      const kept = await resident();
      const before = files();
      const spoilt = await resident();
      await module.close();
      for (const name of files().filter((one) => !before.includes(one))) spoilStoredValue(name);
      module = await openModule({ uri: hsm.uri, residency: 'resident' });
      const jobs = [kept, spoilt, kept].map(({ spec }) => ({ seed: spec, messages: [message] }));
      const results = await module.mac(jobs, soon);
      expect(results.map((r) => (r.ok ? 'ok' : r.failure.kind))).toEqual(['ok', 'damaged', 'ok']);
      expect(module.status()).toMatchObject({ state: 'ready', macsComputed: 2 });
    });

    test('a seed that is there twice, or could leave the module, is not used', async () => {
      const twice = await resident();
      other.p11.C_CreateObject(other.session, template(twice.label, twice.id, randomBytes(20)));
      const lax = freshSpec();
      const laxId = Buffer.from(lax.seedId.replaceAll('-', ''), 'hex');
      other.p11.C_CreateObject(
        other.session,
        template(`tallystick-seed ${lax.owner}`, laxId, randomBytes(20), [{}]),
      );
      const second = await openModule({ uri: hsm.uri, residency: 'resident' });
      const results = await second.mac(
        [twice.spec, lax].map((seed) => ({ seed, messages: [message] })),
        soon,
      );
      await second.close();
      expect(results.map((r) => (r.ok ? '' : r.failure.detail))).toEqual([
        expect.stringContaining('twice'),
        expect.stringContaining('unextractable'),
      ]);
    });

    test('a failed operation leaves no session behind', async () => {
      const sealed = await module.seal('sensitive-data', message, message, soon);
      for (let round = 0; round < 20; round += 1) {
        await rejection(module.open('sensitive-data', Buffer.from('other'), sealed, soon));
      }
      expect(module.status().sessionsOpen).toBeLessThanOrEqual(2);
      expect(await module.open('sensitive-data', message, sealed, soon)).toHaveLength(8);
    });

    test('the event loop turns while thousands of MACs are computed', async () => {
      const { spec } = await resident();
      const messages = Array.from({ length: 16_384 }, (_, n) =>
        Buffer.from(`${n}`.padStart(8, '0')),
      );
      let turns = 0;
      let isRunning = true;
      const count = (): void => {
        turns += 1;
        if (isRunning) setImmediate(count);
      };
      setImmediate(count);
      const [result] = await module.mac([{ seed: spec, messages }], {
        lane: 'background',
        deadlineMs: 60_000,
      });
      isRunning = false;
      expect(macsOf(result)).toHaveLength(16_384);
      // At 2 ms a slice, even a module of 2 microseconds a MAC needs more turns than this.
      expect(turns).toBeGreaterThan(10);
    });
  });
});
