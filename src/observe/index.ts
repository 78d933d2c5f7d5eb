/** What the operator sees of a running server. */
export { createLogger, type Logger, redactedMembers } from './logger.ts';
