import { describe, expect, it } from 'vitest';
import {
  algorithmDigits,
  algorithmHash,
  algorithmInputs,
  algorithmText,
  algorithmTimeStepping,
  algorithmToJson,
  algorithmWarnings,
  parseEventCounter,
  parseResponseAlgorithm,
  parseTimeStep,
  readResponse,
  responseCharacters,
  responseMessage,
} from '../../src/oath/index.ts';
import { errorOf, hexOf, refusalOf, respond } from './support.ts';

const event = { kind: 'event', hash: 'SHA1', digits: 6 };
const time = {
  kind: 'time',
  hash: 'SHA256',
  digits: 8,
  timeStepSeconds: 30,
  timeOriginSeconds: 0,
};
const challenge = {
  kind: 'challenge-response',
  suite: 'OCRA-1:HOTP-SHA512-10:C-QN08-PSHA1-S064-T30S',
};
const bareChallenge = { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-6:QN08' };

const nothing = {
  eventCounter: false,
  timeStep: false,
  question: false,
  pinHash: false,
  session: false,
};

describe.each([
  {
    json: event,
    text: 'HOTP-SHA1-6',
    hash: 'SHA1',
    digits: 6,
    characters: 6,
    stepping: undefined,
    inputs: { ...nothing, eventCounter: true },
    warnings: 0,
  },
  {
    json: time,
    text: 'TOTP-SHA256-8-30S',
    hash: 'SHA256',
    digits: 8,
    characters: 8,
    stepping: { timeStepSeconds: 30, timeOriginSeconds: 0 },
    inputs: { ...nothing, timeStep: true },
    warnings: 0,
  },
  {
    json: { ...time, hash: 'SHA1', digits: 10, timeStepSeconds: 86_400, timeOriginSeconds: 12 },
    text: 'TOTP-SHA1-10-86400S-T0=12',
    hash: 'SHA1',
    digits: 10,
    characters: 10,
    stepping: { timeStepSeconds: 86_400, timeOriginSeconds: 12 },
    inputs: { ...nothing, timeStep: true },
    warnings: 1,
  },
  {
    json: challenge,
    text: challenge.suite,
    hash: 'SHA512',
    digits: 10,
    characters: 10,
    stepping: { timeStepSeconds: 30, timeOriginSeconds: 0 },
    inputs: { eventCounter: true, timeStep: true, question: true, pinHash: true, session: true },
    warnings: 1,
  },
  {
    json: { ...bareChallenge, suite: 'OCRA-1:HOTP-SHA256-0:QN08' },
    text: 'OCRA-1:HOTP-SHA256-0:QN08',
    hash: 'SHA256',
    digits: 0,
    characters: 64,
    stepping: undefined,
    inputs: { ...nothing, question: true },
    warnings: 0,
  },
])('$text', ({ json, text, hash, digits, characters, stepping, inputs, warnings }) => {
  const algorithm = parseResponseAlgorithm(json);

  it('goes to JSON and back', () => {
    const back: unknown = JSON.parse(JSON.stringify(algorithmToJson(algorithm)));
    expect(back).toEqual(json);
    expect(parseResponseAlgorithm(back)).toEqual(algorithm);
    expect(Object.isFrozen(algorithm)).toBe(true);
  });

  it('describes itself', () => {
    expect(algorithmText(algorithm)).toBe(text);
    expect(algorithmHash(algorithm)).toBe(hash);
    expect(algorithmDigits(algorithm)).toBe(digits);
    expect(responseCharacters(algorithm)).toBe(characters);
    expect(algorithmTimeStepping(algorithm)).toEqual(stepping);
    expect(algorithmInputs(algorithm)).toEqual(inputs);
    expect(algorithmWarnings(algorithm)).toHaveLength(warnings);
  });
});

describe('parseResponseAlgorithm', () => {
  it.each([
    [null, 'algorithm'],
    [undefined, 'algorithm'],
    ['HOTP-SHA1-6', 'algorithm'],
    [[], 'algorithm'],
    [{}, 'kind'],
    [{ ...event, kind: 'ocra' }, 'kind'],
    [{ ...event, kind: 'toString' }, 'kind'],
    [{ ...event, timeStepSeconds: 30 }, 'algorithm'],
    [{ ...time, seed: '00' }, 'algorithm'],
    [{ ...bareChallenge, digits: 6 }, 'algorithm'],
    [{ kind: 'challenge-response', suite: 7 }, 'suite'],
    [{ kind: 'challenge-response' }, 'suite'],
  ])('refuses the shape of %j', (json, part) => {
    const expected = { code: 'ERR_OATH_ALGORITHM', part };
    expect(refusalOf(() => parseResponseAlgorithm(json))).toEqual(expected);
  });

  it.each([
    [{ ...event, hash: 'sha1' }, 'hash'],
    [{ kind: 'event', digits: 6 }, 'hash'],
    [{ ...event, digits: 5 }, 'digits'],
    [{ ...event, digits: '6' }, 'digits'],
    [{ ...time, timeStepSeconds: 0 }, 'timeStepSeconds'],
    [{ ...time, timeStepSeconds: 86_401 }, 'timeStepSeconds'],
    [{ ...time, timeStepSeconds: 1.5 }, 'timeStepSeconds'],
    [{ ...time, timeStepSeconds: '30' }, 'timeStepSeconds'],
    [{ ...time, timeOriginSeconds: -1 }, 'timeOriginSeconds'],
    [{ ...time, timeOriginSeconds: 253_402_300_800 }, 'timeOriginSeconds'],
    [{ ...time, timeOriginSeconds: undefined }, 'timeOriginSeconds'],
  ])('refuses a value of %j', (json, part) => {
    const expected = { code: 'ERR_OATH_VALUE', part };
    expect(refusalOf(() => parseResponseAlgorithm(json))).toEqual(expected);
  });

  it('names the unknown member, cut short', () => {
    const error = errorOf(() => parseResponseAlgorithm({ ...event, ['x'.repeat(100)]: 1 }));
    expect(error.message).toContain('kind, hash, digits');
    expect(error.message).toContain(`"${'x'.repeat(32)}"...`);
  });

  it('passes a refused suite on', () => {
    const json = { ...bareChallenge, suite: 'OCRA-1:HOTP-SHA1-6:QN08-T60S' };
    const expected = { code: 'ERR_OCRA_SUITE', part: 'timestamp' };
    expect(refusalOf(() => parseResponseAlgorithm(json))).toEqual(expected);
  });
});

describe('responseMessage and readResponse', () => {
  const eventCounter = parseEventCounter(1);
  const timeStep = parseTimeStep(2);

  it('is the moving factor for events and time', () => {
    const message = responseMessage(parseResponseAlgorithm(event), { eventCounter });
    expect(hexOf(message)).toBe('0000000000000001');
    expect(hexOf(responseMessage(parseResponseAlgorithm(time), { timeStep }))).toBe(
      '0000000000000002',
    );
    expect(respond(parseResponseAlgorithm(event), { eventCounter })).toBe('287082');
  });

  it.each([
    [event, {}, 'eventCounter'],
    [event, { timeStep }, 'eventCounter'],
    [event, { eventCounter, timeStep }, 'timeStep'],
    [event, { eventCounter, question: '1' }, 'question'],
    [event, { eventCounter, pinHash: new Uint8Array(20) }, 'pinHash'],
    [time, {}, 'timeStep'],
    [time, { timeStep, eventCounter }, 'eventCounter'],
    [time, { timeStep, session: new Uint8Array(1) }, 'session'],
    [bareChallenge, {}, 'question'],
    [bareChallenge, { question: '1', timeStep }, 'timeStep'],
  ])('$kind refuses inputs that do not fit', (json, inputs, part) => {
    const algorithm = parseResponseAlgorithm(json);
    const expected = { code: 'ERR_OATH_INPUT', part };
    expect(refusalOf(() => responseMessage(algorithm, inputs))).toEqual(expected);
  });

  it.each([event, time, bareChallenge])('$kind reads a MAC of its own hash only', (json) => {
    const algorithm = parseResponseAlgorithm(json);
    const expected = { code: 'ERR_OATH_MAC', part: 'mac' };
    for (const length of [0, 19, json === time ? 20 : 32, 64]) {
      const act = (): unknown => readResponse(algorithm, new Uint8Array(length));
      expect(refusalOf(act)).toEqual(expected);
    }
  });
});
