import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attributesOf, codesOf, envelope, faultOf, type SoapWorld, startSoap } from './support.ts';

const signature = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Signature';
const attributes = {
  SIGNFLD_COMPONENT_TYPE: 'Bank',
  SIGNFLD_USERID: 'jane',
  SIGNFLD_SIGNATURE: '12345678',
};
const accepted = {
  outcome: 'signature-accepted',
  userName: 'Jane',
  domainName: 'master',
  organisationalUnit: null,
  serial: 'VT00000001',
  applicationName: 'SIGN',
};

let world: SoapWorld;

beforeAll(async () => {
  world = await startSoap({ verifySignature: accepted });
});
afterAll(() => world.stop());
beforeEach(() => {
  world.reached.length = 0;
  world.answers.verifySignature = accepted;
});

function requestOf(
  given: Readonly<Record<string, string>>,
  dataFields: readonly (readonly [string, string])[] | null,
): string {
  const set = Object.entries(given).map(
    ([id, value]) =>
      `<attributes><value>${value}</value><attributeID>${id}</attributeID></attributes>`,
  );
  const list = dataFields?.map(
    ([key, value]) => `<dataField><key>${key}</key><value>${value}</value></dataField>`,
  );
  const listed = list === undefined ? '' : `<dataFieldList>${list.join('')}</dataFieldList>`;
  return envelope(
    `<a:authSignature><attributeSet>${set.join('')}</attributeSet>${listed}</a:authSignature>`,
    signature,
  );
}

const two = [
  ['1', '4711'],
  ['2', 'abc'],
] as const;

describe('authSignature', () => {
  it('asks for the values in their order, and answers who signed', async () => {
    const answer = await world.post(requestOf({ ...attributes, SIGNFLD_DOMAIN: 'd' }, two));
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(attributesOf(answer)).toEqual({
      SIGNFLD_USERID: 'Jane',
      SIGNFLD_DOMAIN: 'master',
      SIGNFLD_SERIAL_NO: 'VT00000001',
    });
    expect(answer.body).toContain('SIGNATURE-TYPES:authSignatureResponse');
    expect(world.reached).toMatchObject([
      {
        method: 'verifySignature',
        args: [
          { componentType: 'Bank', keyId: null },
          {
            userName: 'jane',
            domainName: 'd',
            signature: '12345678',
            fields: ['4711', 'abc'],
            serial: null,
            applicationName: null,
            requestKey: null,
          },
        ],
      },
    ]);
  });

  it.each([
    ['Optional', 'optional'],
    ['2', 'required'],
    [null, 'none'],
  ])('asks for a host code as %s, and answers it', async (sent, hostCode) => {
    world.answers.verifySignature = { ...accepted, hostCode: '654321' };
    const wish = sent === null ? {} : { SIGNFLD_REQUEST_CONFIRM_CODE: sent };
    const answer = await world.post(requestOf({ ...attributes, ...wish }, two));
    expect(attributesOf(answer)).toMatchObject({ SIGNFLD_CONFIRM_CODE: '654321' });
    expect(world.reached[0]?.args[1]).toMatchObject({ hostCode });
  });

  it('tells that a signature was right without the host code that was required', async () => {
    world.answers.verifySignature = { outcome: 'refused', code: 'host-code-none' };
    const wish = { ...attributes, SIGNFLD_REQUEST_CONFIRM_CODE: 'Required' };
    expect(codesOf(await world.post(requestOf(wish, two)))[1]).toBe('STAT_DPERROR');
  });

  it.each([
    ['response-incorrect', 'STAT_OTP_INCORRECT', '1012'],
    ['response-replayed', 'STAT_OTP_ALREADY_USED', '1008'],
    ['user-locked', 'STAT_LOCKED', '1007'],
    ['refused', 'STAT_INVCREDENTIALS', '1000'],
  ])('tells %s as %s', async (code, status, number) => {
    world.answers.verifySignature = { outcome: 'refused', code };
    const answer = await world.post(requestOf(attributes, two));
    expect(codesOf(answer)).toEqual(['RET_FAILURE', status, '-1', number]);
    expect(attributesOf(answer)).toMatchObject({ SIGNFLD_USERID: 'jane' });
    expect(attributesOf(answer)['SIGNFLD_STATUS_MESSAGE']).toMatch(/\.$/);
  });

  it.each<[string, Readonly<Record<string, string>>, typeof two | null | readonly [], string]>([
    ['without data fields', attributes, null, 'STAT_MISSINGFLD'],
    ['with an empty list of them', attributes, [], 'STAT_MISSINGFLD'],
    ['without signature', { ...attributes, SIGNFLD_SIGNATURE: '' }, two, 'STAT_MISSINGFLD'],
    ['with a request key', { ...attributes, SIGNFLD_REQUEST_KEY: '1' }, two, 'STAT_INVDATA'],
    [
      'with another wish for a host code',
      { ...attributes, SIGNFLD_REQUEST_CONFIRM_CODE: 'always' },
      two,
      'STAT_INVDATA',
    ],
  ])('%s asks nobody', async (_name, given, list, status) => {
    const answer = await world.post(requestOf(given, list));
    expect(codesOf(answer)[1]).toBe(status);
    expect(world.reached).toEqual([]);
  });

  it('takes the fields as attributes, by their numbers', async () => {
    const sent = { SIGNFLD_DATA_FIELD_2: 'abc', ...attributes, SIGNFLD_DATA_FIELD_1: '4711' };
    expect(codesOf(await world.post(requestOf(sent, null)))[1]).toBe('STAT_SUCCESS');
    expect(world.reached[0]?.args[1]).toMatchObject({ fields: ['4711', 'abc'] });
  });

  it('takes them from a program that knows nothing of a list, byte for byte', async () => {
    const body = `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:sig="http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Signature">
  <SOAP-ENV:Header/>
  <SOAP-ENV:Body>
    <sig:authSignature>
      <attributeSet>${[
        ...Object.entries(attributes),
        ...Array.from({ length: 8 }, (_, index) => [`SIGNFLD_DATA_FIELD_${index + 1}`, `${index}`]),
      ]
        .map(
          ([id, value]) => `
        <attributes>
          <value xsi:type="xsd:string">${value}</value>
          <attributeID>${id}</attributeID>
        </attributes>`,
        )
        .join('')}
      </attributeSet>
    </sig:authSignature>
  </SOAP-ENV:Body>
</SOAP-ENV:Envelope>
`;
    expect(codesOf(await world.post(body))).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    expect(world.reached[0]?.args[1]).toMatchObject({
      fields: ['0', '1', '2', '3', '4', '5', '6', '7'],
    });
  });

  it('takes a set and a list whose elements have the namespace of the operation', async () => {
    const body = requestOf(attributes, two)
      .replace('<a:authSignature>', `<authSignature xmlns="${signature}">`)
      .replace('</a:authSignature>', '</authSignature>');
    expect(codesOf(await world.post(body))[1]).toBe('STAT_SUCCESS');
  });

  it.each<[string, Readonly<Record<string, string>>, typeof two | null | readonly []]>([
    [
      'empty attributes behind the last',
      { SIGNFLD_DATA_FIELD_1: '4711', SIGNFLD_DATA_FIELD_8: '' },
      null,
    ],
    ['an empty list', { SIGNFLD_DATA_FIELD_1: '4711' }, []],
  ])('takes no notice of %s', async (_name, given, list) => {
    await world.post(requestOf({ ...attributes, ...given }, list));
    expect(world.reached[0]?.args[1]).toMatchObject({ fields: ['4711'] });
  });

  it('takes the list beside attributes that are all empty', async () => {
    await world.post(requestOf({ ...attributes, SIGNFLD_DATA_FIELD_1: '' }, two));
    expect(world.reached[0]?.args[1]).toMatchObject({ fields: ['4711', 'abc'] });
  });

  it.each<[string, Readonly<Record<string, string>>, typeof two | null, string, RegExp]>([
    ['in both forms', { SIGNFLD_DATA_FIELD_1: '4711' }, two, 'STAT_INVDATA', /not both/],
    [
      'with a gap',
      { SIGNFLD_DATA_FIELD_1: '1', SIGNFLD_DATA_FIELD_2: '', SIGNFLD_DATA_FIELD_3: '3' },
      null,
      'STAT_MISSINGFLD',
      /^SIGNFLD_DATA_FIELD_2 must be given/,
    ],
    [
      'without the first',
      { SIGNFLD_DATA_FIELD_2: '2' },
      null,
      'STAT_MISSINGFLD',
      /^SIGNFLD_DATA_FIELD_1 must be given/,
    ],
    [
      'with a ninth',
      { SIGNFLD_DATA_FIELD_1: '1', SIGNFLD_DATA_FIELD_9: '9' },
      null,
      'STAT_INVDATA',
      /SIGNFLD_DATA_FIELD_1 to SIGNFLD_DATA_FIELD_8/,
    ],
    ['with a ninth beside a list', { SIGNFLD_DATA_FIELD_9: '9' }, two, 'STAT_INVDATA', /no others/],
    [
      'with one that is too long',
      { SIGNFLD_DATA_FIELD_1: 'a'.repeat(1025) },
      null,
      'STAT_INVDATA',
      /^SIGNFLD_DATA_FIELD_1 must be at most 1024 characters/,
    ],
    [
      'for a request that waits',
      { SIGNFLD_DATA_FIELD_1: '1', SIGNFLD_REQUEST_KEY: '1' },
      null,
      'STAT_INVDATA',
      /^SIGNFLD_REQUEST_KEY/,
    ],
  ])('data fields %s ask nobody', async (_name, given, list, status, text) => {
    const answer = await world.post(requestOf({ ...attributes, ...given }, list));
    expect(codesOf(answer)[1]).toBe(status);
    expect(attributesOf(answer)['SIGNFLD_STATUS_MESSAGE']).toMatch(text);
    expect(world.reached).toEqual([]);
  });

  it.each([
    ['a key twice', [two[0], two[0]]],
    ['a key that is empty', [['', '1']]],
    ['nine fields', Array.from({ length: 9 }, (_, index) => [String(index), '1'])],
  ] as [string, (readonly [string, string])[]][])('with %s is a fault', async (_name, list) => {
    expect(faultOf(await world.post(requestOf(attributes, list)))).toMatchObject({});
    expect(world.reached).toEqual([]);
  });

  it('is described', async () => {
    const { status, body } = await world.get('/wsdl/signature.wsdl', { Host: 'localhost:8888' });
    expect(status).toBe(200);
    expect(body).toContain('<xsd:element name="authSignature">');
    expect(body).toContain(`targetNamespace="${signature}"`);
    expect(body).toContain('name="dataFieldList" type="tns:DataFieldList" minOccurs="0"');
  });
});
