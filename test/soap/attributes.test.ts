import { describe, expect, it } from 'vitest';
import {
  type AttributeId,
  createFieldReader,
  fieldProblem,
  readAttributeSet,
} from '../../src/soap/attributes.ts';
import { parseXml } from '../../src/xml.ts';

const limits = {
  bytesMax: 10_000,
  depthMax: 8,
  elementsMax: 100,
  attributesMax: 8,
  textCharactersMax: 5_000,
};
const read = (inside: string) =>
  readAttributeSet(
    parseXml(
      Buffer.from(`<set xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${inside}</set>`),
      limits,
    ),
  );
const user = (inside: string): string | null | undefined =>
  createFieldReader(read(`<attributes>${inside}</attributes>`)).text('CREDFLD_USERID');

const id = '<attributeID>CREDFLD_USERID</attributeID>';

describe('the attribute set', () => {
  it.each([
    ['value first', `<value>jane</value>${id}`],
    ['value last', `${id}<value>jane</value>`],
    ['options first and empty', `<attributeOptions/><value>jane</value>${id}`],
    ['options in the middle', `${id}<attributeOptions></attributeOptions><value>jane</value>`],
    [
      'a masked one',
      `<attributeOptions><masked>true</masked></attributeOptions><value>jane</value>${id}`,
    ],
    [
      'options in capitals',
      `<attributeOptions><MASKED>1</MASKED></attributeOptions><value>jane</value>${id}`,
    ],
    ['a type', `<value xsi:type="xsd:int">jane</value>${id}`],
    [
      'a type with a prefix that nobody declared',
      `<value xsi:type="BASIC-TYPES:X">jane</value>${id}`,
    ],
    ['comments', `<!-- a --><value>ja<!-- b -->ne</value><!-- c -->${id}`],
    ['blanks around the ID', `<value>jane</value><attributeID>\n CREDFLD_USERID </attributeID>`],
  ])('reads %s', (_name, inside) => {
    expect(user(inside)).toBe('jane');
  });

  it.each([
    ['an empty value', `<value></value>${id}`],
    ['no value', id],
    ['a null', `<attributeOptions><null>true</null></attributeOptions><value>jane</value>${id}`],
    ['a NULL', `<attributeOptions><NULL>1</NULL></attributeOptions><value>jane</value>${id}`],
  ])('takes %s for an absent attribute', (_name, inside) => {
    expect(user(inside)).toBeNull();
  });

  it('keeps the blanks of a value', () => {
    expect(user(`<value> jane </value>${id}`)).toBe(' jane ');
  });

  it('takes no part in the search for what is not equal', () => {
    const options = '<attributeOptions><negative>true</negative></attributeOptions>';
    const fields = createFieldReader(
      read(`<attributes>${options}<value>jane</value>${id}</attributes>`),
    );
    expect(fields.mandatoryText('CREDFLD_USERID')).toBe('');
    expect(fields.problem()).toMatchObject({ code: 'field-invalid' });
  });

  it('ignores what programs add without meaning anything', () => {
    expect(read('<fieldSet/><adminDomainInfoList><adminDomains/></adminDomainInfoList>').size).toBe(
      0,
    );
  });

  const attribute = `<attributes><value>jane</value>${id}</attributes>`;
  it.each([
    ['a duplicate', attribute + attribute],
    ['a duplicate that is empty', attribute + `<attributes>${id}</attributes>`],
    ['a duplicate of an empty one', `<attributes>${id}</attributes>` + attribute],
    ['another element', '<attribute/>'],
    ['another part', `<attributes><values>x</values>${id}</attributes>`],
    ['a part from elsewhere', `<attributes><v:value xmlns:v="urn:v">x</v:value>${id}</attributes>`],
    ['two values', `<attributes><value>a</value><value>b</value>${id}</attributes>`],
    ['no ID', '<attributes><value>a</value></attributes>'],
    ['an empty ID', '<attributes><value>a</value><attributeID> </attributeID></attributes>'],
    ['elements in a value', `<attributes><value><b>x</b></value>${id}</attributes>`],
    ['text between elements', `<attributes>x<value>a</value>${id}</attributes>`],
    ['another option', `<attributes><attributeOptions><x/></attributeOptions>${id}</attributes>`],
    [
      'a doubtful option',
      `<attributes><attributeOptions><null>yes</null></attributeOptions>${id}</attributes>`,
    ],
  ])('refuses %s without quoting it', (_name, inside) => {
    expect(() => read(inside)).toThrow(
      expect.objectContaining({ code: 'request-malformed' }) as Error,
    );
    try {
      read(inside);
    } catch (error) {
      expect((error as Error).message).not.toMatch(/jane|yes/);
    }
  });
});

describe('a field', () => {
  const long = 'x'.repeat(256);
  it.each<[AttributeId, string, string | null]>([
    ['CREDFLD_USERID', 'jane', null],
    ['CREDFLD_USERID', 'x'.repeat(255), null],
    ['CREDFLD_USERID', long, 'must be at most 255 characters, without control characters.'],
    ['CREDFLD_USERID', 'a\nb', 'must be at most 255 characters, without control characters.'],
    ['CREDFLD_USERID', 'a\u2028b', 'must be at most 255 characters, without control characters.'],
    ['CREDFLD_PASSWORD', 'a\nb', null],
    ['CREDFLD_PASSWORD', 'x'.repeat(1025), 'must be at most 1024 characters.'],
    ['CREDFLD_CHALLENGE_KEY', '0123456789', null],
    ['CREDFLD_CHALLENGE_KEY', '012345678', 'must be the 10 digits of a key that was issued.'],
    ['CREDFLD_CHALLENGE_KEY', '0'.repeat(300), 'must be the 10 digits of a key that was issued.'],
    ['CREDFLD_CHALLENGE_KEY', ' 0123456789', 'must be the 10 digits of a key that was issued.'],
    ['CREDFLD_CHALLENGE_KEY', 'ABCDEFGHIJ', 'must be the 10 digits of a key that was issued.'],
    ['CREDFLD_PASSWORD_FORMAT', ' 4 ', null],
    ['CREDFLD_PASSWORD_FORMAT', '4294967295', null],
    ['CREDFLD_PASSWORD_FORMAT', '4294967296', 'must be of the type unsignedInt.'],
    ['CREDFLD_PASSWORD_FORMAT', '-1', 'must be of the type unsignedInt.'],
    ['CREDFLD_PASSWORD_FORMAT', '0x4', 'must be of the type unsignedInt.'],
    ['CREDFLD_LAST_LOGON_TIME', '2026-01-02T03:04:05Z', 'must be of the type dateTime.'],
  ])('%s: %j %s', (attributeId, sent, wrong) => {
    const problem = wrong === null ? null : { code: 'field-invalid', text: `it ${wrong}` };
    expect(fieldProblem('it', attributeId, sent, true)).toEqual(problem);
  });

  it('may be missing where it need not be given', () => {
    const missing = { code: 'field-missing', text: 'it must be given.' };
    expect(fieldProblem('it', 'CREDFLD_USERID', '', true)).toEqual(missing);
    expect(fieldProblem('it', 'CREDFLD_USERID', '', false)).toBeNull();
  });

  it('is a number where one is asked for', () => {
    const format = (value: string): number =>
      createFieldReader(
        read(
          `<attributes><value>${value}</value><attributeID>CREDFLD_PASSWORD_FORMAT</attributeID></attributes>`,
        ),
      ).mandatoryNumber('CREDFLD_PASSWORD_FORMAT');
    expect([' 4 ', '+0', '4294967295', '', '4x', '-1'].map(format)).toEqual([
      4,
      0,
      4_294_967_295,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });

  it('is refused when it asks for what is not equal', () => {
    const reader = createFieldReader(
      read(
        `<attributes><attributeOptions><negative>true</negative></attributeOptions><value>jane</value>${id}</attributes>`,
      ),
    );
    expect(reader.text('CREDFLD_USERID')).toBeNull();
    expect(reader.problem()).toEqual({
      code: 'field-invalid',
      text: 'CREDFLD_USERID must not be negative.',
    });
  });
});
