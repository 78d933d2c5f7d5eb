import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeLayer } from '../../support/layers.ts';
import { initialisedSoftHsm } from '../../hsm/support.ts';
import { isLongProof, proofTimeoutMs, reportProof } from '../../support/proof.ts';
import type { SoftHsmToken } from '../../support/softhsm.ts';
import { runChild } from '../support.ts';

/** A regression of memory; docs/regressions.md lists them all. */

describeLayer('softhsm', '24: memory does not grow with the MACs that were computed', () => {
  const count = isLongProof ? 1_000_000 : 16_000;
  const script = new URL('../children/mac-load.ts', import.meta.url);
  let hsm: SoftHsmToken;
  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
  });
  afterAll(() => hsm.remove());

  test.each(['resident', 'wrapped'])(
    'with %s seeds',
    async (residency) => {
      const args = [hsm.uri, residency, String(count)];
      const { stdout } = await runChild(script, args, {}, ['--expose-gc']);
      const perMac = JSON.parse(stdout) as { rss: number; heap: number; external: number };
      reportProof('memory', { residency, count, ...perMac });
      // A MAC alone has 20 bytes, and the buffer that holds it some hundred.
      expect(perMac.rss).toBeLessThan(100);
      expect(perMac.heap).toBeLessThan(16);
      expect(perMac.external).toBeLessThan(4);
    },
    proofTimeoutMs,
  );
});
