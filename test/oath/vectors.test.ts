import { describe, expect, it } from 'vitest';
import {
  decodeOcra,
  decodeOtp,
  dynamicTruncate,
  type HashName,
  movingFactor,
  mutualQuestions,
  ocraMessage,
  parseEventCounter,
  parseOcraSuite,
  parseResponseAlgorithm,
  parseTimeStep,
  timeStepAt,
} from '../../src/oath/index.ts';
import { bytesOfHex, hashOfPin, hexOf, hmac, respond, vectorFile } from './support.ts';

type HotpFile = {
  keyHex: string;
  vectors: {
    counter: number;
    hmacSha1: string;
    truncatedHex: string;
    truncated: number;
    otp6: string;
  }[];
};
type TotpFile = {
  x: number;
  t0: number;
  digits: number;
  keysHex: Record<HashName, string>;
  vectors: { time: number; stepHex: string; algorithm: HashName; otp8: string }[];
};
type OcraRow = {
  role?: 'Server' | 'Client' | null;
  suite: string;
  keyHex: string;
  counter?: number;
  question: string;
  pin?: string;
  pinSha1?: string;
  pinHashHex?: string;
  sessionHex?: string;
  timestampHex?: string;
  otp: string;
};

const hotp = vectorFile('rfc4226.json') as HotpFile;
const totp = vectorFile('rfc6238.json') as TotpFile;
const ocra = vectorFile('rfc6287.json') as { vectors: OcraRow[] };
const derived = vectorFile('derived-ocra.json') as { vectors: OcraRow[] };

describe('RFC 4226 appendix D', () => {
  it.each(hotp.vectors)('counter $counter shows $otp6', (row) => {
    const message = movingFactor(parseEventCounter(row.counter));
    const mac = hmac('SHA1', bytesOfHex(hotp.keyHex), message);
    expect(hexOf(mac)).toBe(row.hmacSha1);
    expect(dynamicTruncate(mac)).toBe(row.truncated);
    expect(dynamicTruncate(mac).toString(16).padStart(8, '0')).toBe(row.truncatedHex);
    expect(decodeOtp(mac, 6)).toBe(row.otp6);
  });

  it('has ten rows', () => expect(hotp.vectors).toHaveLength(10));
});

describe('RFC 6238 appendix B', () => {
  it.each(totp.vectors)('$algorithm at $time shows $otp8', (row) => {
    const algorithm = parseResponseAlgorithm({
      kind: 'time',
      hash: row.algorithm,
      digits: totp.digits,
      timeStepSeconds: totp.x,
      timeOriginSeconds: totp.t0,
    });
    const stepping = { timeStepSeconds: totp.x, timeOriginSeconds: totp.t0 };
    const timeStep = parseTimeStep(timeStepAt(row.time * 1000, stepping));
    expect(hexOf(movingFactor(timeStep))).toBe(row.stepHex);
    const key = bytesOfHex(totp.keysHex[row.algorithm]);
    expect(respond(algorithm, { timeStep }, key)).toBe(row.otp8);
  });

  it('has eighteen rows', () => expect(totp.vectors).toHaveLength(18));
});

/** The RFC prints mutual questions joined; each side's own is eight characters. */
function questionOf(row: OcraRow): string | readonly [string, string] {
  if (row.role === 'Server' || row.role === 'Client') {
    const client = 'CLI' + row.question.replace(/^.*CLI(.{5}).*$/, '$1');
    const server = 'SRV' + row.question.replace(/^.*SRV(.{5}).*$/, '$1');
    return mutualQuestions(row.role === 'Client' ? 'client' : 'server', { client, server });
  }
  return row.question;
}

function otpOf(row: OcraRow): string {
  const suite = parseOcraSuite(row.suite);
  const pinHashHex = row.pinHashHex ?? row.pinSha1;
  const message = ocraMessage(suite, {
    question: questionOf(row),
    eventCounter: row.counter === undefined ? undefined : parseEventCounter(row.counter),
    pinHash: pinHashHex === undefined ? undefined : bytesOfHex(pinHashHex),
    session: row.sessionHex === undefined ? undefined : bytesOfHex(row.sessionHex),
    timeStep:
      row.timestampHex === undefined ? undefined : parseTimeStep(BigInt(`0x${row.timestampHex}`)),
  });
  return decodeOcra(hmac(suite.hash, bytesOfHex(row.keyHex), message), suite);
}

describe('RFC 6287 appendix C', () => {
  it.each(ocra.vectors)('$suite $question $counter shows $otp', (row) => {
    expect(otpOf(row)).toBe(row.otp);
  });

  it('has seventy rows, of which those with a PIN hash it raw', () => {
    expect(ocra.vectors).toHaveLength(70);
    const withPin = ocra.vectors.filter((row) => row.pin !== undefined);
    expect(withPin.length).toBeGreaterThan(0);
    for (const row of withPin) {
      expect(hexOf(hashOfPin('SHA1', row.pin ?? ''))).toBe(row.pinSha1);
    }
  });
});

describe('derived OCRA rows', () => {
  it.each(derived.vectors)('$suite $question shows $otp', (row) => {
    expect(otpOf(row)).toBe(row.otp);
  });

  it('has eighteen rows', () => expect(derived.vectors).toHaveLength(18));
});
