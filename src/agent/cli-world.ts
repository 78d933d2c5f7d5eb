import type { AgentEnv } from './env.ts';
import type { Patience } from './http.ts';

/** What the commands may touch besides their arguments. Tests give others. */
export interface AgentWorld {
  readonly env: AgentEnv;
  readonly defaultFolder: string;
  readonly patience: Patience;
  /** What pam_exec says of the call, as `PAM_USER` and `PAM_TYPE`. */
  readonly pam: { readonly user: string | undefined; readonly type: string | undefined };
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether standard input is a person at a keyboard. */
  readonly isInteractive: boolean;
  /** A line typed at the terminal without being shown. */
  readonly prompt: (question: string) => Promise<string>;
  /** The next line of standard input, or null at its end. */
  readonly readLine: () => Promise<string | null>;
  /** Aborted by SIGTERM and SIGINT. */
  readonly stopSignal: () => AbortSignal;
}

/** What every command takes. */
export interface CommonOptions {
  readonly state: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** Set by commands whose end is no error and no success either. */
export interface Ended {
  code: number;
}
