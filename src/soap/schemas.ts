import { namespaces } from './namespaces.ts';
import { returnNames, statusNames } from './codes.ts';

/**
 * The types that both interfaces share, as XML Schema; written for Tallystick from what is said on
 * the wire. Children have no namespace. A `value` is a string to whoever makes a request, so that
 * no `xsi:type` is needed; in responses the `xsi:type` says more.
 */

/** A named type of elements in their order, or with an empty name the type of the element around it. */
export function complexType(name: string, elements: readonly string[]): string {
  const named = name === '' ? '' : ` name="${name}"`;
  return `<xsd:complexType${named}><xsd:sequence>${elements.join('')}</xsd:sequence></xsd:complexType>`;
}

/** An element that is there once. */
export function element(name: string, type: string): string {
  return `<xsd:element name="${name}" type="${type}"/>`;
}

/** An element that may be missing. */
export function optional(name: string, type: string): string {
  return `<xsd:element name="${name}" type="${type}" minOccurs="0"/>`;
}

/** An element that may be there any number of times. */
export function anyNumber(name: string, type: string): string {
  return `<xsd:element name="${name}" type="${type}" minOccurs="0" maxOccurs="unbounded"/>`;
}

/** What a result consists of: `BasicTypes.xsd`. */
export function basicTypesSchema(): string {
  return schemaDocument(namespaces.basicTypes, '', [
    enumeration('ReturnCodeEnum', returnNames),
    enumeration('StatusCodeEnum', statusNames),
    complexType('ResultCodes', [
      element('returnCodeEnum', 'tns:ReturnCodeEnum'),
      element('statusCodeEnum', 'tns:StatusCodeEnum'),
      element('returnCode', 'xsd:int'),
      element('statusCode', 'xsd:int'),
    ]),
    complexType('Error', [element('errorCode', 'xsd:int'), element('errorDesc', 'xsd:string')]),
    complexType('ErrorStack', [anyNumber('errors', 'tns:Error')]),
    complexType('CommandStatusResponse', [
      element('resultCodes', 'tns:ResultCodes'),
      element('errorStack', 'tns:ErrorStack'),
    ]),
  ]);
}

/** Attribute sets and what answers them: `CredentialTypes.xsd`. */
export function credentialTypesSchema(): string {
  return schemaDocument(namespaces.credentialTypes, ` xmlns:basic="${namespaces.basicTypes}"`, [
    `<xsd:import namespace="${namespaces.basicTypes}" schemaLocation="BasicTypes.xsd"/>`,
    complexType('AttributeOptions', [
      optional('null', 'xsd:boolean'),
      optional('negative', 'xsd:boolean'),
      optional('masked', 'xsd:boolean'),
    ]),
    complexType('CredentialAttribute', [
      optional('attributeOptions', 'tns:AttributeOptions'),
      optional('value', 'xsd:string'),
      element('attributeID', 'xsd:string'),
    ]),
    complexType('CredentialAttributeSet', [anyNumber('attributes', 'tns:CredentialAttribute')]),
    complexType('CredentialResults', [
      element('resultCodes', 'basic:ResultCodes'),
      element('resultAttribute', 'tns:CredentialAttributeSet'),
      element('errorStack', 'basic:ErrorStack'),
    ]),
  ]);
}

function schemaDocument(
  namespace: string,
  moreNamespaces: string,
  content: readonly string[],
): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<xsd:schema xmlns:xsd="${namespaces.schema}" xmlns:tns="${namespace}"${moreNamespaces}
    targetNamespace="${namespace}" elementFormDefault="unqualified">
  ${content.join('\n  ')}
</xsd:schema>
`;
}

function enumeration(name: string, values: readonly string[]): string {
  const lines = values.map((value) => `      <xsd:enumeration value="${value}"/>`);
  return `<xsd:simpleType name="${name}">
    <xsd:restriction base="xsd:string">
${lines.join('\n')}
    </xsd:restriction>
  </xsd:simpleType>`;
}
