/** The REST interface: JSON in and out, RFC 9457 problems. */
export { createRestRouter, type RestOptions } from './router.ts';
