import { randomBytes, randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  parseTimeStep,
  type ResponseAlgorithmJson,
  responseMessage,
  parseResponseAlgorithm,
} from '../../src/oath/index.ts';
import { responseAlone } from '../../src/domain/credential.ts';
import type { SeedReference } from '../../src/service/seed-module.ts';
import { seedReference } from '../../src/service/module-calls.ts';
import { TestDevice } from '../../test/support/builders.ts';
import { TestAgent } from '../../test/support/offline-agent.ts';
import { type BenchInstallation, realClock } from './installation.ts';
import { alternate, type BenchRow, median } from './measure.ts';

/** As many messages as the service gives to the module at once. */
const messagesAtOnce = 64;
const loopResolutionMs = 1;
const nsPerMs = 1e6;

interface Size {
  readonly row: string;
  readonly what: string;
  readonly timeStepSeconds: number;
}

const sizes: readonly Size[] = [
  { row: 'package 7', what: '7 days of 30 s', timeStepSeconds: 30 },
  // A week is the most that there is in hardware: the steps make up for it.
  { row: 'package 30', what: 'as many responses as 30 days of 30 s', timeStepSeconds: 7 },
];

/** Making packages for workstations, against the MACs in them alone. */
export async function benchOffline(
  installation: BenchInstallation,
  rounds: number,
): Promise<readonly BenchRow[]> {
  const agent = await enrolled(installation);
  const rows: BenchRow[] = [];
  for (const size of sizes) rows.push(await benchPackage(installation, agent, size, rounds));
  return rows;
}

/** One user for each round: each package takes a logon of its own. */
async function benchPackage(
  installation: BenchInstallation,
  agent: TestAgent,
  { row, what, timeStepSeconds }: Size,
  rounds: number,
): Promise<BenchRow> {
  const algorithm = {
    kind: 'time',
    hash: 'SHA1',
    digits: 6,
    timeStepSeconds,
    timeOriginSeconds: 0,
  } as const;
  const offers: Offer[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    offers.push(await offered(installation, agent, algorithm));
  }
  const [{ seed } = { seed: null }] = offers;
  if (seed === null) throw new Error('there is a round');
  const count = Math.round((7 * 86_400) / timeStepSeconds);
  const messages = messagesOf(algorithm, count);
  const lateMs: number[] = [];
  const floorLateMs: number[] = [];
  let bytes = 0;
  const [made, floor] = await alternate(
    [
      {
        name: 'package',
        async run() {
          const handle = offers.pop()?.handle ?? '';
          const fetching = async (): Promise<void> => {
            bytes = (await fetched(installation, agent, handle)).length;
          };
          lateMs.push(await lateDuring(fetching));
        },
      },
      {
        name: 'macs',
        async run() {
          const work = (): Promise<void> => macsAlone(installation, seed, messages);
          floorLateMs.push(await lateDuring(work));
        },
      },
    ],
    count,
    rounds,
  );
  if (!made || !floor) throw new Error('no samples');
  const { microsecondsEach } = made;
  const ratio = microsecondsEach / floor.microsecondsEach;
  const seconds = (microsecondsEach * count) / 1e6;
  return {
    row,
    operation:
      `${what}: ${count} responses in ${seconds.toFixed(2)} s, ${bytes} bytes, ` +
      `${Math.round(100 / ratio)} % of the floor's rate; timers late by ` +
      `${median(lateMs).toFixed(1)} ms (p99), the floor's by ${median(floorLateMs).toFixed(1)}`,
    microsecondsEach,
    floorMicrosecondsEach: floor.microsecondsEach,
    floor: 'the same MACs through SeedModule.mac alone',
    ratio,
    target: '<= 1.67, p99 <= 10 ms',
  };
}

/** How late timers came: 99 of 100 not later than this. */
async function lateDuring(work: () => Promise<void>): Promise<number> {
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs });
  loop.enable();
  await work();
  loop.disable();
  return Math.max(0, loop.percentile(99) / nsPerMs - loopResolutionMs);
}

function messagesOf(algorithm: ResponseAlgorithmJson, count: number): readonly Uint8Array[] {
  const parsed = parseResponseAlgorithm(algorithm);
  return Array.from({ length: count }, (_, step) =>
    responseMessage(parsed, { timeStep: parseTimeStep(BigInt(step)) }),
  );
}

async function macsAlone(
  { module }: BenchInstallation,
  seed: SeedReference,
  messages: readonly Uint8Array[],
): Promise<void> {
  const options = { lane: 'background', deadlineMs: 30_000 } as const;
  for (let from = 0; from < messages.length; from += messagesAtOnce) {
    const job = { seed, messages: messages.slice(from, from + messagesAtOnce) };
    const [result] = await module.mac([job], options);
    if (result?.ok !== true) throw new Error('the module made no MACs');
  }
}

async function enrolled({ service, caller }: BenchInstallation): Promise<TestAgent> {
  const agent = new TestAgent();
  const { nonce } = await service.offline.nonce(caller);
  const proof = agent.prove(nonce, '/v1/offline/agents');
  const given = {
    name: 'bench',
    publicKey: agent.spki,
    keyMode: 'hw',
    countsFailures: true,
  } as const;
  await agent.enrolled(await service.offline.enrol(caller, proof, given));
  return agent;
}

interface Offer {
  readonly handle: string;
  readonly seed: SeedReference;
}

async function offered(
  { service, caller, admin, store }: BenchInstallation,
  agent: TestAgent,
  algorithm: ResponseAlgorithmJson,
): Promise<Offer> {
  const { administration } = service;
  const userName = randomUUID();
  const bytes = randomBytes(20);
  const device = new TestDevice(`OFF${userName.slice(0, 8)}`, 'TIME', algorithm, bytes);
  await administration.createUser(admin, null, {
    userName,
    organisationalUnit: null,
    expiresAtMs: null,
  });
  const { serial } = device;
  await administration.createAuthenticator(admin, {
    serial,
    model: 'BENCH',
    expiresAtMs: null,
    applications: [
      {
        name: 'TIME',
        mode: 'response-only',
        algorithm,
        seed: { source: 'import', bytes: Buffer.from(bytes) },
        eventCounter: 0n,
      },
    ],
  });
  await administration.assignAuthenticator(admin, serial, null, userName);
  const { nonce } = await service.offline.nonce(caller);
  const answer = await service.offline.logon(
    caller,
    agent.prove(nonce, '/v1/offline/logon'),
    {
      userName,
      domainName: null,
      credential: responseAlone(device.response({ nowMs: realClock.nowMs() })),
      challenge: null,
      challengeKey: null,
      serial: null,
      applicationName: null,
      requestKey: null,
    },
    'logon',
  );
  if (answer.outcome !== 'accepted' || answer.offline.status !== 'available') {
    throw new Error(`no package: ${JSON.stringify(answer)}`);
  }
  const found = await store.authenticatorBySerial(serial);
  const application = found?.applications[0];
  if (found === null || application === undefined) throw new Error('the device is there');
  return { handle: answer.offline.handle, seed: seedReference(found.authenticator, application) };
}

async function fetched(
  { service, caller }: BenchInstallation,
  agent: TestAgent,
  handle: string,
): Promise<Uint8Array> {
  const { nonce } = await service.offline.nonce(caller);
  const proof = agent.prove(nonce, '/v1/offline/packages');
  return service.offline.fetchPackage(caller, proof, handle);
}
