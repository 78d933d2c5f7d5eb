import { describe, expect, it } from 'vitest';
import { faultDocument, responseDocument, results, typed } from '../../src/soap/response.ts';
import { codesOfFailure, codesOfSuccess } from '../../src/soap/result-codes.ts';

/** What programs need that read responses without looking at namespaces, or without a parser. */

const success = responseDocument('authentication', 'authUser', [
  typed('authUserResults', 'AUTH-TYPES:AuthUserResults', [
    results(codesOfSuccess('accepted'), [
      ['CREDFLD_USERID', 'jane'],
      ['CREDFLD_ORGANIZATIONAL_UNIT', null],
    ]),
  ]),
]);
const empty = responseDocument('administration', 'logoff', [
  results(codesOfSuccess('signed-out'), []),
]);
const failure = responseDocument('authentication', 'getChallenge', [
  results(codesOfFailure('getChallenge', 'user-locked'), []),
]);
const all = [success, empty, failure];

const names = (document: string): string[] =>
  [...document.matchAll(/<\/?([\w:.-]+)/g)].map(([, name = '']) => name);

describe('a response', () => {
  it('is UTF-8 with a declaration', () => {
    for (const one of all)
      expect(one).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?><SOAP-ENV:/);
  });

  it('has the prefixes SOAP-ENV, AUTH-TYPES and ADMIN-TYPES, which are compared as text', () => {
    expect(names(success)).toContain('AUTH-TYPES:authUserResponse');
    expect(names(empty)).toContain('ADMIN-TYPES:logoffResponse');
    for (const one of all) {
      expect(names(one).slice(0, 2)).toEqual(['SOAP-ENV:Envelope', 'SOAP-ENV:Body']);
    }
  });

  it('has no prefix inside the response element', () => {
    for (const one of all) {
      const prefixed = names(one).filter((name) => name.includes(':'));
      for (const name of prefixed) expect(name).toMatch(/^SOAP-ENV:(Envelope|Body)$|Response$/);
    }
  });

  it('declares every prefix that its types have', () => {
    for (const one of all) {
      for (const [, prefix = ''] of one.matchAll(/xsi:type="([\w-]+):/g)) {
        expect(one).toContain(` xmlns:${prefix}="`);
      }
    }
  });

  it('has value before attributeID, and both in each attribute', () => {
    expect(success).toMatch(
      /<attributes [^>]*><value [^>]*>jane<\/value><attributeID>CREDFLD_USERID</,
    );
  });

  it('has an xsi:type on value, or its text is not found', () => {
    expect(success).toContain('<value xsi:type="xsd:string">jane</value>');
  });

  it('has an xsi:type on empty elements, or they are taken for nothing', () => {
    expect(empty).toContain(
      '<resultAttribute xsi:type="CREDENTIAL-TYPES:CredentialAttributeSet"/>',
    );
    expect(empty).toContain('<errorStack xsi:type="BASIC-TYPES:ErrorStack"/>');
  });

  it('has resultCodes, resultAttribute and errorStack always, in this order', () => {
    for (const one of all) {
      expect(one).toMatch(
        /<results [^>]*><resultCodes .*<resultAttribute .*<errorStack .*<\/results>/,
      );
    }
  });

  it('has both names and both numbers', () => {
    expect(failure).toMatch(
      />RET_FAILURE<\/returnCodeEnum>.*>STAT_LOCKED<\/statusCodeEnum>.*>-1<\/returnCode>.*>1007<\/statusCode>/,
    );
  });

  it('has at least one entry in the error stack of any failure', () => {
    expect(failure).toContain(
      '<errors xsi:type="BASIC-TYPES:Error"><errorCode xsi:type="xsd:int">1007</errorCode>' +
        '<errorDesc xsi:type="xsd:string">The user is locked.</errorDesc></errors>',
    );
  });

  it('has a STATUS_MESSAGE on failure and none on success', () => {
    expect(failure).toContain('CREDFLD_STATUS_MESSAGE');
    expect(success + empty).not.toContain('CREDFLD_STATUS_MESSAGE');
  });

  it('leaves out attributes without a value', () => {
    expect(success).not.toContain('CREDFLD_ORGANIZATIONAL_UNIT');
  });

  it('has no white space between elements or around texts', () => {
    for (const one of all) expect(one).not.toMatch(/>\s|\s</);
  });

  it('escapes what it is given', () => {
    const attributes = results(codesOfSuccess('accepted'), [['CREDFLD_USERID', '<&"\u0007>']]);
    const document = responseDocument('authentication', 'authUser', [attributes]);
    expect(document).toContain('&lt;&amp;&quot;\uFFFD&gt;');
  });
});

describe('a fault', () => {
  it('has children without a prefix and a code with the prefix of the envelope', () => {
    expect(faultDocument('Client', 'no <such> operation')).toContain(
      '<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode>' +
        '<faultstring>no &lt;such&gt; operation</faultstring></SOAP-ENV:Fault>',
    );
  });
});
