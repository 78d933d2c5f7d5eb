import { type AttributeId, kindOf } from './attributes.ts';
import type { FaultCode } from './fault.ts';
import { type Interface, interfacePrefixes, namespaces } from './namespaces.ts';
import type { ResultCodes } from './codes.ts';
import { writeXml, type XmlNode, xmlNode } from '../xml.ts';

/**
 * Responses in the shape that programs were written for. Several read it without an XML parser's
 * help, so prefixes, the order of elements and the `xsi:type` of empty ones are part of it.
 */

/** An element with its type; one without content still has an XML attribute. */
export function typed(name: string, type: string, content: string | readonly XmlNode[]): XmlNode {
  return xmlNode(name, { 'xsi:type': type }, content);
}

/** Attributes in their order; null ones are left out. */
export type ResponseAttributes = readonly (readonly [AttributeId, string | null])[];

export function resultCodes(codes: ResultCodes): XmlNode {
  return typed('resultCodes', 'BASIC-TYPES:ResultCodes', [
    typed('returnCodeEnum', 'BASIC-TYPES:ReturnCodeEnum', codes.returnCodeEnum),
    typed('statusCodeEnum', 'BASIC-TYPES:StatusCodeEnum', codes.statusCodeEnum),
    typed('returnCode', 'xsd:int', String(codes.returnCode)),
    typed('statusCode', 'xsd:int', String(codes.statusCode)),
  ]);
}

/** Empty on success; any failure has an entry, because some programs read it unasked. */
export function errorStack(codes: ResultCodes): XmlNode {
  const errors =
    codes.returnCode === 0
      ? []
      : [
          typed('errors', 'BASIC-TYPES:Error', [
            typed('errorCode', 'xsd:int', String(codes.statusCode)),
            typed('errorDesc', 'xsd:string', codes.text),
          ]),
        ];
  return typed('errorStack', 'BASIC-TYPES:ErrorStack', errors);
}

/** The `results` of an attribute-set command; a failure ends with its STATUS_MESSAGE. */
export function results(
  codes: ResultCodes,
  attributes: ResponseAttributes,
  messageId: AttributeId = 'CREDFLD_STATUS_MESSAGE',
): XmlNode {
  const message = codes.returnCode === 0 ? null : codes.text;
  const all: ResponseAttributes = [...attributes, [messageId, message]];
  return typed('results', 'CREDENTIAL-TYPES:CredentialResults', [
    resultCodes(codes),
    typed('resultAttribute', 'CREDENTIAL-TYPES:CredentialAttributeSet', attributeNodes(all)),
    errorStack(codes),
  ]);
}

/** Those that have a value, in their order. */
export function attributeNodes(attributes: ResponseAttributes): readonly XmlNode[] {
  return attributes.flatMap(([id, value]) => (value === null ? [] : [attribute(id, value)]));
}

/** `value` first: some programs look for it among all children but the last. */
function attribute(id: AttributeId, value: string): XmlNode {
  return typed('attributes', 'CREDENTIAL-TYPES:CredentialAttribute', [
    typed('value', `xsd:${kindOf(id).type}`, value),
    xmlNode('attributeID', {}, id),
  ]);
}

/** The whole document around the content of a response. */
export function responseDocument(
  part: Interface,
  operation: string,
  content: readonly XmlNode[],
): string {
  const prefix = interfacePrefixes[part];
  return envelope(
    {
      'xmlns:xsi': namespaces.schemaInstance,
      'xmlns:xsd': namespaces.schema,
      'xmlns:BASIC-TYPES': namespaces.basicTypes,
      'xmlns:CREDENTIAL-TYPES': namespaces.credentialTypes,
      [`xmlns:${prefix}`]: namespaces[part],
    },
    xmlNode(`${prefix}:${operation}Response`, {}, content),
  );
}

/** SOAP 1.1 section 4.4. */
export function faultDocument(code: FaultCode, text: string): string {
  return envelope(
    {},
    xmlNode('SOAP-ENV:Fault', {}, [
      xmlNode('faultcode', {}, `SOAP-ENV:${code}`),
      xmlNode('faultstring', {}, text),
    ]),
  );
}

function envelope(declared: Readonly<Record<string, string>>, content: XmlNode): string {
  return writeXml(
    xmlNode('SOAP-ENV:Envelope', { 'xmlns:SOAP-ENV': namespaces.envelope, ...declared }, [
      xmlNode('SOAP-ENV:Body', {}, [content]),
    ]),
  );
}

/** A time as xsd:dateTime in UTC. */
export function dateTimeText(atMs: number): string {
  // eslint-disable-next-line no-restricted-globals -- writes down a time that it was given
  return new Date(atMs).toISOString();
}
