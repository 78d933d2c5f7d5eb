import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { nodeEnv } from '../../emulator/index.ts';
import { driveFleet, type Unexpected } from '../../emulator/fleet/drive.ts';
import { exchangeWith } from '../../emulator/fleet/exchange.ts';
import { RestServer } from '../../emulator/fleet/rest-server.ts';
import { freshInstallation, startServer } from '../support/cli.ts';
import { proofSize, proofTimeoutMs, reportProof } from '../support/proof.ts';
import { fleet } from '../emulator/fleet/support.ts';

const part = proofSize(2, 20);
const range = (first: number): string => `VK${String(first)}..VK${String(first + part - 1)}`;

/** What has more than one application, a PIN or an end. */
const scenario = (policy: string, prefix: string): string =>
  `version: 1
seed: NOT-FOR-PRODUCTION kinds
start: 2026-01-01T00:00:00Z
for: P${String(proofSize(13, 365))}D
tokens:
  - { serials: ${range(10000000)}, profile: keypad-multi, applications: [TIME, EVENT, CR, CR-COUNTER], drift: cheap, behaviour: mixed }
  - { serials: ${range(20000000)}, profile: keypad-multi, applications: [CR, TIME], drift: { offset: PT13M }, behaviour: mixed }
  - { serials: ${range(30000000)}, profile: keypad-pin, applications: [TIME, CR], behaviour: forgetful }
  - { serials: ${range(40000000)}, profile: card-keypad, behaviour: forgetful, battery: { kind: sealed, life: P30D, age: P20D } }
behaviours:
  mixed:
    logins: { perDay: ${String(proofSize(3, 0.5))}, days: daily }
    challengeLogons: 0.5
    typingErrors: 0.1
    retries: 2
  forgetful:
    logins: { perDay: ${String(proofSize(2, 0.5))}, days: daily }
    challengeLogons: 0.4
    pinErrors: 0.5
    retries: 1
events:
  - { at: P2D, tokens: VK10000000, do: unsent, times: 30, application: EVENT }
  - { at: P3D, tokens: VK10000000, do: unlock }
  - { at: P3DT1S, tokens: VK10000000, do: resync, application: EVENT }
  - { at: P4D, do: unlock }
  - { at: P4DT1S, tokens: [VK20000000, VK10000000], do: resync, application: TIME }
  - { at: P6D, tokens: VK10000001, do: reseed }
  - { at: P10D, do: device-unlock }
  - { at: P12D, do: unlock }
policy: { syncTimeWindowSeconds: 2400, ${policy} }
`.replaceAll('VK', prefix);

it(
  'a server answers as expected for devices with several applications, PINs and an end',
  async () => {
    const installation = await freshInstallation(['--test']);
    onTestFinished(() => installation.remove());
    const server = await startServer(installation.configFile, [], {
      flags: ['--unsafe-test-clock'],
    });
    onTestFinished(async () => {
      await server.end();
    });
    const key = readFileSync(installation.adminKeyFile, 'utf8').trim();
    const policies = [
      ['VK', 'userLockThreshold: 5', ['synchronised', 'user-locked']],
      ['VL', 'secondOtpSync: true, identificationTimeWindowSteps: 2, eventWindowSteps: 3', []],
      [
        'VM',
        'identificationThreshold: 2, userLockThreshold: 0',
        ['application-locked', 'challenge-required'],
      ],
    ] as const;
    for (const [prefix, policy, more] of policies) {
      const drawn = fleet(scenario(policy, prefix));
      const differences: Unexpected[] = [];
      const name = `fleet-${drawn.digest.slice(0, 8)}`;
      const exchange = exchangeWith(server.url);
      const of = { exchange, adminKey: key, name, isOpenToPrograms: false, env: nodeEnv };
      const result = await driveFleet(new RestServer(of), drawn, {
        onDifference: (difference) => differences.push(difference),
        onProgress: () => undefined,
      });
      reportProof(`drive ${policy}`, { ...result.answers });
      expect(differences.slice(0, 5), policy).toEqual([]);
      expect(result.attempts).toBeGreaterThan(100);
      expect(Object.keys(result.answers), policy).toEqual(
        expect.arrayContaining(['accepted', 'response-incorrect', ...more]),
      );
    }
  },
  proofTimeoutMs * 6,
);
