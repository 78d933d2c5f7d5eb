import { isIP, type LookupFunction } from 'node:net';

/**
 * Whether a host is this machine itself: 127.0.0.0/8, ::1 (also in the brackets of a URL) or
 * localhost.
 */
export function isLoopbackHost(host: string): boolean {
  const plain = host.toLowerCase();
  if (plain === 'localhost' || plain === '::1' || plain === '[::1]') return true;
  return isIP(plain) === 4 && plain.startsWith('127.');
}

/**
 * Options of a connection to `host`: `localhost` is this machine whatever a name server says (RFC
 * 6761 section 6.3), or a plain connection would go where that one sends it.
 */
export function lookupOf(host: string): { readonly lookup?: LookupFunction } {
  return host.toLowerCase() === 'localhost' ? { lookup: lookupLocalhost } : {};
}

const lookupLocalhost: LookupFunction = (_host, options, callback) => {
  setImmediate(() => {
    if (options.all !== true) callback(null, '127.0.0.1', 4);
    else {
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ]);
    }
  });
};
