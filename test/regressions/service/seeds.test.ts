import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HsmModule, openModule } from '../../../hsm/index.ts';
import { initialisedSoftHsm } from '../../hsm/support.ts';
import { asking, codeOf } from '../../service/support.ts';
import { type Bench, nextSerial, openBench, TestDevice, totp6 } from '../../support/builders.ts';
import { describeLayer } from '../../support/layers.ts';
import type { SoftHsmToken } from '../../support/softhsm.ts';

/** Regressions of seeds that come in; docs/regressions.md lists them all. */

describeLayer(
  'softhsm',
  '23: a seed shorter than the digest verifies, one too short is refused',
  () => {
    let hsm: SoftHsmToken;
    beforeAll(async () => {
      hsm = await initialisedSoftHsm();
    });
    afterAll(() => hsm.remove());

    describe.each(['resident', 'wrapped'] as const)('%s', (residency) => {
      let bench: Bench;
      let module: HsmModule;
      beforeAll(async () => {
        module = await openModule({ uri: hsm.uri, residency });
        bench = await openBench({ module });
      });
      afterAll(async () => {
        await bench.close();
        await module.close();
      });

      async function deviceWith(hash: string, seed: Buffer): Promise<TestDevice> {
        const algorithm = { ...totp6, hash } as typeof totp6;
        const device = new TestDevice(nextSerial(), 'APP', algorithm, seed);
        const imported = { source: 'import', bytes: seed } as const;
        await bench.service.administration.createAuthenticator(bench.admin, {
          serial: device.serial,
          model: 'TEST',
          expiresAtMs: null,
          applications: [
            { name: 'APP', mode: 'response-only', algorithm, seed: imported, eventCounter: 0n },
          ],
        });
        return device;
      }

      test.each(['SHA1', 'SHA256', 'SHA512'])('%s', async (hash) => {
        for (const bytes of [10, 15]) {
          await expect(deviceWith(hash, randomBytes(bytes))).rejects.toMatchObject({
            code: 'request-invalid',
            fields: { 'applications[0].seed': ['must have 16 to 128 bytes'] },
          });
        }
        const { administration } = bench.service;
        const caller = await bench.caller();
        const userName = await bench.user();
        const device = await deviceWith(hash, randomBytes(16));
        await administration.assignAuthenticator(bench.admin, device.serial, null, userName);
        const response = device.response({ nowMs: bench.clock.nowMs() });
        expect(await codeOf(bench.service, caller, asking(userName, { response }))).toBe(
          'accepted',
        );
        const view = await administration.authenticator(bench.admin, device.serial);
        expect(view.applications[0]).toMatchObject({ seedBytes: 16, padded: true });
      });
    });
  },
);
