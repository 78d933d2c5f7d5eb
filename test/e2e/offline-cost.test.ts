import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HsmModule, initialiseModule, openModule } from '../../hsm/index.ts';
import { openBench, totp6 } from '../support/builders.ts';
import { describeLayer } from '../support/layers.ts';
import { proofSize, reportProof } from '../support/proof.ts';
import type { TestAgent } from '../support/offline-agent.ts';
import { freshSoftHsm, type SoftHsmToken } from '../support/softhsm.ts';
import { type OfflineBench, openOfflineBench } from '../service/offline/support.ts';

describeLayer('softhsm', 'what a package costs a server with a real module', () => {
  let hsm: SoftHsmToken;
  let module: HsmModule;
  let offline: OfflineBench;
  let moduleMs = 0;

  beforeAll(async () => {
    hsm = await freshSoftHsm();
    await initialiseModule({ uri: hsm.uri });
    module = await openModule({ uri: hsm.uri, residency: 'resident' });
    const timed = new Proxy(module, {
      get: (target, name): unknown => {
        const real: unknown = Reflect.get(target, name);
        if (typeof real !== 'function') return real;
        return async (...given: readonly unknown[]): Promise<unknown> => {
          const from = performance.now();
          const answer: unknown = await Reflect.apply(real, target, given);
          if (name === 'mac') moduleMs += performance.now() - from;
          return answer;
        };
      },
    });
    offline = await openOfflineBench(
      { offlineDays: 14, offlinePackagesPerDayMax: 9 },
      await openBench({ module: timed }),
    );
  });

  afterAll(async () => {
    await offline.bench.close();
    await module.close();
    await hsm.remove();
  });

  async function costOf(
    agent: TestAgent,
    handle: string,
  ): Promise<{ bytes: number; moduleMs: number; blockedMs: number }> {
    const proof = agent.prove(await offline.nonce(), '/v1/offline/packages');
    const delay = monitorEventLoopDelay({ resolution: 1 });
    moduleMs = 0;
    delay.enable();
    const made = await offline.bench.service.offline.fetchPackage(offline.caller, proof, handle);
    delay.disable();
    return { bytes: made.length, moduleMs, blockedMs: delay.max / 1e6 };
  }

  it.each([
    ['hw', 7],
    ['ram', 14],
  ] as const)(
    'in mode %s, %i days: what is sent stays small; times are for the proof to tell',
    async (mode, days) => {
      const { userName, device } = await offline.owner(totp6);
      const agent = await offline.agent(mode);
      const runs: { bytes: number; moduleMs: number; blockedMs: number }[] = [];
      for (let round = 0; round < proofSize(1, 5); round += 1) {
        offline.bench.clock.advance(60);
        const response = device.response({ nowMs: offline.bench.clock.nowMs() });
        const offered = await offline.status(agent, userName, response);
        if (offered.status !== 'available') throw new Error(JSON.stringify(offered));
        runs.push(await costOf(agent, offered.handle));
      }
      // What it costs by itself: whatever else the machine did only adds to that.
      const least = (name: 'bytes' | 'moduleMs' | 'blockedMs'): number =>
        Math.round(Math.min(...runs.map((run) => run[name])));
      const [bytes, ofModuleMs, blockedMs] = [
        least('bytes'),
        least('moduleMs'),
        least('blockedMs'),
      ];
      reportProof(`package of ${String(days)} days`, { bytes, moduleMs: ofModuleMs, blockedMs });
      expect(bytes).toBeLessThan(50_000 * days);
    },
  );
});
