import { framed } from '../offline/bytes.ts';
import { openSealed } from '../offline/seal.ts';
import { AgentError, texts } from './agent-error.ts';
import { type AgentApi, createApi } from './api.ts';
import { readPrivateText } from './config.ts';
import { openAgent } from './enrol.ts';
import type { AgentEnv } from './env.ts';
import { exchangeWith, type Patience } from './http.ts';
import { report } from './reporting.ts';
import type { Agent } from './agent.ts';
import { serveSocket } from './socket.ts';

/** How often the server is told what was done, and how long a failure is waited out, at most. */
const intervalMs = 15 * 60_000;
const backOffMinMs = 5000;
/** People wait for the share. */
const shareBackOffMaxMs = 60_000;

export interface RunOptions {
  readonly env: AgentEnv;
  readonly folder: string;
  readonly patience: Patience;
  readonly log: Agent['log'];
  readonly say: (text: string) => void;
  /** Ends the loop. */
  readonly signal: AbortSignal;
  /** Between two reports, in milliseconds. */
  readonly everyMs?: number;
}

/** The server's side for an agent. @throws AgentError storage without the API key */
export async function apiOf(agent: Agent, patience: Patience): Promise<AgentApi> {
  const { config, env, keys } = agent;
  return createApi({
    exchange: exchangeWith(config.server, config.ca, patience),
    apiKey: await readPrivateText(env, config.keyFile),
    identity: keys.identity,
    agentId: config.agentId,
  });
}

/**
 * Reports regularly and, in mode `ram`, holds the server's share, so that the commands that ask over the
 * socket can sign on. Ends when the signal comes, or when the agent is revoked.
 */
export async function run(options: RunOptions): Promise<void> {
  const agent = await agentWithShare(options);
  try {
    const api = await apiOf(agent, options.patience);
    const closeSocket = await serveSocket(agent, api);
    try {
      options.say('The agent is running.');
      await reportRegularly(agent, api, options);
    } finally {
      await closeSocket();
    }
  } finally {
    await agent.keys.close();
  }
}

const waitingText = 'Nobody signs on here before the server was reached.';

/** In mode `ram` nothing can be done before the server was reached once. */
async function agentWithShare(options: RunOptions): Promise<Agent> {
  const { env, folder, log, patience, signal } = options;
  const plain = await openAgent(env, folder, log);
  if (plain.config.mode !== 'ram') return plain;
  await plain.keys.close();
  const { agentId } = plain.config;
  for (let failures = 0; ; failures += 1) {
    try {
      const api = await apiOf(plain, patience);
      const { spki, agree } = plain.keys.identity;
      const context = framed('ovp1/share', agentId);
      return await openAgent(
        env,
        folder,
        log,
        await openSealed(spki, agree, context, await api.share()),
      );
    } catch (error) {
      if (!isPassing(error) || signal.aborted) throw error;
      log('no-share', error.message);
      if (failures === 0) options.say(`${texts[error.code]} ${waitingText}`);
      await env.sleepMs(backOffMs(env, failures + 1, shareBackOffMaxMs), signal);
    }
  }
}

async function reportRegularly(agent: Agent, api: AgentApi, options: RunOptions): Promise<void> {
  const { signal, log, everyMs = intervalMs } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const lines = await report(agent, api);
      failures = 0;
      log('reported', `${lines} lines`);
    } catch (error) {
      if (!(error instanceof AgentError) || error.code === 'revoked') throw error;
      failures += 1;
      log(error.code, error.message);
    }
    const waitMs =
      failures === 0 ? jittered(agent.env, everyMs) : backOffMs(agent.env, failures, everyMs);
    await agent.env.sleepMs(waitMs, signal);
  }
}

function isPassing(error: unknown): error is AgentError {
  return error instanceof AgentError && ['unreachable', 'server-failed'].includes(error.code);
}

/** Doubling, so that a thousand computers do not fall upon a server that has just come back. */
function backOffMs(env: AgentEnv, failures: number, mostMs: number): number {
  return jittered(env, Math.min(mostMs, backOffMinMs * 2 ** Math.min(failures - 1, 16)));
}

/** Between half of it and all of it. */
function jittered(env: AgentEnv, durationMs: number): number {
  const share = env.randomBytes(2).readUInt16BE() / 0xffff;
  return Math.round(durationMs * (0.5 + share / 2));
}
