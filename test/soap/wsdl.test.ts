import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, listen } from '../../src/http/index.ts';
import { statusNames } from '../../src/soap/codes.ts';
import { operationNames } from '../../src/soap/result-codes.ts';
import { wsdlRouter } from '../../src/soap/wsdl.ts';
import { parseXml, type XmlElement } from '../../src/xml.ts';
import { rawExchange, rawRequest } from '../support/raw-http.ts';
import { administration, authentication, type SoapWorld, startSoap } from './support.ts';

let world: SoapWorld;

beforeAll(async () => {
  world = await startSoap({});
});
afterAll(() => world.stop());

const limits = {
  bytesMax: 100_000,
  depthMax: 32,
  elementsMax: 2_000,
  attributesMax: 32,
  textCharactersMax: 10_000,
};

async function fetched(file: string, headers = {}): Promise<XmlElement> {
  const answer = await world.get(`/wsdl/${file}`, headers);
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('text/xml; charset=utf-8');
  return parseXml(Buffer.from(answer.body), limits);
}

const every = (element: XmlElement): XmlElement[] => [
  element,
  ...element.children.flatMap((child) => every(child)),
];

const attribute = (element: XmlElement, name: string): string | undefined =>
  element.attributes.find(({ local }) => local === name)?.value;

/** The names that elements of a kind have. */
const named = (root: XmlElement, local: string): string[] =>
  every(root)
    .filter((element) => element.local === local)
    .map((element) => attribute(element, 'name'))
    .filter((name) => name !== undefined);

describe('the WSDLs', () => {
  it.each([
    [
      'authentication.wsdl',
      authentication,
      [
        'authUser',
        'getChallenge',
        'updatePassword',
        'changeBackendPassword',
        'cancelAuthUser',
        'syncTokenAndHost',
      ],
    ],
    [
      'administration.wsdl',
      administration,
      ['logon', 'logoff', 'sessionalive', 'offlinedataExecute'],
    ],
  ])('%s lists the operations that are there and no others', async (file, namespace, names) => {
    const root = await fetched(file);
    const portType = root.children.find(({ local }) => local === 'portType')!;
    const binding = root.children.find(({ local }) => local === 'binding')!;
    expect(attribute(root, 'targetNamespace')).toBe(namespace);
    expect(named(portType, 'operation')).toEqual(names);
    expect(named(binding, 'operation')).toEqual(names);
    for (const name of names) expect(operationNames).toContain(name);
    const schema = every(root).find(({ local }) => local === 'schema')!;
    expect(attribute(schema, 'elementFormDefault')).toBe('unqualified');
    const elements = schema.children.filter(({ local }) => local === 'element');
    expect(elements.map((element) => attribute(element, 'name'))).toEqual(
      names.flatMap((name) => [name, `${name}Response`]),
    );
  });

  it.each([
    ['syncTokenAndHost', 'authentication'],
    ['changeBackendPassword', 'authentication'],
    ['cancelAuthUser', 'authentication'],
    ['offlinedataExecute', 'administration'],
  ])('has no element in %s that the page leaves out', async (name, part) => {
    const page = readFileSync(new URL('../../docs/soap.md', import.meta.url), 'utf8');
    const about = page.split('\n\n').filter((paragraph) => paragraph.includes(`\`${name}\` takes`));
    const root = await fetched(`${part}.wsdl`);
    const message = every(root).find(
      (one) => one.local === 'element' && attribute(one, 'name') === name,
    )!;
    const elements = named(message, 'element').filter((each) => each !== name);
    expect(elements.length).toBeGreaterThan(2);
    for (const each of elements) expect.soft(about.join(' ')).toContain(`\`${each}\``);
  });

  it('name no type and no message that is nowhere', async () => {
    const basic = await fetched('BasicTypes.xsd');
    const credential = await fetched('CredentialTypes.xsd');
    const typesOf = (root: XmlElement) => [
      ...named(root, 'complexType'),
      ...named(root, 'simpleType'),
    ];
    for (const file of ['authentication.wsdl', 'administration.wsdl', 'CredentialTypes.xsd']) {
      const root = await fetched(file);
      const known = {
        basic: typesOf(basic),
        credential: typesOf(credential),
        tns: [
          ...typesOf(root),
          ...named(root, 'message'),
          ...named(root, 'element'),
          ...named(root, 'portType'),
          ...named(root, 'binding'),
        ],
      };
      const references = every(root).flatMap(({ attributes }) =>
        attributes.map(({ value }) => /^(basic|credential|tns):(\w+)$/.exec(value)),
      );
      for (const reference of references.filter((one) => one !== null)) {
        const [, prefix, name] = reference;
        expect.soft(known[prefix as 'tns'], `${file}: ${reference[0]}`).toContain(name);
      }
    }
  });

  it('import their schemas by names that are served beside them', async () => {
    for (const file of ['authentication.wsdl', 'administration.wsdl', 'CredentialTypes.xsd']) {
      const imports = every(await fetched(file)).filter(({ local }) => local === 'import');
      expect(imports.length).toBeGreaterThan(0);
      for (const one of imports) {
        const schema = await fetched(attribute(one, 'schemaLocation')!);
        expect(attribute(schema, 'targetNamespace')).toBe(attribute(one, 'namespace'));
      }
    }
  });

  it('list every status that an answer may have', async () => {
    const values = every(await fetched('BasicTypes.xsd')).map((one) => attribute(one, 'value'));
    expect(values).toEqual(expect.arrayContaining([...statusNames, 'RET_CHALLENGE']));
  });

  const addressUnder = async (headers: Record<string, string>): Promise<string | undefined> => {
    const all = every(await fetched('authentication.wsdl', headers));
    return attribute(
      all.find(({ local }) => local === 'address')!,
      'location',
    );
  };

  it('have the address that they were asked under', async () => {
    expect(await addressUnder({ Host: 'otp.example:8888' })).toBe('http://otp.example:8888/');
    expect(await addressUnder({ Host: '[::1]:8888' })).toBe('http://[::1]:8888/');
    expect(await addressUnder({ 'X-Forwarded-Host': 'evil.example' })).toBe(
      'http://tallystick.test/',
    );
  });

  it('have an address with https when the listener has TLS', async () => {
    const app = createApp({
      routers: [wsdlRouter([], { hasTls: true })],
      readiness: () => Promise.resolve({ ready: true, reasons: [] }),
      requestsInFlightMax: 10,
      hasTls: true,
      monotonicMs: () => performance.now(),
      onRequest: () => undefined,
      onUnexpectedError: () => undefined,
    });
    const timeouts = { headersTimeoutMs: 5000, requestTimeoutMs: 5000, keepAliveMs: 1000 };
    const listener = await listen({
      app,
      host: '127.0.0.1',
      port: 0,
      tls: null,
      connectionsMax: 10,
      ...timeouts,
    });
    try {
      const request = rawRequest('GET', '/wsdl/administration.wsdl');
      const { body } = await rawExchange(listener.port, request);
      expect(body).toContain('location="https://tallystick.test/"');
    } finally {
      await listener.drain(1000);
    }
  });

  it.each(['a"b', 'a/b', 'a b', '<x>', 'a@b', 'h:999999', '[::1', ''])(
    'are not served under the host %j',
    async (host) => {
      const answer = await world.get('/wsdl/authentication.wsdl', { Host: host });
      expect(answer.status).toBe(400);
      expect(answer.body).not.toContain(`"${host}"`);
    },
  );

  it('are no more than there are', async () => {
    expect((await world.get('/wsdl/provisioning.wsdl')).status).toBe(404);
    expect((await world.get('/wsdl/')).status).toBe(404);
    const posted = await world.get('/');
    expect([posted.status, posted.headers['allow']]).toEqual([405, 'POST']);
  });
});
