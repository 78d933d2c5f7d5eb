import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  algorithmInputs,
  algorithmText,
  algorithmTimeStepping,
  algorithmToJson,
  encodeHmacChallenge,
  hmacChallengeBytesMax,
  parseAlgorithmText,
  parseEventCounter,
  parseOtp,
  parseResponseAlgorithm,
  readResponse,
  responseCharacters,
  responseMessage,
  survivesPadding,
} from '../../src/oath/index.ts';
import { proofRuns } from '../support/proof.ts';
import { refusalOf, vectorFile } from './support.ts';

const key = parseAlgorithmText('HMAC-SHA1-CR');
const { keyHex, challengeHex, hmacSha1 } = vectorFile('otp-hid-hmac.json') as Record<
  'keyHex' | 'challengeHex' | 'hmacSha1',
  string
>;

/** What a key MACs of the 64 bytes it is handed: all but the run of the last byte at their end. */
function taken(frame: Buffer): Buffer {
  let length = frame.length;
  while (length > 0 && frame[length - 1] === frame.at(-1)) length -= 1;
  return frame.subarray(0, length);
}

describe('the bare HMAC of a challenge', () => {
  it('answers the sample of FIPS 198 with the whole MAC', () => {
    const message = responseMessage(key, { question: challengeHex });
    const mac = createHmac('sha1', Buffer.from(keyHex, 'hex')).update(message).digest();
    expect(readResponse(key, mac)).toBe(hmacSha1);
    expect(responseCharacters(key)).toBe(40);
  });

  it('has one text and one JSON form', () => {
    expect(algorithmText(key)).toBe('HMAC-SHA1-CR');
    expect(parseResponseAlgorithm(algorithmToJson(key))).toEqual(key);
    for (const text of ['HMAC-SHA256-CR', 'hmac-sha1-cr', 'HMAC-SHA1-CR ', 'HMAC-SHA1-6']) {
      expect(refusalOf(() => parseAlgorithmText(text))).toMatchObject({
        code: 'ERR_OATH_ALGORITHM',
      });
    }
    expect(
      refusalOf(() => parseResponseAlgorithm({ kind: 'hmac-challenge', hash: 'SHA256' })),
    ).toMatchObject({ code: 'ERR_OATH_VALUE', part: 'hash' });
    expect(
      refusalOf(() => parseResponseAlgorithm({ kind: 'hmac-challenge', hash: 'SHA1', digits: 6 })),
    ).toMatchObject({ code: 'ERR_OATH_ALGORITHM' });
  });

  it('takes a challenge and nothing else', () => {
    expect(algorithmInputs(key)).toEqual({
      eventCounter: false,
      timeStep: false,
      question: true,
      pinHash: false,
      session: false,
    });
    expect(algorithmTimeStepping(key)).toBeUndefined();
    const counter = { question: 'ab', eventCounter: parseEventCounter(0) };
    expect(refusalOf(() => responseMessage(key, counter))).toMatchObject({ part: 'eventCounter' });
    expect(refusalOf(() => responseMessage(key, {}))).toMatchObject({ part: 'question' });
  });

  it.each(['', 'a', 'abc', '0g', ' ab', 'ab ', 'é0', 'ab'.repeat(hmacChallengeBytesMax + 1)])(
    'takes no challenge %j',
    (question) => {
      expect(refusalOf(() => responseMessage(key, { question }))).toMatchObject({
        code: 'ERR_OATH_INPUT',
        part: 'question',
      });
    },
  );

  it('reads bytes, whatever the case of the hex', () => {
    const longest = 'aB'.repeat(hmacChallengeBytesMax);
    expect(encodeHmacChallenge(longest)).toEqual(new Uint8Array(64).fill(0xab));
    expect(encodeHmacChallenge('C0fFee00')).toEqual(Uint8Array.of(0xc0, 0xff, 0xee, 0));
    expect(parseOtp(hmacSha1.toUpperCase())).toBe(hmacSha1);
  });
});

describe('a challenge that survives padding', () => {
  it('reaches the key whole, whether a client pads with 00, or with 01 behind a 00', () => {
    const challenges = fc.uint8Array({ minLength: 1, maxLength: 64 });
    let surviving = 0;
    fc.assert(
      fc.property(challenges, fc.constantFrom(0, 1), (challenge, padding) => {
        if (!survivesPadding(challenge)) return;
        surviving += 1;
        const frame = Buffer.alloc(64, padding);
        frame.set(challenge);
        expect(taken(frame).toString('hex')).toBe(Buffer.from(challenge).toString('hex'));
      }),
      proofRuns(500),
    );
    expect(surviving).toBeGreaterThan(300);
  });

  it.each(['', '00', '01', 'ab00', 'ab01', 'abab', 'ab'.repeat(63) + 'cd'])(
    'is not %s',
    (challenge) => {
      expect(survivesPadding(Buffer.from(challenge, 'hex'))).toBe(false);
    },
  );

  it.each(['02', 'ff', '0002', 'abcd', 'ab'.repeat(62) + 'cd'])('is %s', (challenge) => {
    expect(survivesPadding(Buffer.from(challenge, 'hex'))).toBe(true);
  });
});
