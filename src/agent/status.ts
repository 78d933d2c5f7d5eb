import { fingerprintOf } from '../offline/keys.ts';
import { packagesOf, type Standing, standingOf } from './packages.ts';
import type { Agent } from './agent.ts';
import { withSession } from './session.ts';

/** What the agent has, for people and scripts. */
export interface Status {
  readonly agentId: string;
  readonly name: string;
  readonly server: string;
  readonly serverKey: string;
  readonly mode: 'hw' | 'ram' | 'sw';
  readonly isRevoked: boolean;
  /** Log lines that the server has not seen. */
  readonly unreportedLines: number;
  readonly packages: readonly Standing[];
}

/** @param user null for all */
export async function statusOf(
  agent: Agent,
  user: string | null,
  domain: string | null,
): Promise<Status> {
  const { config } = agent;
  return withSession(agent, ({ state, nowMs }) => {
    const { packages, lines, isRevoked } = state();
    const wanted = user === null ? packages : packagesOf(state(), { user, domain });
    return Promise.resolve({
      agentId: config.agentId,
      name: config.name,
      server: config.server,
      serverKey: fingerprintOf(Buffer.from(config.serverKey, 'base64')),
      mode: config.mode,
      isRevoked,
      unreportedLines: lines.length,
      packages: wanted.map((its) => standingOf(state(), its, nowMs)),
    });
  });
}
