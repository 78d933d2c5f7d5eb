/** The REST interface: JSON in and out, RFC 9457 problems. */
export { createRestRouter } from './router.ts';
export type { TestClock } from './test-clock.ts';
