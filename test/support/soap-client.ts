import { parseXml, type XmlElement, type XmlNode, writeXml, xmlNode } from '../../src/xml.ts';

/** A program that speaks SOAP by hand, in the shape of the vendor's own documentation. */

const identikey = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes';
const declarations = {
  'xmlns:soapenv': 'http://schemas.xmlsoap.org/soap/envelope/',
  'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema',
  'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
  'xmlns:aut': `${identikey}/Authentication`,
  'xmlns:adm': `${identikey}/Administration`,
};

export function envelopeOf(operation: XmlNode): string {
  return writeXml(
    xmlNode('soapenv:Envelope', declarations, [
      xmlNode('soapenv:Header', {}),
      xmlNode('soapenv:Body', {}, [operation]),
    ]),
  );
}

/** An operation with a set of attributes; undefined ones are left out. */
export function attributeCommand(
  name: string,
  fields: Readonly<Record<string, string | undefined>>,
  setName: string = name.startsWith('aut:') ? 'credentialAttributeSet' : 'attributeSet',
): XmlNode {
  const attributes = Object.entries(fields).flatMap(([id, value]) =>
    value === undefined
      ? []
      : [
          xmlNode('attributes', {}, [
            xmlNode('value', { 'xsi:type': 'xsd:string' }, value),
            xmlNode('attributeID', {}, id),
          ]),
        ],
  );
  return xmlNode(name, {}, [xmlNode(setName, {}, attributes)]);
}

type Parts = Readonly<Record<string, unknown>>;

/** An operation with named elements, inside each other as the object says. */
export function typedCommand(name: string, parts: Parts): XmlNode {
  return nodeOf(name, parts);
}

function nodeOf(name: string, value: unknown): XmlNode {
  if (typeof value !== 'object' || value === null) return xmlNode(name, {}, String(value));
  const inside = Object.entries(value).filter(([, part]) => part !== undefined);
  return xmlNode(
    name,
    {},
    inside.map(([part, content]) => nodeOf(part, content)),
  );
}

/** What a response says, whatever its shape. */
export interface SoapAnswer {
  readonly httpStatus: number;
  readonly returnCodeEnum: string;
  readonly statusCodeEnum: string;
  readonly statusCode: number;
  /** `resultAttribute`'s, by attributeID. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly errors: readonly string[];
  readonly fault: string | null;
  readonly text: string;
}

export async function soapCall(url: string, operation: XmlNode): Promise<SoapAnswer> {
  return soapPost(url, envelopeOf(operation));
}

async function soapPost(url: string, body: string | Buffer): Promise<SoapAnswer> {
  const response = await fetch(`${url}/`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml; charset=utf-8' },
    body,
  });
  const text = await response.text();
  return { httpStatus: response.status, ...readAnswer(text) };
}

const limits = {
  bytesMax: 1_000_000,
  depthMax: 32,
  elementsMax: 10_000,
  attributesMax: 64,
  textCharactersMax: 100_000,
};

function readAnswer(text: string): Omit<SoapAnswer, 'httpStatus'> {
  const all = descendants(parseXml(Buffer.from(text), limits));
  const textOf = (local: string): string => all.find((one) => one.local === local)?.text ?? '';
  const attributes = all
    .filter(({ local }) => local === 'attributes')
    .map(({ children: [value, id] }) => [id?.text ?? '', value?.text ?? ''] as const);
  return {
    returnCodeEnum: textOf('returnCodeEnum'),
    statusCodeEnum: textOf('statusCodeEnum'),
    statusCode: Number(textOf('statusCode')),
    attributes: Object.fromEntries(attributes),
    errors: all.filter(({ local }) => local === 'errorDesc').map((one) => one.text),
    fault: all.find(({ local }) => local === 'faultcode')?.text ?? null,
    text,
  };
}

function descendants(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(descendants)];
}
