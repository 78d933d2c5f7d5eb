/** What the operator sees of a running server. */
export {
  createLogger,
  type LogFields,
  type Logger,
  type LogLevel,
  type LogTarget,
  redactedMembers,
} from './logger.ts';
