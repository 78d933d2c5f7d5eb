import { describe, expect, test } from 'vitest';
import type { Application, PinChange, PinVerifier } from '../../src/domain/model.ts';
import { eachDatabase } from './support/each-database.ts';
import { advanceTo, commitOne, install, reloadApplication } from './support/records.ts';

const committed = { status: 'committed' };
const onApplication = { status: 'conflict', on: 'application' };

const old: PinVerifier = { length: 4, salt: '0a'.repeat(16), mac: '0b'.repeat(32) };
const verifier: PinVerifier = { length: 6, salt: 'c0'.repeat(16), mac: 'd1'.repeat(32) };
const pin: Application['pin'] = {
  isEnabled: true,
  isChangeForced: true,
  minimumLength: 5,
  verifier: old,
  version: 7,
};

eachDatabase((opened) => {
  const changeOf = (application: Application, more: Partial<PinChange> = {}): PinChange => ({
    applicationId: application.id,
    pinVersion: application.pin.version,
    verifier,
    ...more,
  });
  const changed = { ...pin, isChangeForced: false, verifier, version: 8 };

  describe('a server PIN', () => {
    test.each([[null], [old]])('is kept as it was given: %j', async (kept) => {
      const given = { application: { pin: { ...pin, verifier: kept } } };
      const installed = await install(opened.store, given);
      expect(await reloadApplication(opened.store, installed)).toEqual(installed.application);
    });

    test('is changed with the advance that permits it, and nothing else is', async () => {
      const installed = await install(opened.store, { application: { pin } });
      const { application } = installed;
      const advance = advanceTo(application, 3n);
      const decision = { advance, pinChange: changeOf(application) };
      expect(await commitOne(opened.store, decision)).toEqual(committed);
      const after = await reloadApplication(opened.store, installed);
      expect(after.pin).toEqual(changed);
      // An administrator who saw the PIN before must look again.
      expect(after.version).toBe(application.version + 1);
      expect({ ...after, pin, version: 1 }).toEqual({
        ...application,
        ...advance.set,
        lastUsedAtMs: after.lastUsedAtMs,
      });
    });

    test('is not changed under another version, and the advance goes with it', async () => {
      const installed = await install(opened.store, { application: { pin } });
      const { application } = installed;
      const advance = advanceTo(application, 3n);
      const stale = { ...advance, guard: { ...advance.guard, pinVersion: 6 } };
      for (const decision of [
        { advance: stale },
        { advance: stale, pinChange: changeOf(application, { pinVersion: 6 }) },
        { advance: { ...stale, guard: { ...stale.guard, pinVersion: 8 } } },
      ]) {
        expect(await commitOne(opened.store, decision)).toEqual(onApplication);
      }
      expect(await reloadApplication(opened.store, installed)).toEqual(application);
    });

    test('that was changed since lets no decision pass that was made before', async () => {
      const { application } = await install(opened.store, { application: { pin } });
      const first = { advance: advanceTo(application, 3n), pinChange: changeOf(application) };
      const second = { advance: advanceTo(application, 4n), pinChange: changeOf(application) };
      const results = await Promise.all([
        commitOne(opened.store, first),
        commitOne(opened.store, second),
        commitOne(opened.store, { advance: advanceTo(application, 5n) }),
      ]);
      expect(results[0]).toEqual(committed);
      expect(results.slice(1)).toEqual([onApplication, onApplication]);
    });

    test('of another application stays', async () => {
      const [first, other] = [
        await install(opened.store, { application: { pin } }),
        await install(opened.store, { application: { pin } }),
      ];
      const advance = advanceTo(first.application, 3n);
      await commitOne(opened.store, { advance, pinChange: changeOf(first.application) });
      expect(await reloadApplication(opened.store, other)).toEqual(other.application);
    });

    test('without the advance of its application is a broken contract', async () => {
      const { application } = await install(opened.store, { application: { pin } });
      const other = await install(opened.store, { application: { pin } });
      const pinChange = changeOf(application);
      const contract = { code: 'store-contract' };
      await expect(commitOne(opened.store, { pinChange })).rejects.toMatchObject(contract);
      const advance = advanceTo(other.application, 3n);
      await expect(commitOne(opened.store, { advance, pinChange })).rejects.toMatchObject(contract);
    });
  });
});
