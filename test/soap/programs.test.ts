import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accepted,
  administration,
  authentication,
  codesOf,
  session,
  soapEnvelope,
  type SoapWorld,
  startSoap,
} from './support.ts';

/** Requests in the shape of the programs that exist, over HTTP; names and values are our own. */

let world: SoapWorld;

beforeAll(async () => {
  world = await startSoap({
    authenticate: accepted,
    logon: { outcome: 'signed-in', sessionId: 's', session, lastLogonAtMs: null },
    logoff: session,
  });
});
afterAll(() => world.stop());
beforeEach(() => {
  world.reached.length = 0;
});

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const schemas =
  'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';

interface Program {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly reaches: string;
  readonly with: object;
}

const combined = { userName: 'jane', credential: { format: 'combined', text: '1234567890' } };

/** A library for Ruby: the ID first, empty options everywhere, SOAPAction in quotes. */
const ruby: Program = {
  headers: { 'Content-Type': 'text/xml;charset=UTF-8', SOAPAction: '"authUser"' },
  body:
    declaration.trim() +
    `<env:Envelope ${schemas} xmlns:tns="${authentication}" xmlns:env="${soapEnvelope}"><env:Body>` +
    '<tns:authUser><credentialAttributeSet>' +
    [
      ['CREDFLD_COMPONENT_TYPE', 'string', 'app'],
      ['CREDFLD_USERID', 'string', 'jane'],
      ['CREDFLD_DOMAIN', 'string', 'master'],
      ['CREDFLD_PASSWORD_FORMAT', 'unsignedInt', '0'],
      ['CREDFLD_PASSWORD', 'string', '1234567890'],
    ]
      .map(
        ([id = '', type = '', value = '']) =>
          `<attributes><attributeID>${id}</attributeID><attributeOptions></attributeOptions>` +
          `<value xsi:type="xsd:${type}">${value}</value></attributes>`,
      )
      .join('') +
    '</credentialAttributeSet></tns:authUser></env:Body></env:Envelope>',
  reaches: 'authenticate',
  with: { ...combined, domainName: 'master' },
};

/** A connector for Java: no declaration, types whose prefix nobody declared, comments, Basic. */
const java: Program = {
  headers: { 'Content-Type': 'text/xml', Authorization: 'Basic amFuZTpzZWNyZXQ=' },
  body: `<soapenv:Envelope xmlns:soapenv="${soapEnvelope}" xmlns:adm="${administration}" ${schemas}>
  <soapenv:Header/>
  <soapenv:Body>
    <adm:logoff>
      <attributeSet xsi:type="CREDENTIAL-TYPES:CredentialAttributeSet">
        <!-- the session that was opened before -->
        <attributes xsi:type="CREDENTIAL-TYPES:CredentialAttribute">
          <attributeOptions/>
          <value xsi:type="xsd:string">SESSION</value>
          <attributeID>CREDFLD_SESSION_ID</attributeID>
        </attributes>
      </attributeSet>
    </adm:logoff>
  </soapenv:Body>
</soapenv:Envelope>`,
  reaches: 'logoff',
  with: { 0: 'SESSION' },
};

/** A script for PowerShell: it sends back what a logon answers, and lists that mean nothing. */
const powerShell: Program = {
  headers: { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: '' },
  body: `${declaration}<soapenv:Envelope xmlns:soapenv="${soapEnvelope}" xmlns:adm="${administration}" ${schemas}>
  <soapenv:Body>
    <adm:logon>
      <attributeSet>
        <attributes><value xsi:type="xsd:string">jane</value><attributeID>CREDFLD_USERID</attributeID></attributes>
        <attributes><value xsi:type="xsd:string">1234567890</value><attributeID>CREDFLD_PASSWORD</attributeID></attributes>
        <attributes><value xsi:type="xsd:int">0</value><attributeID>CREDFLD_PASSWORD_FORMAT</attributeID></attributes>
        <attributes><value xsi:type="xsd:datetime"></value><attributeID>CREDFLD_LAST_LOGON_TIME</attributeID></attributes>
        <attributes><value xsi:type="BASIC-TYPES:String"></value><attributeID>CREDFLD_SESSION_ID</attributeID></attributes>
        <attributes><value xsi:type="xsd:string">none</value><attributeID>CREDFLD_LOGICAL_ADMIN_PRIVILEGES</attributeID></attributes>
      </attributeSet>
      <fieldSet/>
      <adminDomainInfoList><adminDomains><adminDomain/></adminDomains></adminDomainInfoList>
    </adm:logon>
  </soapenv:Body>
</soapenv:Envelope>`,
  reaches: 'logon',
  with: { ...combined, domainName: null },
};

/** A page in PHP: text pasted together, masked password. */
const php: Program = {
  headers: { 'Content-Type': 'text/xml;charset="utf-8"', Accept: 'text/xml' },
  body: `<soapenv:Envelope xmlns:soapenv="${soapEnvelope}" ${schemas} xmlns:aut="${authentication}"><soapenv:Header/><soapenv:Body><aut:authUser><credentialAttributeSet>
<attributes><value xsi:type="xsd:string">jane</value><attributeID>CREDFLD_USERID</attributeID></attributes>
<attributes><attributeOptions><masked>true</masked></attributeOptions><value xsi:type="xsd:string">1234567890</value><attributeID>CREDFLD_PASSWORD</attributeID></attributes>
<attributes><value xsi:type="xsd:unsignedInt">0</value><attributeID>CREDFLD_PASSWORD_FORMAT</attributeID></attributes>
<attributes><value xsi:type="xsd:string">Web</value><attributeID>CREDFLD_COMPONENT_TYPE</attributeID></attributes>
</credentialAttributeSet></aut:authUser></soapenv:Body></soapenv:Envelope>`,
  reaches: 'authenticate',
  with: combined,
};

/** A mediator: application/xml, the key of a challenge. */
const mediator: Program = {
  headers: { 'Content-Type': 'application/xml' },
  body: `<S:Envelope xmlns:S="${soapEnvelope}"><S:Body><q:authUser xmlns:q="${authentication}" ${schemas}><credentialAttributeSet>
<attributes><value xsi:type="xsd:string">esb</value><attributeID>CREDFLD_COMPONENT_TYPE</attributeID></attributes>
<attributes><value xsi:type="xsd:string">jane</value><attributeID>CREDFLD_USERID</attributeID></attributes>
<attributes><value xsi:type="xsd:unsignedInt">4</value><attributeID>CREDFLD_PASSWORD_FORMAT</attributeID></attributes>
<attributes><value xsi:type="xsd:string">123456</value><attributeID>CREDFLD_DP_RESPONSE</attributeID></attributes>
<attributes><value xsi:type="xsd:string">0123456789</value><attributeID>CREDFLD_CHALLENGE_KEY</attributeID></attributes>
</credentialAttributeSet></q:authUser></S:Body></S:Envelope>`,
  reaches: 'authenticate',
  with: {
    challengeKey: '0123456789',
    credential: {
      format: 'separate',
      staticPassword: null,
      pin: null,
      response: '123456',
      newPin: null,
    },
  },
};

/** A library for C#: the organisational unit as input; no type of content that means XML. */
const cSharp: Program = {
  headers: { 'Content-Type': 'application/octet-stream', SOAPAction: 'urn:whatever' },
  body: php.body.replace(
    '</credentialAttributeSet>',
    '<attributes><value xsi:type="xsd:string">Sales</value><attributeID>CREDFLD_ORGANIZATIONAL_UNIT</attributeID></attributes></credentialAttributeSet>',
  ),
  reaches: 'authenticate',
  with: combined,
};

/** The sample whose namespace stands on the operation. */
const sample: Program = {
  headers: {},
  body: php.body
    .replace(` xmlns:aut="${authentication}"`, '')
    .replace('<aut:authUser>', `<aut:authUser xmlns:aut="${authentication}">`),
  reaches: 'authenticate',
  with: combined,
};

/** A writer of .NET puts a byte order mark before it. */
const marked: Program = { ...cSharp, body: `\ufeff${cSharp.body}` };

/** The sample with the namespace as the default one, which the children then have too. */
const unprefixed: Program = {
  ...sample,
  body: sample.body.replace('<aut:authUser xmlns:aut=', '<authUser xmlns=').replace('</aut:', '</'),
};

describe('a program that exists', () => {
  it.each(
    Object.entries({ ruby, java, powerShell, php, mediator, cSharp, sample, marked, unprefixed }),
  )('is understood: %s', async (_name, program) => {
    const answer = await world.post(program.body, program.headers);
    expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    const [reached] = world.reached;
    expect(reached?.method).toBe(program.reaches);
    const [first, second] = reached!.args;
    expect(program.reaches === 'logoff' ? { 0: first } : second).toMatchObject(program.with);
  });

  it('sees its own prefix and operation in the answer, as plain text', async () => {
    const { body, headers } = await world.post(php.body, php.headers);
    expect(headers['content-type']).toBe('text/xml; charset=utf-8');
    const stripped = body.replace(/(soap-env|auth-types):/gi, '');
    expect(stripped).toMatch(/<Body><authUserResponse><authUserResults [^>]*><results /);
  });
});
