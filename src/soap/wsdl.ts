import express from 'express';
import { type Interface, namespaces } from './namespaces.ts';
import type { Operation } from './operation.ts';
import {
  anyNumber,
  basicTypesSchema,
  complexType,
  credentialTypesSchema,
  element,
  optional,
} from './schemas.ts';
import { TallystickError } from '../errors.ts';
import { contextOf } from '../http/index.ts';

/**
 * WSDL 1.1, document/literal wrapped, written for Tallystick. Programs that carry another WSDL need
 * none of this; new ones can be generated from it.
 */

const message = (name: string, elements: readonly string[]): string =>
  `<xsd:element name="${name}">${complexType('', elements)}</xsd:element>`;

/** The two messages of a command with an attribute set. */
const setCommand = (name: string, setName: string, results: string): readonly string[] => [
  message(name, [element(setName, 'credential:CredentialAttributeSet')]),
  message(`${name}Response`, [results]),
];

const credentialAttribute = 'credential:CredentialAttribute';
const plainResults = element('results', 'credential:CredentialResults');

/** Elements and types of each interface. */
const elements: Readonly<Record<Interface, string>> = {
  authentication: [
    complexType('AuthUserResults', [plainResults]),
    complexType('UserInput', [element('userID', 'xsd:string'), optional('domain', 'xsd:string')]),
    complexType('DigipassMultiCredentialInput', [
      element('response', 'xsd:string'),
      optional('challenge', 'xsd:string'),
    ]),
    complexType('MultiCredentialInput', [
      element('otp1', 'tns:DigipassMultiCredentialInput'),
      element('otp2', 'tns:DigipassMultiCredentialInput'),
      optional('serialNumber', 'xsd:string'),
      optional('pin', 'xsd:string'),
    ]),
    complexType('UserOutput', [
      element('userID', 'xsd:string'),
      optional('domain', 'xsd:string'),
      optional('orgUnit', 'xsd:string'),
    ]),
    complexType('CredentialOutput', [optional('serialNumber', 'xsd:string')]),
    complexType('SyncTokenAndHostResult', [
      element('user', 'tns:UserOutput'),
      element('credentials', 'tns:CredentialOutput'),
    ]),
    ...setCommand(
      'authUser',
      'credentialAttributeSet',
      element('authUserResults', 'tns:AuthUserResults'),
    ),
    ...setCommand('getChallenge', 'credentialAttributeSet', plainResults),
    ...setCommand('updatePassword', 'credentialAttributeSet', plainResults),
    complexType('StaticCredentialInput', [element('staticPassword', 'xsd:string')]),
    message('changeBackendPassword', [
      element('componentType', 'xsd:string'),
      element('user', 'tns:UserInput'),
      element('credential', 'tns:StaticCredentialInput'),
      element('newStaticPassword', 'xsd:string'),
    ]),
    message('changeBackendPasswordResponse', [element('status', 'basic:CommandStatusResponse')]),
    message('cancelAuthUser', [
      element('componentType', 'xsd:string'),
      element('serialNumber', 'xsd:string'),
      element('challengeKeyMessage', 'xsd:string'),
    ]),
    message('cancelAuthUserResponse', [element('status', 'basic:CommandStatusResponse')]),
    message('syncTokenAndHost', [
      element('componentType', 'xsd:string'),
      element('user', 'tns:UserInput'),
      element('credential', 'tns:MultiCredentialInput'),
    ]),
    message('syncTokenAndHostResponse', [
      element('status', 'basic:CommandStatusResponse'),
      element('result', 'tns:SyncTokenAndHostResult'),
    ]),
  ].join('\n      '),
  administration: [
    ...['logon', 'logoff', 'sessionalive'].flatMap((name) =>
      setCommand(name, 'attributeSet', plainResults),
    ),
    complexType('OfflineDataAttributeList', [anyNumber('attributes', credentialAttribute)]),
    complexType('OfflineDataAttributeSet', [
      anyNumber('attributes', credentialAttribute),
      anyNumber('attributeList', 'tns:OfflineDataAttributeList'),
    ]),
    complexType('OfflineDataResults', [
      element('resultCodes', 'basic:ResultCodes'),
      element('resultAttribute', 'tns:OfflineDataAttributeSet'),
      element('errorStack', 'basic:ErrorStack'),
    ]),
    message('offlinedataExecute', [
      element('sessionID', 'xsd:string'),
      element('cmd', 'xsd:string'),
      element('attributeSet', 'credential:CredentialAttributeSet'),
    ]),
    message('offlinedataExecuteResponse', [element('results', 'tns:OfflineDataResults')]),
  ].join('\n      '),
  signature: [
    complexType('DataField', [element('key', 'xsd:string'), element('value', 'xsd:string')]),
    complexType('DataFieldList', [anyNumber('dataField', 'tns:DataField')]),
    message('authSignature', [
      element('attributeSet', 'credential:CredentialAttributeSet'),
      optional('dataFieldList', 'tns:DataFieldList'),
    ]),
    message('authSignatureResponse', [plainResults]),
  ].join('\n      '),
};

const titles: Readonly<Record<Interface, string>> = {
  authentication: 'Authentication',
  administration: 'Administration',
  signature: 'Signature',
};

/**
 * @param address where the operations are: an http or https URL without anything to be escaped
 */
function wsdlDocument(part: Interface, operations: readonly string[], address: string): string {
  const title = titles[part];
  const namespace = namespaces[part];
  const each = (text: (name: string) => string): string => operations.map(text).join('\n  ');
  return `<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="${title}" targetNamespace="${namespace}"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xsd="${namespaces.schema}" xmlns:tns="${namespace}"
    xmlns:basic="${namespaces.basicTypes}" xmlns:credential="${namespaces.credentialTypes}">
  <wsdl:types>
    <xsd:schema targetNamespace="${namespace}" elementFormDefault="unqualified">
      <xsd:import namespace="${namespaces.basicTypes}" schemaLocation="BasicTypes.xsd"/>
      <xsd:import namespace="${namespaces.credentialTypes}" schemaLocation="CredentialTypes.xsd"/>
      ${elements[part]}
    </xsd:schema>
  </wsdl:types>
  ${each(
    (name) => `<wsdl:message name="${name}Request">
    <wsdl:part name="parameters" element="tns:${name}"/>
  </wsdl:message>
  <wsdl:message name="${name}Response">
    <wsdl:part name="parameters" element="tns:${name}Response"/>
  </wsdl:message>`,
  )}
  <wsdl:portType name="${title}PortType">
  ${each(
    (name) => `  <wsdl:operation name="${name}">
      <wsdl:input message="tns:${name}Request"/>
      <wsdl:output message="tns:${name}Response"/>
    </wsdl:operation>`,
  )}
  </wsdl:portType>
  <wsdl:binding name="${title}Binding" type="tns:${title}PortType">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  ${each(
    (name) => `  <wsdl:operation name="${name}">
      <soap:operation soapAction="" style="document"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>`,
  )}
  </wsdl:binding>
  <wsdl:service name="Tallystick${title}">
    <wsdl:port name="${title}" binding="tns:${title}Binding">
      <soap:address location="${address}"/>
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>
`;
}

/** A host name, an IPv4 address or an IPv6 one in brackets, and perhaps a port: nothing to escape. */
const plainHost = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

/** `GET /wsdl/...`: the descriptions, with the address that they were asked under. */
export function wsdlRouter(
  operations: readonly Operation[],
  { hasTls }: { readonly hasTls: boolean },
): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const describing =
    (part: Interface) =>
    (address: string): string =>
      wsdlDocument(part, namesOf(operations, part), address);
  const documents: Readonly<Record<string, (address: string) => string>> = {
    'authentication.wsdl': describing('authentication'),
    'administration.wsdl': describing('administration'),
    'signature.wsdl': describing('signature'),
    'BasicTypes.xsd': basicTypesSchema,
    'CredentialTypes.xsd': credentialTypesSchema,
  };
  for (const [file, document] of Object.entries(documents)) {
    router.get(`/wsdl/${file}`, (request, response) => {
      const context = contextOf(request);
      context.route = `/wsdl/${file}`;
      const host = request.headers.host ?? '';
      if (!plainHost.test(host)) {
        throw new TallystickError('request-malformed', 'the Host header must be a host and port');
      }
      context.outcome = 'done';
      response.setHeader('Content-Type', 'text/xml; charset=utf-8');
      response.end(document(`${hasTls ? 'https' : 'http'}://${host}/`));
    });
  }
  return router;
}

function namesOf(operations: readonly Operation[], part: Interface): readonly string[] {
  return operations.filter((one) => one.interface === part).map(({ name }) => name);
}
