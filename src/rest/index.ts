/** The REST interface: JSON in and out, RFC 9457 problems. */
export { createRestRouter } from './router.ts';
