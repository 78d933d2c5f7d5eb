/**
 * How a command of the agent ends, once for all of them; `exitCodes` and `texts` are total over it. Codes
 * and exit codes are never renamed or recycled.
 */
export type AgentCode =
  // The user, or what this computer has for him.
  | 'accepted'
  | 'refused'
  | 'no-data'
  | 'expired'
  | 'used-up'
  | 'emergency-needed'
  | 'locked'
  | 'clock'
  | 'damaged'
  | 'unanswered'
  // The server.
  | 'unreachable'
  | 'untrusted'
  | 'server-failed'
  | 'revoked'
  // This computer.
  | 'usage'
  | 'not-enrolled'
  | 'not-running'
  | 'busy'
  | 'device'
  | 'storage'
  | 'internal';

/** For scripts; docs/agent.md has them as a table. */
export const exitCodes: Readonly<Record<AgentCode, number>> = {
  accepted: 0,
  refused: 1,
  usage: 2,
  'not-enrolled': 3,
  'no-data': 4,
  expired: 5,
  'used-up': 6,
  'emergency-needed': 7,
  locked: 8,
  clock: 9,
  damaged: 10,
  unanswered: 11,
  unreachable: 12,
  untrusted: 13,
  'server-failed': 14,
  revoked: 15,
  'not-running': 16,
  busy: 17,
  device: 18,
  storage: 19,
  internal: 70,
};

/** What the user reads: what he can do, and not which part of what he typed was wrong. */
export const texts: Readonly<Record<AgentCode, string>> = {
  accepted: 'Signed in.',
  refused: 'The code or PIN is not accepted.',
  'no-data': 'There is no offline data for this user on this computer. Connect once and sign in.',
  expired: 'The offline data has expired. Connect to renew it.',
  'used-up': 'The offline sign-ins are used up. Connect to renew them.',
  'emergency-needed': 'Too many tries. Call the help desk for an emergency code, or connect.',
  locked: 'Too many tries. Call the help desk, or connect and sign in.',
  clock: 'The clock of this computer is not right. Check date and time, or connect.',
  damaged: 'The offline data is damaged. Connect and sign in.',
  unanswered: 'The challenge was not answered.',
  unreachable: 'The server cannot be reached.',
  untrusted: 'The server did not prove that it is the right one. Call the help desk.',
  'server-failed': 'The server cannot do its work now. Try again later.',
  revoked: 'This computer is no longer known to the server. Call the help desk.',
  usage: 'The command is not right.',
  'not-enrolled': 'This computer is not enrolled: run tallystick-agent enrol.',
  'not-running':
    'The agent is not running, or has not reached the server since it was started: see tallystick-agent run.',
  busy: 'Another command is at work. Try again.',
  device: 'The security module of this computer cannot be used.',
  storage: 'The folder of the agent cannot be used.',
  internal: 'A mistake in this program.',
};

/** Ends a command. The message is for the log: precise, and without any secret. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentCode;
  /** For the user in place of the catalogue's text, where more can be said. */
  readonly shown: string | null;
  /** The server's own code for what it refused; null where it was not the server, or it gave none. */
  readonly reason: string | null;

  constructor(
    code: AgentCode,
    message: string,
    options: {
      readonly shown?: string;
      readonly reason?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.shown = options.shown ?? null;
    this.reason = options.reason ?? null;
  }
}

/** What the agent keeps about itself cannot be used: no logon heals that. */
export function brokenAgent(message: string, cause?: unknown): AgentError {
  return new AgentError('damaged', message, { shown: brokenAgentText, cause });
}

const brokenAgentText =
  'The agent of this computer is damaged: it has to be reset and enrolled anew. Call the help desk.';

/** For people who set the agent up: they see what the log sees. */
export function setupError(code: AgentCode, message: string, cause?: unknown): AgentError {
  return new AgentError(code, message, { shown: message, cause });
}
