import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { loopbackHost } from '../inbox/loopback.ts';

/** Why a request is not let in. */
export type GateRefusal = 'host-foreign' | 'origin-foreign' | 'session-missing' | 'key-wrong';

/**
 * Who may use the page: browsers that were shown the key of this start. The key comes in the
 * fragment of the address, which no browser sends anywhere; the page hands it over once for a cookie
 * that its own code cannot read.
 */
export interface Gate {
  /** 256 bits, base64url. */
  readonly key: string;
  /** What a request of any kind must satisfy; null lets it in. */
  refusalOf(method: string, headers: IncomingHttpHeaders): GateRefusal | null;
  /** Whether the request comes with the cookie. */
  sessionRefusalOf(headers: IncomingHttpHeaders): GateRefusal | null;
  /** The cookie for who has the key; null for who has not. */
  cookieFor(key: string): string | null;
}

const secretBytes = 32;

/** @param port on which the page is served; cookies are told apart by it, as browsers do not */
export function createGate(port: number, randomBytes: (length: number) => Uint8Array): Gate {
  const draw = (): string => Buffer.from(randomBytes(secretBytes)).toString('base64url');
  const [key, session] = [draw(), draw()];
  const cookieName = `vtoken-desk-${port}`;
  const hosts = [`${loopbackHost}:${port}`, `localhost:${port}`];
  return {
    key,
    refusalOf: (method, { host, origin, 'sec-fetch-site': site }) => {
      // A name that somebody else's server resolves to this machine (DNS rebinding) is not ours.
      if (host === undefined || !hosts.includes(host)) return 'host-foreign';
      if (origin !== undefined && origin !== `http://${host}`) return 'origin-foreign';
      if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'origin-foreign';
      const isReading = method === 'GET' || method === 'HEAD';
      return isReading || origin !== undefined ? null : 'origin-foreign';
    },
    sessionRefusalOf: ({ cookie }) =>
      isSame(cookieOf(cookie ?? '', cookieName), session) ? null : 'session-missing',
    cookieFor: (given) =>
      isSame(given, key) ? `${cookieName}=${session}; Path=/api; HttpOnly; SameSite=Strict` : null,
  };
}

function cookieOf(header: string, name: string): string {
  for (const part of header.split(';')) {
    const [partName, value = ''] = part.trim().split('=', 2);
    if (partName === name) return value;
  }
  return '';
}

/** In constant time: hashes are of one length. */
function isSame(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
