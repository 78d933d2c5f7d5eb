import { clientFault, requestFault } from './fault.ts';
import { namespaces } from './namespaces.ts';
import { parseXml, type XmlElement, type XmlLimits } from '../xml.ts';

/** Beside the bytes, which the listener's limit bounds: far above any request of a real program. */
const limits: Omit<XmlLimits, 'bytesMax'> = {
  depthMax: 32,
  elementsMax: 2_000,
  attributesMax: 64,
  textCharactersMax: 8_192,
};

/**
 * The one element in the body of a SOAP 1.1 envelope. Headers are ignored unless they insist.
 *
 * @throws TallystickError `request-malformed` for what is not well-formed, or no envelope
 */
export function readEnvelope(bytes: Uint8Array, bytesMax: number): XmlElement {
  const root = parseXml(bytes, { ...limits, bytesMax });
  requireEnvelope(root);
  const [first, ...others] = root.children;
  const hasHeader = first !== undefined && isOfEnvelope(first, 'Header');
  if (hasHeader) requireNothingInsists(first);
  const [body, ...beyond] = hasHeader ? others : root.children;
  if (body === undefined || !isOfEnvelope(body, 'Body') || beyond.length > 0) {
    throw clientFault('an Envelope holds at most one Header, then one Body, and nothing else');
  }
  requireNoText(body);
  const [operation, ...more] = body.children;
  if (operation === undefined) throw clientFault('the Body must hold an operation');
  if (more.length > 0) throw clientFault('the Body must hold one operation only');
  return operation;
}

function requireEnvelope(root: XmlElement): void {
  const { local, namespace } = root;
  if (local === 'Envelope' && namespace === namespaces.envelope12) {
    throw requestFault('VersionMismatch', 'this server speaks SOAP 1.1');
  }
  if (!isOfEnvelope(root, 'Envelope')) {
    throw clientFault('the document must be a SOAP 1.1 Envelope');
  }
  requireNoText(root);
}

function isOfEnvelope(element: XmlElement, local: string): boolean {
  return element.local === local && element.namespace === namespaces.envelope;
}

/** SOAP 1.1 section 4.2.3: who insists must be understood or refused. */
function requireNothingInsists(header: XmlElement): void {
  const insists = header.children.some(({ attributes }) =>
    attributes.some(
      ({ namespace, local, value }) =>
        namespace === namespaces.envelope &&
        local === 'mustUnderstand' &&
        value.trim() !== '0' &&
        value.trim() !== 'false',
    ),
  );
  if (insists) throw requestFault('MustUnderstand', 'no header that must be understood is known');
}

/**
 * Elements that hold elements hold no text between them.
 *
 * @throws TallystickError `request-malformed`
 */
export function requireNoText(element: XmlElement): void {
  if (element.text.trim() !== '') throw clientFault('there is text where only elements may be');
}

/**
 * The children of an element, if there is one, by name, each at most once and of the named ones only, in any order.
 * They have no namespace, or that of an interface, which a default `xmlns` gives them.
 *
 * @param ignored names that programs are known to send and that mean nothing here
 * @throws TallystickError `request-malformed`
 */
export function childrenByName<Name extends string>(
  element: XmlElement | undefined,
  names: readonly Name[],
  ignored: readonly string[] = [],
): Readonly<Partial<Record<Name, XmlElement>>> {
  const found: Partial<Record<Name, XmlElement>> = {};
  if (element === undefined) return found;
  requireNoText(element);
  for (const child of element.children) {
    const name = names.find((one) => one === child.local);
    if (name !== undefined && isUnqualified(child)) {
      if (found[name] !== undefined) throw clientFault(`there may be one ${name} only`);
      found[name] = child;
    } else if (!ignored.includes(child.local)) {
      throw clientFault(`known here are ${names.join(', ')} and nothing else`);
    }
  }
  return found;
}

/** Whether an element has no namespace, or that of an interface. */
export function isUnqualified({ namespace }: XmlElement): boolean {
  return (
    namespace === '' ||
    namespace === namespaces.authentication ||
    namespace === namespaces.administration ||
    namespace === namespaces.signature
  );
}

/**
 * The text of an element that holds nothing else; '' when there is none.
 *
 * @throws TallystickError `request-malformed`
 */
export function textOf(element: XmlElement | undefined): string {
  if (element === undefined) return '';
  if (element.children.length > 0) throw clientFault(`${element.local} must hold text only`);
  return element.text;
}
