import { afterAll, beforeAll, expect, test } from 'vitest';
import { hotp6, ocraCounter, ocraTime, type TestDevice, totp6 } from '../../support/builders.ts';
import { asking, codeOf } from '../../service/support.ts';
import { type OfflineBench, openOfflineBench } from '../../service/offline/support.ts';

/** Regressions of logons beside packages for workstations; docs/regressions.md lists them all. */

let offline: OfflineBench;

beforeAll(async () => {
  offline = await openOfflineBench({ offlineDays: 1, offlineWarnDays: 0, offlineEvents: 100 });
});

afterAll(() => offline.bench.close());

const algorithms = { hotp6, totp6, ocraCounter, ocraTime } as const;
const presses = 4;

async function challengeFor(userName: string, algorithm: object): Promise<string | null> {
  if (!('suite' in algorithm)) return null;
  const asked = { userName, domainName: null, serial: null, applicationName: null };
  const { service } = offline.bench;
  const issued = await service.issueChallenge(offline.caller, { ...asked, requestKey: null });
  return issued.outcome === 'challenge-issued' ? issued.challenge : null;
}

function shown(device: TestDevice, press: number, challenge: string | null): string {
  const nowMs = offline.bench.clock.nowMs();
  return device.response({ nowMs, counter: press, ...(challenge === null ? {} : { challenge }) });
}

test.each(Object.entries(algorithms))(
  '26: after data of %s were handed out, logons online still work',
  async (_name, algorithm) => {
    const { bench, caller } = offline;
    const { userName, device } = await offline.owner(algorithm);
    const agents = [await offline.agent(), await offline.agent()];
    let press = 0;
    for (const agent of agents) {
      bench.clock.advance(60);
      const challenge = await challengeFor(userName, algorithm);
      const request = asking(userName, { response: shown(device, press, challenge), challenge });
      const answer = await offline.logon(agent, request);
      if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
        throw new Error(JSON.stringify(answer));
      }
      const { header } = await offline.fetch(agent, answer.offline.handle);
      expect(header.eventMode).not.toBe('reserved');
      press += 1;
    }
    for (const last = press + presses; press < last; press += 1) {
      bench.clock.advance(60);
      const challenge = await challengeFor(userName, algorithm);
      const request = asking(userName, { response: shown(device, press, challenge), challenge });
      expect(await codeOf(bench.service, caller, request)).toBe('accepted');
      expect(await codeOf(bench.service, caller, request)).not.toBe('accepted');
    }
  },
);
