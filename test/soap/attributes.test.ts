import { describe, expect, it } from 'vitest';
import {
  type AttributeKind,
  createFieldReader,
  parseValue,
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

describe('the value of an attribute', () => {
  const name: AttributeKind = { type: 'string', charactersMax: 4, isName: true };
  const text: AttributeKind = { type: 'string', charactersMax: 4, isName: false };
  it.each<[AttributeKind, string, unknown]>([
    [name, 'jane', 'jane'],
    [name, 'janes', undefined],
    [name, 'a\nb', undefined],
    [name, 'a\u2028b', undefined],
    [text, 'a\nb', 'a\nb'],
    [{ type: 'unsignedInt' }, ' 4 ', 4],
    [{ type: 'unsignedInt' }, '4294967295', 4_294_967_295],
    [{ type: 'unsignedInt' }, '4294967296', undefined],
    [{ type: 'unsignedInt' }, '-1', undefined],
    [{ type: 'unsignedInt' }, '0x4', undefined],
    [{ type: 'boolean' }, 'true', true],
    [{ type: 'boolean' }, '1', true],
    [{ type: 'boolean' }, 'false', false],
    [{ type: 'boolean' }, '0', false],
    [{ type: 'boolean' }, 'TRUE', undefined],
    [{ type: 'dateTime' }, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    [{ type: 'dateTime' }, '2026-01-02T03:04:05.123+01:00', '2026-01-02T03:04:05.123+01:00'],
    [{ type: 'dateTime' }, '2026-13-02T03:04:05Z', undefined],
    [{ type: 'dateTime' }, 'yesterday', undefined],
  ])('of %o: %j is %j', (kind, sent, value) => {
    expect(parseValue(kind, sent)).toBe(value);
  });
});
