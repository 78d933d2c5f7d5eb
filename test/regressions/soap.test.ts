import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accepted,
  codesOf,
  envelope,
  faultOf,
  type SoapWorld,
  startSoap,
} from '../soap/support.ts';

/** Samples were printed with slips; programs were made of them. */

const attribute = (value: string, id: string): string =>
  `<attributes><value xsi:type="xsd:string">${value}</value><attributeID>${id}</attributeID></attributes>`;

/** A new server PIN for a first one, confirmed by a response. */
const newPin = envelope(
  '<a:authUser><credentialAttributeSet>' +
    attribute('SOAP Auth Client', 'CREDFLD_COMPONENT_TYPE') +
    attribute('jane', 'CREDFLD_USERID') +
    attribute('4', 'CREDFLD_PASSWORD_FORMAT') +
    attribute('123456', 'CREDFLD_DP_RESPONSE') +
    attribute('1357', 'CREDFLD_NEW_PIN') +
    attribute('1357', 'CREDFLD_CONFIRM_NEW_PIN') +
    '</credentialAttributeSet></a:authUser>',
);

const synchronise = envelope(
  '<a:syncTokenAndHost><componentType>Authentication Sample Client</componentType>' +
    '<user><userID>jane</userID><domain>master</domain></user>' +
    '<credential><otp1><response>123456</response></otp1><otp2><response>654321</response></otp2>' +
    '<serialNumber>VT00000001</serialNumber></credential></a:syncTokenAndHost>',
);

describe('the slips of sample requests', () => {
  let world: SoapWorld;
  beforeAll(async () => {
    const synchronised = { ...accepted, outcome: 'synchronised', learned: null };
    world = await startSoap({ authenticate: accepted, synchronise: synchronised });
  });
  afterAll(() => world.stop());

  it.each([
    ['elements that open as opt1 and close as otp1', synchronise.replaceAll(/<otp(?=\d)/g, '<opt')],
    ['a lost blank before an attribute', newPin.replaceAll('value xsi:type', 'valuexsi:type')],
    ['a lost blank before a namespace', newPin.replace('Envelope xmlns', 'Envelopexmlns')],
    ['a prefix that nobody declared', newPin.replaceAll('a:authUser', 'aut:authUser')],
  ])('28: a request with %s gets a clear fault', async (_name, slip) => {
    const answer = await world.post(slip);
    expect(answer.status).toBe(500);
    const [code, text] = faultOf(answer)!;
    expect(code).toBe('SOAP-ENV:Client');
    expect(text).toMatch(/^(the|an?|there) .{10,}/);
    expect(text).not.toMatch(/123456|1357|jane|opt1/);
    expect(world.reached).toEqual([]);
  });

  it('28: the same requests without the slips are understood', async () => {
    for (const request of [newPin, synchronise, synchronise.replaceAll('otp', 'opt')]) {
      expect(codesOf(await world.post(request))).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
    }
    expect(world.reached.map(({ method }) => method)).toEqual([
      'authenticate',
      'synchronise',
      'synchronise',
    ]);
  });
});
