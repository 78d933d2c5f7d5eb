import { randomUUID } from 'node:crypto';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { ResponseAlgorithmJson } from '../../../src/oath/index.ts';
import type { Acknowledgement } from '../../../src/offline/report.ts';
import type { OpenedPackage } from '../../../src/offline/package.ts';
import type {
  AuthenticateRequest,
  Caller,
  OfflineLogonAnswer,
  OfflinePurpose,
  OfflineStatus,
} from '../../../src/service/api.ts';
import { type Bench, openBench, type TestDevice } from '../../support/builders.ts';
import { TestAgent } from '../../support/offline-agent.ts';
import { asking } from '../support.ts';

const permissive: PolicySettings = {
  offlineEnabled: true,
  offlineKeyMode: 'sw',
  offlinePinless: 'allowed',
};

/** A bench with a component whose policy allows logons without a server. */
export interface OfflineBench {
  readonly bench: Bench;
  readonly caller: Caller;
  /** An enrolled workstation. */
  agent(keyMode?: 'hw' | 'ram' | 'sw', countsFailures?: boolean): Promise<TestAgent>;
  owner(algorithm: ResponseAlgorithmJson): Promise<{ userName: string; device: TestDevice }>;
  readonly nonce: () => Promise<string>;
  logon(
    agent: TestAgent,
    request: AuthenticateRequest,
    purpose?: OfflinePurpose,
  ): Promise<OfflineLogonAnswer>;
  /** What an accepted logon said of packages. */
  status(
    agent: TestAgent,
    userName: string,
    response: string,
    purpose?: OfflinePurpose,
  ): Promise<OfflineStatus>;
  fetch(agent: TestAgent, handle: string): Promise<OpenedPackage>;
  /** Logs on, fetches and opens; the agent notes that it has it. */
  install(agent: TestAgent, userName: string, response: string): Promise<OpenedPackage>;
  report(agent: TestAgent, clockMs?: number): Promise<Acknowledgement>;
}

export async function openOfflineBench(
  settings: PolicySettings = {},
  bench?: Bench,
): Promise<OfflineBench> {
  const opened = bench ?? (await openBench());
  const caller = await opened.caller({ ...permissive, ...settings });
  const { service, clock } = opened;
  const nonce = async (): Promise<string> => (await service.offline.nonce(caller)).nonce;
  const logon: OfflineBench['logon'] = async (agent, request, purpose = 'logon') =>
    service.offline.logon(
      caller,
      agent.prove(await nonce(), '/v1/offline/logon'),
      request,
      purpose,
    );
  const status: OfflineBench['status'] = async (agent, userName, response, purpose) => {
    const answer = await logon(agent, asking(userName, { response }), purpose);
    if (answer.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
    return answer.offline;
  };
  const fetch: OfflineBench['fetch'] = async (agent, handle) => {
    const proof = agent.prove(await nonce(), '/v1/offline/packages');
    return agent.open(await service.offline.fetchPackage(caller, proof, handle));
  };
  return {
    bench: opened,
    caller,
    nonce,
    logon,
    status,
    fetch,
    async agent(keyMode = 'hw', countsFailures = false) {
      const agent = new TestAgent();
      const proof = agent.prove(await nonce(), '/v1/offline/agents');
      const { spki: publicKey } = agent;
      const given = { name: `pc-${randomUUID()}`, publicKey, keyMode, countsFailures };
      await agent.enrolled(await service.offline.enrol(caller, proof, given));
      return agent;
    },
    async owner(algorithm) {
      const userName = await opened.user();
      return { userName, device: await opened.device(algorithm, { userName }) };
    },
    async install(agent, userName, response) {
      const offered = await status(agent, userName, response);
      if (offered.status !== 'available') throw new Error(`offered: ${JSON.stringify(offered)}`);
      const made = await fetch(agent, offered.handle);
      const { packageId } = made.header;
      agent.held = [
        ...agent.held.filter((each) => each.packageId !== packageId),
        { packageId, state: 'installed', eventsUsed: 0 },
      ];
      agent.note('installed', { packageId, atMs: clock.nowMs() });
      return made;
    },
    async report(agent, clockMs = clock.nowMs()) {
      const reportId = randomUUID();
      const body = agent.report(clock.nowMs(), reportId, clockMs);
      const proof = agent.prove(await nonce(), '/v1/offline/reports', body);
      return agent.acknowledge(await service.offline.report(caller, proof), reportId);
    },
  };
}
