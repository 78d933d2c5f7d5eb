import { scrypt, type ScryptOptions } from 'node:crypto';

/** scrypt (RFC 7914) that may take the memory it needs. */
export function stretched(
  secret: string | Uint8Array,
  salt: Uint8Array,
  cost: { readonly n: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const { n, r, p } = cost;
  const options: ScryptOptions = { N: n, r, p, maxmem: 256 * n * r + 256 * r * p + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
