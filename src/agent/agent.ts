import type { AgentConfig } from './config.ts';
import type { AgentEnv, Instant } from './env.ts';
import type { AgentKeys } from './keys.ts';
import type { AgentState } from './state.ts';

/** An enrolled agent, at work. */
export interface Agent {
  readonly env: AgentEnv;
  readonly folder: string;
  readonly config: AgentConfig;
  readonly keys: AgentKeys;
  /** For whoever looks after the agent: precise, and without any secret. */
  readonly log: (code: string, detail: string) => void;
}

/** The state under the lock. */
export interface Session {
  readonly agent: Agent;
  /** The clocks when the session began. */
  readonly now: Instant;
  /** True time as far as it is known. */
  readonly nowMs: number;
  readonly state: () => AgentState;
  /** Durable when it returns, and only then are doomed secrets and stray files destroyed. */
  readonly save: (next: AgentState) => Promise<void>;
}
