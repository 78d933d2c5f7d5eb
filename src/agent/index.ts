/** The workstation agent, for programs that sign users on without the command line. */
export { AgentError, type AgentCode, exitCodes, texts } from './agent-error.ts';
export { enrol, type EnrolmentRequest, openAgent } from './enrol.ts';
export { type AgentEnv, type Instant, nodeEnv } from './env.ts';
export { patience, type Patience } from './http.ts';
export { type Ask, logon, type LogonRequest, type Outcome } from './logon.ts';
export type { Standing, UserName } from './packages.ts';
export { report } from './reporting.ts';
export { apiOf } from './run.ts';
export type { Agent } from './agent.ts';
export { type Status, statusOf } from './status.ts';
