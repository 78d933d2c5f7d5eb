import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  acceptBundle,
  idealClock,
  pairRequestOf,
  type PairRequest,
  pairRequestToJson,
  parsePairBundle,
  press,
  profileNamed,
  requestPairing,
  respond,
  Secret,
  setPin,
  tokenFromJson,
  tokenToJson,
  unlock,
  unlockCode,
  type VirtualToken,
} from '../../../emulator/index.ts';
import { parseResponseAlgorithm } from '../../../src/oath/index.ts';
import { challengeOf, initialPin, ownPin, testPorts, wrongPin } from '../device/pin-support.ts';
import {
  bundleFor,
  done,
  envelopeOf,
  errorOf,
  refusalOf,
  rfcResponses,
  rfcSeed,
} from '../support.ts';

const spec = {
  serial: 'VT00000007-2',
  profile: profileNamed('keypad-multi'),
  clock: idealClock(0),
};
const seeds = [7, 7, 8, 9].map((byte, index) =>
  index === 1 ? new Uint8Array(rfcSeed) : new Uint8Array(20).fill(byte),
);

/** Fresh for every test: accepting wipes the private key. */
let stored: string;
let request: PairRequest;
const waiting = (): VirtualToken => tokenFromJson(stored).token;

beforeAll(async () => {
  const made = await requestPairing(spec, 5000);
  stored = tokenToJson({ token: made.token, revision: 1 });
  request = made.request;
}, 60_000);

function accept(bundle: unknown, token = waiting()): VirtualToken {
  return acceptBundle(token, parsePairBundle(JSON.stringify(bundle)), 9000);
}

describe('pair request', () => {
  it('says what the contract says', () => {
    expect(JSON.parse(pairRequestToJson(request))).toEqual({
      format: 'tallystick-pair-request',
      version: 1,
      serial: 'VT00000007-2',
      model: 'VTKP4',
      publicKey: expect.stringMatching(/^[A-Za-z0-9+/]{500,}=*$/) as string,
      applications: [
        {
          name: 'TIME',
          mode: 'response-only',
          algorithm: {
            kind: 'time',
            hash: 'SHA1',
            digits: 6,
            timeStepSeconds: 30,
            timeOriginSeconds: 0,
          },
        },
        {
          name: 'EVENT',
          mode: 'response-only',
          algorithm: { kind: 'event', hash: 'SHA1', digits: 6 },
        },
        {
          name: 'CR',
          mode: 'challenge-response',
          algorithm: { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-6:QN08-T30S' },
        },
        {
          name: 'CR-COUNTER',
          mode: 'challenge-response',
          algorithm: { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-6:C-QN08' },
        },
      ],
    });
    for (const { algorithm } of request.applications) parseResponseAlgorithm(algorithm);
  });

  it('holds no private key and is the same when written again', () => {
    const token = waiting();
    expect(pairRequestOf(token)).toEqual(request);
    const { pairing } = token;
    const secret = pairing.status === 'requested' ? pairing.privateKey : new Secret(rfcSeed);
    const text = Buffer.from(secret.exposeSecret()).toString('base64');
    expect(stored).toContain(text);
    expect(pairRequestToJson(request)).not.toContain(text.slice(100, 140));
  });

  it('leaves a token that shows nothing until it is paired', () => {
    expect(refusalOf(press(waiting(), 0, { applicationName: 'EVENT' }))).toBe('not-paired');
    expect(refusalOf(respond(waiting(), 0, '1', { applicationName: 'CR' }))).toBe('not-paired');
  });
});

describe('pair bundle', () => {
  it('gives each application its own seed', () => {
    const token = accept(bundleFor(request, seeds));
    const pressed = done(press(token, 0, { applicationName: 'EVENT' }));
    expect(pressed.response).toBe(rfcResponses[0]);
    const values = token.applications.map(({ seed }) => seed?.exposeSecret());
    expect(values.map((value) => Buffer.from(value!).toString('hex'))).toEqual(
      seeds.map((seed) => Buffer.from(seed).toString('hex')),
    );
  });

  it('starts at the counter that the server says', () => {
    const bundle = bundleFor(request, seeds);
    bundle.applications[1]!['eventCounter'] = '3';
    const pressed = done(press(accept(bundle), 0, { applicationName: 'EVENT' }));
    expect(pressed.response).toBe(rfcResponses[3]);
  });

  it('is accepted once: the private key goes, from memory and from the file', async () => {
    const token = waiting();
    const key = token.pairing.status === 'requested' ? token.pairing.privateKey : null;
    const bundle = bundleFor(request, seeds);
    const paired = accept(bundle, token);
    expect(paired.pairing.status).toBe('paired');
    expect(key?.exposeSecret().every((byte) => byte === 0)).toBe(true);
    expect(tokenToJson({ token: paired, revision: 2 })).not.toContain('privateKey');
    expect(tokenFromJson(tokenToJson({ token: paired, revision: 2 })).token).toEqual(paired);
    const again = await errorOf(() => accept(bundle, paired));
    expect(again.code).toBe('pairing-refused');
    expect(again.message).toContain('paired already');
    expect((await errorOf(() => pairRequestOf(paired))).code).toBe('pairing-refused');
  });

  type Bundle = ReturnType<typeof bundleFor>;
  const entry = (bundle: Bundle, members: Record<string, unknown>, index = 0): Bundle => ({
    ...bundle,
    applications: bundle.applications.map((each, at) =>
      at === index ? { ...each, ...members } : each,
    ),
  });

  it.each<[string, string, (bundle: Bundle) => unknown]>([
    ['for another serial', 'serial', (bundle) => ({ ...bundle, serial: 'VT00000008' })],
    [
      'for another key',
      'public key',
      (bundle) => ({ ...bundle, publicKeySha256: 'ab'.repeat(32) }),
    ],
    ['of another version', 'version', (bundle) => ({ ...bundle, version: 2 })],
    ['of another format', 'format', (bundle) => ({ ...bundle, format: 'tallystick-pair-request' })],
    ['with an unknown member', 'unknown member', (bundle) => ({ ...bundle, note: '' })],
    ['with an unknown member inside', 'unknown', (bundle) => entry(bundle, { seed: 'AAAA' })],
    ['without issuedAtMs', 'issuedAtMs', ({ issuedAtMs: _, ...rest }) => rest],
    [
      'with a wrong key check value',
      'CR-COUNTER',
      (bundle) => entry(bundle, { keyCheckValue: '00000000' }, 3),
    ],
    ['with a wrong seed length', 'CR ', (bundle) => entry(bundle, { seedBytes: 32 }, 2)],
    [
      'with a damaged envelope',
      'TIME',
      (bundle) => entry(bundle, { envelope: 'AAAA'.repeat(128) }),
    ],
    ['with a short envelope', 'envelope', (bundle) => entry(bundle, { envelope: 'AAAA' })],
    [
      'with an application less',
      'request was for',
      (bundle) => ({ ...bundle, applications: bundle.applications.slice(1) }),
    ],
    [
      'with applications in another order',
      'request was for',
      (bundle) => ({ ...bundle, applications: bundle.applications.toReversed() }),
    ],
    ['with another name', 'request was for', (bundle) => entry(bundle, { name: 'TIME2' })],
    [
      'with another algorithm',
      'request was for',
      (bundle) => entry(bundle, { algorithm: { kind: 'event', hash: 'SHA1', digits: 8 } }, 1),
    ],
    ['with another mode', 'mode', (bundle) => entry(bundle, { mode: 'challenge-response' })],
    ['with a counter as number', 'eventCounter', (bundle) => entry(bundle, { eventCounter: 0 })],
    [
      'with a counter for a clock',
      'eventCounter',
      (bundle) => entry(bundle, { eventCounter: '5' }),
    ],
    ['with an empty seed list', 'applications', (bundle) => ({ ...bundle, applications: [] })],
  ])('%s is refused, and the token still waits', async (_name, words, spoil) => {
    const token = waiting();
    const refused = await errorOf(() => accept(spoil(bundleFor(request, seeds)), token));
    expect(refused.code).toBe('pairing-refused');
    expect(refused.message).toContain(words);
    expect(accept(bundleFor(request, seeds), token).pairing.status).toBe('paired');
  });

  it('with swapped envelopes is refused by the key check values', async () => {
    const bundle = bundleFor(request, seeds);
    const [first, second, third, fourth] = bundle.applications;
    const swapped = [
      { ...first, envelope: third!['envelope'] },
      second,
      { ...third, envelope: first!['envelope'] },
      fourth,
    ];
    const refused = await errorOf(() => accept({ ...bundle, applications: swapped }));
    expect(refused.message).toContain('key check value');
  });

  it('wrapped for somebody else cannot be opened', async () => {
    const other = generateKeyPairSync('rsa', {
      modulusLength: 3072,
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    });
    const envelope = envelopeOf(other.publicKey.toString('base64'), seeds[0]!);
    const refused = await errorOf(() => accept(entry(bundleFor(request, seeds), { envelope })));
    expect(refused.message).toContain('cannot be opened');
  });

  it.each(['', 'no json', '[]', '"text"', '{}'])('that reads %j is refused', async (text) => {
    expect((await errorOf(() => parsePairBundle(text))).code).toBe('pairing-refused');
  });
});

describe('a token with a PIN', () => {
  it('asks for an unlock seed, keeps its PIN, and is unlocked with that seed', async () => {
    const ports = testPorts();
    const profile = profileNamed('keypad-pin');
    const made = await requestPairing({ ...spec, profile }, 5000, ports);
    expect(made.request.applications.map(({ name, mode }) => [name, mode])).toEqual([
      ['TIME', 'response-only'],
      ['CR', 'challenge-response'],
      ['UNLOCK', 'unlock'],
    ]);
    let token = done(setPin(made.token, 0, ownPin, { devicePin: initialPin, ports })).token;
    const options = { applicationName: 'TIME', devicePin: ownPin, ports };
    expect(refusalOf(press(token, 0, options))).toBe('not-paired');
    for (let count = 0; count < 5; count += 1) {
      ({ token } = press(token, 0, { devicePin: wrongPin, ports }));
    }
    const bundle = bundleFor(made.request, [rfcSeed, rfcSeed, seeds[3]!]);
    const asResponse = bundle.applications.map((application) => ({
      ...application,
      mode: application['mode'] === 'unlock' ? 'challenge-response' : application['mode'],
    }));
    const refused = await errorOf(() => accept({ ...bundle, applications: asResponse }, token));
    expect(refused.message).toContain('UNLOCK=unlock:OCRA-1:HOTP-SHA1-8:QN08');
    token = accept(bundle, token);
    expect(refusalOf(press(token, 0, options))).toBe('locked');
    const code = unlockCode(seeds[3]!, challengeOf(token));
    expect(refusalOf(unlock(token, 0, code, { ports }))).toBe('accepted');
  }, 60_000);
});
