/** What the operator sees of a running server. */
export { createLogger, type Logger } from './logger.ts';
export { logFailure } from './failures.ts';
