import { createDecipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  encryptionAlgorithms,
  type KeyFileKey,
  macAlgorithms,
  pskcAlgorithms,
  pskcNamespaces,
  writePskc,
} from '../../src/formats/index.ts';
import { parseXml, type XmlElement } from '../../src/xml.ts';
import { ciphersWith, fromHex, keyOf, preSharedKey, refusalOf, seed, textOf } from './support.ts';

const plain = { kind: 'plain' } as const;
const limits = {
  bytesMax: 1_000_000,
  depthMax: 12,
  elementsMax: 10_000,
  attributesMax: 20,
  textCharactersMax: 10_000,
};

function parsed(text: string): XmlElement {
  return parseXml(Buffer.from(text), limits);
}

/** The elements on this path of local names; a name that is missing finds none. */
function all(element: XmlElement, path: string): readonly XmlElement[] {
  return path
    .split('/')
    .reduce<readonly XmlElement[]>(
      (found, name) =>
        found.flatMap(({ children }) => children.filter(({ local }) => local === name)),
      [element],
    );
}

function textAt(element: XmlElement, path: string): string | undefined {
  return all(element, path)[0]?.text;
}

function attributesAt(element: XmlElement, path: string): Record<string, string> | undefined {
  const found = all(element, path)[0];
  return found && Object.fromEntries(found.attributes.map(({ local, value }) => [local, value]));
}

const parameters = 'KeyPackage/Key/AlgorithmParameters';
const data = 'KeyPackage/Key/Data';

async function written(...keys: Parameters<typeof keyOf>[]): Promise<XmlElement> {
  return parsed(
    await textOf(
      writePskc(
        keys.map((key) => keyOf(...key)),
        plain,
      ),
    ),
  );
}

describe('plain PSKC', () => {
  it('has device, key, counter and digits of HOTP', async () => {
    const root = await written(['HOTP-SHA1-8', { issuer: 'Issuer', eventCounter: 42n }]);
    expect(root).toMatchObject({ namespace: pskcNamespaces.pskc, local: 'KeyContainer' });
    expect(root.attributes).toEqual([{ namespace: '', local: 'Version', value: '1.0' }]);
    expect(textAt(root, 'KeyPackage/DeviceInfo/Manufacturer')).toBe('Tallystick');
    expect(textAt(root, 'KeyPackage/DeviceInfo/SerialNo')).toBe('VT00000001');
    expect(textAt(root, 'KeyPackage/DeviceInfo/Model')).toBe('VTGO1');
    expect(attributesAt(root, 'KeyPackage/Key')).toEqual({
      Id: 'VT00000001/APPLI',
      Algorithm: pskcAlgorithms.hotp,
    });
    expect(textAt(root, 'KeyPackage/Key/Issuer')).toBe('Issuer');
    expect(textAt(root, 'KeyPackage/Key/FriendlyName')).toBe('APPLI');
    expect(textAt(root, 'KeyPackage/Key/Policy/KeyUsage')).toBe('OTP');
    expect(all(root, `${parameters}/Suite`)).toEqual([]);
    expect(attributesAt(root, `${parameters}/ResponseFormat`)).toEqual({
      Encoding: 'DECIMAL',
      Length: '8',
    });
    expect(textAt(root, `${data}/Secret/PlainValue`)).toBe('MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=');
    expect(textAt(root, `${data}/Counter/PlainValue`)).toBe('42');
    expect(all(root, `${data}/Time`)).toEqual([]);
  });

  it('has step, drift and hash of TOTP', async () => {
    const root = await written(['TOTP-SHA256-6-60S', { timeDriftSteps: -1 }]);
    expect(attributesAt(root, 'KeyPackage/Key')).toMatchObject({ Algorithm: pskcAlgorithms.totp });
    expect(textAt(root, `${parameters}/Suite`)).toBe('HMAC-SHA256');
    expect(textAt(root, `${data}/Time/PlainValue`)).toBe('0');
    expect(textAt(root, `${data}/TimeInterval/PlainValue`)).toBe('60');
    expect(textAt(root, `${data}/TimeDrift/PlainValue`)).toBe('-1');
    expect(all(root, `${data}/Counter`)).toEqual([]);
  });

  it('has suite, challenge and check digits of OCRA', async () => {
    const suite = 'OCRA-1:HOTP-SHA512-8:C-QN08-PSHA1';
    const root = await written([
      suite,
      { usages: ['CR'], challengeCheckDigit: true, responseCheckDigit: true, eventCounter: 7n },
    ]);
    expect(attributesAt(root, 'KeyPackage/Key')).toMatchObject({ Algorithm: pskcAlgorithms.ocra });
    expect(textAt(root, `${parameters}/Suite`)).toBe(suite);
    expect(attributesAt(root, `${parameters}/ChallengeFormat`)).toEqual({
      Encoding: 'DECIMAL',
      Min: '1',
      Max: '8',
      CheckDigits: 'true',
    });
    expect(attributesAt(root, `${parameters}/ResponseFormat`)).toEqual({
      Encoding: 'DECIMAL',
      Length: '8',
      CheckDigits: 'true',
    });
    expect(textAt(root, `${data}/Counter/PlainValue`)).toBe('7');
  });

  it.each([
    ['OCRA-1:HOTP-SHA1-0:QH40', 'HEXADECIMAL', 'HEXADECIMAL', '40'],
    ['OCRA-1:HOTP-SHA256-6:QA10-T1M', 'ALPHANUMERIC', 'DECIMAL', '6'],
  ])('says how challenge and response of %s are written', async (suite, asked, shown, length) => {
    const root = await written([suite, { usages: ['CR'] }]);
    expect(attributesAt(root, `${parameters}/ChallengeFormat`)).toMatchObject({ Encoding: asked });
    expect(attributesAt(root, `${parameters}/ResponseFormat`)).toEqual({
      Encoding: shown,
      Length: length,
    });
  });

  it('keeps the fixed question of a suite that nobody types one for', async () => {
    const root = await written(['OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000']);
    expect(all(root, `${parameters}/ChallengeFormat`)).toEqual([]);
    expect(all(root, `${parameters}/Extensions/FixedQuestion`)).toMatchObject([
      { namespace: pskcNamespaces.tallystick, text: '00000000' },
    ]);
    expect(textAt(root, `${data}/TimeInterval/PlainValue`)).toBe('30');
  });

  it('says what the device asks of its PIN', async () => {
    const pinPolicy = {
      usageMode: 'Local',
      maxFailedAttempts: 5,
      minLength: 4,
      maxLength: 8,
      encoding: 'DECIMAL',
      pinKeyId: 'PIN',
    } as const;
    const root = await written(['HOTP-SHA1-6', { pinPolicy }]);
    expect(attributesAt(root, 'KeyPackage/Key/Policy/PINPolicy')).toEqual({
      PINKeyId: 'PIN',
      PINUsageMode: 'Local',
      MaxFailedAttempts: '5',
      MinLength: '4',
      MaxLength: '8',
      PINEncoding: 'DECIMAL',
    });
  });

  it('has a package for every key, in order', async () => {
    const root = await written(['HOTP-SHA1-6', { id: 'B/1' }], ['HOTP-SHA1-6', { id: 'A/1' }]);
    expect(
      all(root, 'KeyPackage/Key').map(({ attributes }) => attributes.map(({ value }) => value)),
    ).toEqual([
      ['B/1', pskcAlgorithms.hotp],
      ['A/1', pskcAlgorithms.hotp],
    ]);
  });

  it('asks for a key when it writes it, not before, and keeps none', async () => {
    let asked = 0;
    function* many(): Generator<KeyFileKey> {
      for (; asked < 20_000; asked += 1) yield keyOf('HOTP-SHA1-6', { id: `${asked}` });
    }
    let pieces = 0;
    let longest = 0;
    for await (const piece of writePskc(many(), preSharedKey())) {
      pieces += 1;
      longest = Math.max(longest, piece.length);
      expect(asked).toBeLessThanOrEqual(pieces);
    }
    expect(pieces).toBeGreaterThanOrEqual(20_000);
    expect(longest).toBeLessThan(2000);
  });

  it('escapes names that are hostile, and keeps them as they are', async () => {
    const hostile = `"/><Key Id='x'>&lt;<![CDATA[]]>]]>\n\t{{7*7}}\u202E`;
    const root = await written([
      'HOTP-SHA1-6',
      {
        id: hostile,
        issuer: hostile,
        userId: hostile,
        applicationName: hostile,
        device: { serial: hostile, manufacturer: hostile, model: hostile },
      },
    ]);
    expect(root.children.length).toBe(1);
    expect(attributesAt(root, 'KeyPackage/Key')?.['Id']).toBe(hostile);
    for (const name of ['Key/Issuer', 'Key/UserId', 'Key/FriendlyName', 'DeviceInfo/SerialNo']) {
      expect(textAt(root, `KeyPackage/${name}`), name).toBe(hostile);
    }
  });
});

describe('encrypted PSKC', () => {
  it('gives the ciphertexts and the MAC of RFC 6030 figure 6', async () => {
    const ciphers = ciphersWith(
      '1122334455667788990011223344556677889900',
      '11223344556677889900112233445566',
      '000102030405060708090a0b0c0d0e0f',
    );
    const text = await textOf(writePskc([keyOf('HOTP-SHA1-8')], preSharedKey({ ciphers })));
    const root = parsed(text);
    expect(textAt(root, 'EncryptionKey/KeyName')).toBe('Pre-shared-key');
    expect(attributesAt(root, 'MACMethod')).toEqual({ Algorithm: macAlgorithms.SHA1 });
    const method = { Algorithm: 'http://www.w3.org/2001/04/xmlenc#aes128-cbc' };
    expect(attributesAt(root, 'MACMethod/MACKey/EncryptionMethod')).toEqual(method);
    expect(textAt(root, 'MACMethod/MACKey/CipherData/CipherValue')).toBe(
      'ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX',
    );
    expect(attributesAt(root, `${data}/Secret/EncryptedValue/EncryptionMethod`)).toEqual(method);
    expect(textAt(root, `${data}/Secret/EncryptedValue/CipherData/CipherValue`)).toBe(
      'AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv',
    );
    expect(textAt(root, `${data}/Secret/ValueMAC`)).toBe('Su+NvtQfmvfJzF6bmQiJqoLRExc=');
    expect(text).not.toContain('PlainValue>MTIz');
  });

  it('takes a key of 256 bits and another hash under the MAC', async () => {
    const key = fromHex('ab'.repeat(32));
    const macKey = '5c'.repeat(32);
    const protection = preSharedKey({ key, macHash: 'SHA256', ciphers: ciphersWith(macKey) });
    const root = parsed(await textOf(writePskc([keyOf('HOTP-SHA1-6')], protection)));
    expect(attributesAt(root, 'MACMethod')).toEqual({ Algorithm: macAlgorithms.SHA256 });
    const value = `${data}/Secret/EncryptedValue`;
    expect(attributesAt(root, `${value}/EncryptionMethod`)).toEqual({
      Algorithm: encryptionAlgorithms.cbc[32],
    });
    const bytes = Buffer.from(textAt(root, `${value}/CipherData/CipherValue`) ?? '', 'base64');
    const decipher = createDecipheriv('aes-256-cbc', key, bytes.subarray(0, 16));
    const opened = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]);
    expect(new Uint8Array(opened)).toEqual(seed);
    const mac = createHmac('sha256', fromHex(macKey)).update(bytes).digest('base64');
    expect(textAt(root, `${data}/Secret/ValueMAC`)).toBe(mac);
  });

  it('wraps as RFC 3394 section 4.1 does', async () => {
    const protection = preSharedKey({
      mode: 'key-wrap',
      key: fromHex('000102030405060708090a0b0c0d0e0f'),
    });
    const secret = fromHex('00112233445566778899aabbccddeeff');
    const root = parsed(await textOf(writePskc([keyOf('HOTP-SHA1-6', { secret })], protection)));
    expect(all(root, 'MACMethod')).toEqual([]);
    const value = `${data}/Secret/EncryptedValue`;
    expect(attributesAt(root, `${value}/EncryptionMethod`)).toEqual({
      Algorithm: 'http://www.w3.org/2001/04/xmlenc#kw-aes128',
    });
    const wrapped = Buffer.from(textAt(root, `${value}/CipherData/CipherValue`) ?? '', 'base64');
    expect(wrapped.toString('hex')).toBe('1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
  });

  it('never uses an IV or a MAC key twice, and forgets the MAC key', async () => {
    const drawn: Uint8Array[] = [];
    const ciphers = ciphersWith();
    const counting = {
      ...ciphers,
      randomBytes: (length: number) => {
        const bytes = new Uint8Array(length).fill(drawn.length + 1);
        drawn.push(bytes);
        return bytes;
      },
    };
    const keys = ['A', 'B', 'C'].map((id) => keyOf('HOTP-SHA1-6', { id }));
    const root = parsed(await textOf(writePskc(keys, preSharedKey({ ciphers: counting }))));
    const values = all(root, `${data}/Secret/EncryptedValue/CipherData/CipherValue`);
    expect(new Set(values.map(({ text }) => text)).size).toBe(3);
    expect(drawn.map(({ length }) => length)).toEqual([20, 16, 16, 16, 16]);
    expect(drawn[0]).toEqual(new Uint8Array(20));
  });

  it('forgets the MAC key also when the reader of the text goes away', async () => {
    const macKey = new Uint8Array(20).fill(1);
    const ciphers = {
      ...ciphersWith(),
      randomBytes: (length: number) => (length === 20 ? macKey : new Uint8Array(length)),
    };
    for await (const piece of writePskc([keyOf('HOTP-SHA1-6')], preSharedKey({ ciphers }))) {
      if (piece.includes('<MACMethod')) break;
    }
    expect(macKey).toEqual(new Uint8Array(20));
  });
});

describe('PSKC refuses', () => {
  it.each([
    ['HMAC-SHA1-CR', {}, 'algorithm'],
    ['HOTP-SHA1-10', {}, 'digits'],
    ['TOTP-SHA1-6-30S-T0=30', {}, 'time-origin'],
    ['HOTP-SHA1-6', { eventCounter: 2n ** 63n }, 'counter'],
    ['HOTP-SHA1-6', { eventCounter: undefined }, 'counter'],
    ['TOTP-SHA1-6-1S', { timeDriftSteps: 2 ** 31 }, 'time-drift'],
    ['HOTP-SHA1-6', { secret: new Uint8Array(15) }, 'secret-length'],
    ['HOTP-SHA1-6', { challengeCheckDigit: true }, 'check-digit'],
    ['OCRA-1:HOTP-SHA1-6:QH08', { challengeCheckDigit: true }, 'check-digit'],
    ['OCRA-1:HOTP-SHA1-0:QN08', { responseCheckDigit: true }, 'check-digit'],
  ] as const)('%s with %o', async (algorithm, parts, code) => {
    const refusal = await refusalOf(writePskc([keyOf(algorithm, parts)], plain));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(/^VT00000001\/APPLI: /);
  });

  it.each([
    ['HOTP-SHA1-9', {}],
    ['TOTP-SHA1-10-30S', {}],
    ['HOTP-SHA1-6', { eventCounter: 2n ** 63n - 1n }],
    ['HOTP-SHA1-6', { secret: new Uint8Array(16) }],
  ] as const)('not %s with %o', async (algorithm, parts) => {
    const refusal = await refusalOf(writePskc([keyOf(algorithm, parts)], plain));
    expect(refusal.code).toBe('none');
  });

  it('a seed that AES key wrap does not take', async () => {
    const wrap = preSharedKey({ mode: 'key-wrap' });
    expect((await refusalOf(writePskc([keyOf('HOTP-SHA1-6')], wrap))).code).toBe('secret-length');
    const even = keyOf('HOTP-SHA1-6', { secret: new Uint8Array(24) });
    expect((await refusalOf(writePskc([even], wrap))).code).toBe('none');
  });

  it('no keys at all', async () => {
    expect((await refusalOf(writePskc([], plain))).code).toBe('no-keys');
  });

  it.each([0, 15, 24, 33])('a key of %i bytes to encrypt with', async (length) => {
    const protection = preSharedKey({ key: new Uint8Array(length) });
    const refusal = await refusalOf(writePskc([keyOf('HOTP-SHA1-6')], protection));
    expect(refusal.code).toBe('protection');
  });

  it('without a word of the seed, or a control character of the id', async () => {
    const secret = Buffer.from('a-seed-of-15-by');
    const id = `\u001B[31mred\n${'x'.repeat(100)}`;
    const { message } = await refusalOf(writePskc([keyOf('HOTP-SHA1-6', { secret, id })], plain));
    expect(message).not.toContain(secret.toString());
    expect(message).not.toContain(secret.toString('base64'));
    expect(message).not.toContain(secret.toString('hex'));
    expect(message).toMatch(/^\?\[31mred\?x+\.\.\.: /);
  });
});
