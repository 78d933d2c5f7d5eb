import { type SaxesAttributeNSIncomplete, SaxesParser, type SaxesTagNS } from 'saxes';
import { TallystickError } from './errors.ts';

/**
 * Strict XML 1.0 with namespaces, for SOAP and PSKC: a bounded tree from bytes, and a writer that
 * escapes. No DOCTYPE, no processing instruction and no entity but the five predefined, so that
 * nothing in a document can name a file, a host or a text that grows.
 */

export interface XmlAttribute {
  /** '' without a prefix: the default namespace is not for attributes. */
  readonly namespace: string;
  readonly local: string;
  readonly value: string;
}

export interface XmlElement {
  /** '' without one. */
  readonly namespace: string;
  readonly local: string;
  /** Without the namespace declarations. */
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** Character data directly inside, CDATA included, children and comments left out; untrimmed. */
  readonly text: string;
}

/**
 * Characters are UTF-16 code units. What has no limit of its own (names, comments) has that of a text,
 * give or take a piece.
 */
export interface XmlLimits {
  readonly bytesMax: number;
  /** Elements inside each other; 1 admits a root without children. */
  readonly depthMax: number;
  readonly elementsMax: number;
  /** Of one element, namespace declarations included. */
  readonly attributesMax: number;
  /** Of one element's text and of one attribute's value. */
  readonly textCharactersMax: number;
}

interface OpenElement {
  readonly namespace: string;
  readonly local: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: OpenElement[];
  text: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PIECE_CHARACTERS = 8192;

/**
 * @throws TallystickError `request-malformed`; the message says where and what, and never quotes
 *   the document, which may hold a password or a response
 */
export function parseXml(bytes: Uint8Array, limits: XmlLimits): XmlElement {
  if (bytes.length > limits.bytesMax) {
    throw malformed(`the document is longer than the ${limits.bytesMax} bytes allowed`);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw malformed('the document is not UTF-8');
  }
  refuseDoctype(text);
  const parser = new TreeParser(limits);
  try {
    for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
      parser.write(text.slice(at, at + PIECE_CHARACTERS));
      parser.requireProgress();
    }
    parser.close();
    return parser.root ?? parser.refuse(DEFAULT_REFUSAL);
  } catch (error) {
    if (error instanceof TallystickError) throw error;
    throw malformed(DEFAULT_REFUSAL);
  }
}

/** saxes tells of a DOCTYPE when it ends; here it is refused where it begins. */
function refuseDoctype(text: string): void {
  const space = /\s*/y;
  let at = 0;
  for (;;) {
    space.lastIndex = at;
    at += space.exec(text)?.[0].length ?? 0;
    if (text.startsWith('<!DOCTYPE', at)) {
      throw malformed('a DOCTYPE is not allowed');
    }
    const end = text.startsWith('<!--', at) ? '-->' : text.startsWith('<?xml', at) ? '?>' : '';
    const endAt = end === '' ? -1 : text.indexOf(end, at + 4);
    if (endAt === -1) return;
    at = endAt + end.length;
  }
}

/** Builds the tree and holds the limits while saxes reads. */
class TreeParser extends SaxesParser<{ xmlns: true }> {
  root: OpenElement | undefined = undefined;
  readonly #limits: XmlLimits;
  readonly #open: OpenElement[] = [];
  #elements = 0;
  #attributes = 0;
  #eventAt = 0;

  constructor(limits: XmlLimits) {
    super({ xmlns: true });
    this.#limits = limits;
    // These saxes calls by themselves, all others as its own.
    this.on('error', (error) => this.refuse(refusalFor(error.message)));
    this.on('text', (text) => {
      this.addText(text);
    });
    this.on('closetag', () => {
      this.happened();
      this.#open.pop();
    });
  }

  happened(): void {
    this.#eventAt = this.position;
  }

  refuse(what: string): never {
    throw malformed(`${what} (line ${this.line}, column ${this.column})`);
  }

  /** saxes keeps what has not ended yet, however long it grows: nothing may go on for too long. */
  requireProgress(): void {
    const { textCharactersMax } = this.#limits;
    if (this.position - this.#eventAt <= textCharactersMax + PIECE_CHARACTERS) return;
    this.refuse(`something is longer than the ${textCharactersMax} characters allowed`);
  }

  addText(text: string): void {
    this.happened();
    const element = this.#open.at(-1);
    if (element === undefined) return; // White space around the root; saxes refuses the rest.
    const { textCharactersMax } = this.#limits;
    if (element.text.length + text.length > textCharactersMax) {
      this.refuse(`a text is longer than the ${textCharactersMax} characters allowed`);
    }
    element.text += text;
  }

  beginElement(): void {
    this.happened();
    this.#attributes = 0;
    const { elementsMax, depthMax } = this.#limits;
    if (++this.#elements > elementsMax) {
      this.refuse(`there are more than the ${elementsMax} elements allowed`);
    }
    if (this.#open.length >= depthMax) {
      this.refuse(`elements are nested deeper than the ${depthMax} levels allowed`);
    }
  }

  checkAttribute(attribute: SaxesAttributeNSIncomplete): void {
    this.happened();
    const { attributesMax } = this.#limits;
    if (++this.#attributes > attributesMax) {
      this.refuse(`an element has more than the ${attributesMax} attributes allowed`);
    }
    const refusal = valueRefusal(attribute, this.#limits);
    if (refusal !== null) this.refuse(refusal);
  }

  addElement(tag: SaxesTagNS): void {
    const element = elementFrom(tag) ?? this.refuse('a name is not one that XML allows');
    if (this.root === undefined) this.root = element;
    else this.#open.at(-1)?.children.push(element);
    this.#open.push(element);
  }
}

/**
 * On the prototype, for all parsers: with more than half a dozen handlers of its own V8 makes a dictionary
 * of a parser, and each character costs saxes five times as much.
 */
function handleEvents(of: TreeParser): void {
  of.on('doctype', function (this: TreeParser) {
    this.refuse('a DOCTYPE is not allowed');
  });
  of.on('processinginstruction', function (this: TreeParser) {
    this.refuse('a processing instruction is not allowed');
  });
  of.on('xmldecl', function (this: TreeParser, { version, encoding }) {
    const refusal = declarationRefusal(version, encoding);
    if (refusal !== null) this.refuse(refusal);
  });
  of.on('comment', function (this: TreeParser) {
    this.happened();
  });
  of.on('opentagstart', function (this: TreeParser) {
    this.beginElement();
  });
  of.on('attribute', function (this: TreeParser, attribute) {
    this.checkAttribute(attribute);
  });
  of.on('opentag', function (this: TreeParser, tag) {
    this.addElement(tag);
  });
  of.on('cdata', function (this: TreeParser, text) {
    this.addText(text);
  });
}

handleEvents(TreeParser.prototype);

function valueRefusal(
  { name, prefix, value }: { name: string; prefix: string; value: string },
  { textCharactersMax }: XmlLimits,
): string | null {
  if (value.length > textCharactersMax) {
    return `a value is longer than the ${textCharactersMax} characters allowed`;
  }
  // saxes would trim it, and two readers would see two namespaces.
  const isNamespace = prefix === 'xmlns' || name === 'xmlns';
  if (!isNamespace || value === value.trim()) return null;
  return 'a namespace may not begin or end with white space';
}

function declarationRefusal(version?: string, encoding?: string): string | null {
  if (version !== '1.0') return 'the XML version is not 1.0, the one allowed';
  const isKnown = encoding === undefined || /^(utf-8|us-ascii)$/i.test(encoding);
  return isKnown ? null : 'the encoding is none of those allowed, UTF-8 and US-ASCII';
}

/** Characters that a name may hold but not begin with; saxes looks at the whole name's first. */
const NO_NAME_START = /^[-.0-9\u00b7\u0300-\u036f\u203f\u2040]/;

function elementFrom(tag: SaxesTagNS): OpenElement | undefined {
  const all = Object.values(tag.attributes);
  if (NO_NAME_START.test(tag.local) || all.some(({ local }) => NO_NAME_START.test(local))) {
    return undefined;
  }
  const attributes = all
    .filter(({ name, prefix }) => prefix !== 'xmlns' && name !== 'xmlns')
    .map(({ uri, local, value }) => ({ namespace: uri, local, value }));
  return { namespace: tag.uri, local: tag.local, attributes, children: [], text: '' };
}

const DEFAULT_REFUSAL = 'the document is not well-formed XML 1.0';

/** Our words for those of saxes, which may quote names of the document. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/unbound namespace prefix/, 'a prefix is used without a declaration'],
  [/duplicate attribute/, 'an element has an attribute twice'],
  [/undefined entity|entity name/, 'an entity is none of the five predefined'],
  [/character entity/, 'a character reference names no character that XML allows'],
  [/unclosed tag|unexpected end|unexpected close|unmatched closing/, 'an element is not closed'],
  [/must contain a root/, 'there is no root element'],
  [/outside of root|only one root/, 'only white space and comments are allowed around the root'],
  [/disallowed character/, 'a character is not allowed here'],
];

function refusalFor(message: string): string {
  return REFUSALS.find(([pattern]) => pattern.test(message))?.[1] ?? DEFAULT_REFUSAL;
}

function malformed(message: string): TallystickError {
  return new TallystickError('request-malformed', message);
}

/** An element to be written, its name with the prefix: `SOAP-ENV:Envelope`. */
export interface XmlNode {
  readonly name: string;
  readonly attributes: readonly (readonly [string, string])[];
  readonly content: string | readonly XmlNode[];
}

const NAME = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;

/** `writeXml` checks the names. */
export function xmlNode(
  name: string,
  attributes: Readonly<Record<string, string>>,
  content: string | readonly XmlNode[] = '',
): XmlNode {
  return { name, attributes: Object.entries(attributes), content };
}

/**
 * The document with its declaration, without white space between elements. A character that XML
 * cannot hold is written as U+FFFD.
 *
 * @throws TallystickError `internal` for a broken name
 */
export function writeXml(root: XmlNode): string {
  return `${DECLARATION}${writeNode(root)}`;
}

/**
 * A document whose root has more children than fit in memory, in pieces: each child is written when it comes, on a
 * line of its own. Otherwise as `writeXml`.
 *
 * @throws TallystickError `internal` for a broken name
 */
export async function* writeXmlStream(
  root: Omit<XmlNode, 'content'>,
  children: AsyncIterable<XmlNode>,
): AsyncGenerator<string> {
  yield `${DECLARATION}\n${startOf(root)}>\n`;
  for await (const child of children) yield `${writeNode(child)}\n`;
  yield `</${root.name}>\n`;
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';

function writeNode(node: XmlNode): string {
  const { name, content } = node;
  const inside =
    typeof content === 'string' ? escapeText(content) : content.map(writeNode).join('');
  const start = startOf(node);
  return inside === '' ? `${start}/>` : `${start}>${inside}</${name}>`;
}

function startOf({ name, attributes }: Omit<XmlNode, 'content'>): string {
  const pairs = attributes.map(([key, value]) => ` ${checkName(key)}="${escapeValue(value)}"`);
  return `<${checkName(name)}${pairs.join('')}`;
}

function checkName(name: string): string {
  if (!NAME.test(name)) throw new TallystickError('internal', 'a name of XML to write is broken');
  return name;
}

const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** Nearly every text: nothing in it to be escaped or replaced. */
const PLAIN = /^[\w .:/,-]*$/;

function escapeText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .replace(FORBIDDEN, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;');
}

function escapeValue(value: string): string {
  if (PLAIN.test(value)) return value;
  return escapeText(value).replaceAll('\t', '&#9;').replaceAll('\n', '&#10;');
}
