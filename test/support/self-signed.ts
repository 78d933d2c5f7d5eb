import {
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  sign,
} from 'node:crypto';

/** In PEM. */
export interface Certified {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A certificate for this machine's own use in tests, made on the spot: no key lies in the tree. */
export function selfSigned(): Certified {
  const pair = newPair();
  return certified(pair, 'localhost', { name: 'localhost', key: pair.privateKey });
}

/** An authority, which is no server, and a server on this machine whose certificate it has signed. */
export function signedByAuthority(): { readonly authority: string; readonly server: Certified } {
  const [pair, name] = [newPair(), 'Authority of a test'];
  const issuer: Issuer = { name, key: pair.privateKey };
  return {
    authority: certified(pair, name, issuer, isAuthority).certificate,
    server: certified(newPair(), 'localhost', issuer),
  };
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

function newPair(): KeyPairKeyObjectResult {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function certified(
  { publicKey, privateKey }: KeyPairKeyObjectResult,
  name: string,
  issuer: Issuer,
  extension: Buffer = isThisMachine,
): Certified {
  const ecdsaWithSha256 = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
  const day = (year: string): Buffer => der(0x18, Buffer.from(`${year}0101000000Z`));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    commonName(issuer.name),
    sequence(day('2020'), day('2050')),
    commonName(name),
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(extension)),
  );
  const signature = sign('sha256', body, issuer.key);
  const whole = sequence(
    body,
    ecdsaWithSha256,
    der(0x03, Buffer.concat([Buffer.alloc(1), signature])),
  );
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`,
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid([0x55, 0x04, 0x03]), der(0x0c, Buffer.from(name)))));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

/** IP 127.0.0.1 and DNS localhost (RFC 5280 section 4.2.1.6). */
const isThisMachine = sequence(
  oid([0x55, 0x1d, 0x11]),
  der(0x04, sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))),
);

/** May sign others (section 4.2.1.9). */
const isAuthority = sequence(
  oid([0x55, 0x1d, 0x13]),
  der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
);
