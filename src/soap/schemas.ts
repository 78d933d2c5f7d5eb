import { namespaces } from './namespaces.ts';
import { returnNames, statusNames } from './result-codes.ts';

/**
 * The types that both interfaces share, as XML Schema; written for Tallystick from what is said on
 * the wire. Children have no namespace. A `value` is a string to whoever makes a request, so that
 * no `xsi:type` is needed; in responses the `xsi:type` says more.
 */

const declaration = '<?xml version="1.0" encoding="UTF-8"?>';

export function basicTypesSchema(): string {
  return `${declaration}
<xsd:schema xmlns:xsd="${namespaces.schema}" xmlns:tns="${namespaces.basicTypes}"
    targetNamespace="${namespaces.basicTypes}" elementFormDefault="unqualified">
  ${enumeration('ReturnCodeEnum', returnNames)}
  ${enumeration('StatusCodeEnum', statusNames)}
  <xsd:complexType name="ResultCodes">
    <xsd:sequence>
      <xsd:element name="returnCodeEnum" type="tns:ReturnCodeEnum"/>
      <xsd:element name="statusCodeEnum" type="tns:StatusCodeEnum"/>
      <xsd:element name="returnCode" type="xsd:int"/>
      <xsd:element name="statusCode" type="xsd:int"/>
    </xsd:sequence>
  </xsd:complexType>
  <xsd:complexType name="Error">
    <xsd:sequence>
      <xsd:element name="errorCode" type="xsd:int"/>
      <xsd:element name="errorDesc" type="xsd:string"/>
    </xsd:sequence>
  </xsd:complexType>
  <xsd:complexType name="ErrorStack">
    <xsd:sequence>
      <xsd:element name="errors" type="tns:Error" minOccurs="0" maxOccurs="unbounded"/>
    </xsd:sequence>
  </xsd:complexType>
  <xsd:complexType name="CommandStatusResponse">
    <xsd:sequence>
      <xsd:element name="resultCodes" type="tns:ResultCodes"/>
      <xsd:element name="errorStack" type="tns:ErrorStack"/>
    </xsd:sequence>
  </xsd:complexType>
</xsd:schema>
`;
}

export function credentialTypesSchema(): string {
  return `${declaration}
<xsd:schema xmlns:xsd="${namespaces.schema}" xmlns:tns="${namespaces.credentialTypes}"
    xmlns:basic="${namespaces.basicTypes}"
    targetNamespace="${namespaces.credentialTypes}" elementFormDefault="unqualified">
  <xsd:import namespace="${namespaces.basicTypes}" schemaLocation="BasicTypes.xsd"/>
  <xsd:complexType name="AttributeOptions">
    <xsd:sequence>
      <xsd:element name="null" type="xsd:boolean" minOccurs="0"/>
      <xsd:element name="negative" type="xsd:boolean" minOccurs="0"/>
      <xsd:element name="masked" type="xsd:boolean" minOccurs="0"/>
    </xsd:sequence>
  </xsd:complexType>
  <xsd:complexType name="CredentialAttribute">
    <xsd:sequence>
      <xsd:element name="attributeOptions" type="tns:AttributeOptions" minOccurs="0"/>
      <xsd:element name="value" type="xsd:string" minOccurs="0"/>
      <xsd:element name="attributeID" type="xsd:string"/>
    </xsd:sequence>
  </xsd:complexType>
  <xsd:complexType name="CredentialAttributeSet">
    <xsd:sequence>
      <xsd:element name="attributes" type="tns:CredentialAttribute" minOccurs="0"
          maxOccurs="unbounded"/>
    </xsd:sequence>
  </xsd:complexType>
  <xsd:complexType name="CredentialResults">
    <xsd:sequence>
      <xsd:element name="resultCodes" type="basic:ResultCodes"/>
      <xsd:element name="resultAttribute" type="tns:CredentialAttributeSet"/>
      <xsd:element name="errorStack" type="basic:ErrorStack"/>
    </xsd:sequence>
  </xsd:complexType>
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
