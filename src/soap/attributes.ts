import { childrenByName, isUnqualified, requireNoText, textOf } from './envelope.ts';
import { clientFault } from './fault.ts';
import type { XmlElement } from '../xml.ts';

/** How the text of an attribute is read and what its `xsi:type` is; the client's is only a hint. */
export type AttributeKind =
  | {
      readonly type: 'string';
      readonly charactersMax: number;
      /** A name is looked up and shown; a key has one form; other texts are only ever compared. */
      readonly holds: 'name' | 'challenge-key' | 'text';
    }
  | { readonly type: 'unsignedInt' }
  /** Only ever written. */
  | { readonly type: 'unsignedLong' }
  | { readonly type: 'dateTime' };

type KindName =
  'name' | 'componentType' | 'text' | 'challengeKey' | 'unsignedInt' | 'unsignedLong' | 'dateTime';

const challengeKeyDigits = 10;

const kinds: Readonly<Record<KindName, AttributeKind>> = {
  name: { type: 'string', charactersMax: 255, holds: 'name' },
  componentType: { type: 'string', charactersMax: 60, holds: 'name' },
  text: { type: 'string', charactersMax: 1024, holds: 'text' },
  challengeKey: { type: 'string', charactersMax: challengeKeyDigits, holds: 'challenge-key' },
  unsignedInt: { type: 'unsignedInt' },
  unsignedLong: { type: 'unsignedLong' },
  dateTime: { type: 'dateTime' },
};

/** The dictionary: every attribute that is read or written here. */
const dictionary = {
  CREDFLD_USERID: 'name',
  CREDFLD_DOMAIN: 'name',
  CREDFLD_ORGANIZATIONAL_UNIT: 'name',
  CREDFLD_COMPONENT_TYPE: 'componentType',
  CREDFLD_PASSWORD_FORMAT: 'unsignedInt',
  CREDFLD_PASSWORD: 'text',
  CREDFLD_STATIC_PASSWORD: 'text',
  CREDFLD_DP_RESPONSE: 'text',
  CREDFLD_CURRENT_PIN: 'text',
  CREDFLD_NEW_PIN: 'text',
  CREDFLD_CONFIRM_NEW_PIN: 'text',
  CREDFLD_SERIAL_NO: 'name',
  CREDFLD_CHALLENGE: 'text',
  CREDFLD_CHALLENGE_KEY: 'challengeKey',
  CREDFLD_CHALLENGE_MESSAGE: 'text',
  CREDFLD_REQUEST_HOST_CODE: 'text',
  CREDFLD_HOST_CODE: 'text',
  CREDFLD_NOTIFY_PASSWORD_EXPIRE_DATE: 'dateTime',
  CREDFLD_NEW_STATIC_PASSWORD: 'text',
  CREDFLD_CONFIRM_STATIC_PASSWORD: 'text',
  CREDFLD_CONFIRM_NEW_STATIC_PASSWORD: 'text',
  CREDFLD_STATUS_MESSAGE: 'text',
  CREDFLD_SESSION_ID: 'text',
  CREDFLD_LOGICAL_ADMIN_PRIVILEGES: 'text',
  CREDFLD_USER_LOCATION: 'text',
  CREDFLD_LAST_LOGON_TIME: 'dateTime',
  CREDFLD_PRODUCT_NAME: 'text',
  CREDFLD_PRODUCT_VERSION: 'text',
  CREDFLD_CONTROLLER_TYPE: 'text',
  SIGNFLD_USERID: 'name',
  SIGNFLD_DOMAIN: 'name',
  SIGNFLD_ORGANIZATIONAL_UNIT: 'name',
  SIGNFLD_COMPONENT_TYPE: 'componentType',
  SIGNFLD_SIGNATURE: 'text',
  SIGNFLD_DATA_FIELD_1: 'text',
  SIGNFLD_DATA_FIELD_2: 'text',
  SIGNFLD_DATA_FIELD_3: 'text',
  SIGNFLD_DATA_FIELD_4: 'text',
  SIGNFLD_DATA_FIELD_5: 'text',
  SIGNFLD_DATA_FIELD_6: 'text',
  SIGNFLD_DATA_FIELD_7: 'text',
  SIGNFLD_DATA_FIELD_8: 'text',
  SIGNFLD_REQUEST_KEY: 'text',
  SIGNFLD_REQUEST_CONFIRM_CODE: 'text',
  SIGNFLD_CONFIRM_CODE: 'text',
  SIGNFLD_SERIAL_NO: 'name',
  SIGNFLD_STATUS_MESSAGE: 'text',
  OFFLINEDATAFLD_USERID: 'name',
  OFFLINEDATAFLD_DOMAIN: 'name',
  OFFLINEDATAFLD_COMPONENT_TYPE: 'componentType',
  OFFLINEDATAFLD_COMPONENT_LOCATION: 'name',
  OFFLINEDATAFLD_SERIALNO: 'name',
  OFFLINEDATAFLD_APPLNAME: 'name',
  OFFLINEDATAFLD_CREATE_TIME: 'dateTime',
  OFFLINEDATAFLD_START_TIME: 'dateTime',
  OFFLINEDATAFLD_END_TIME: 'dateTime',
  OFFLINEDATAFLD_EVENT_WINDOW: 'unsignedInt',
  OFFLINEDATAFLD_EVENT_COUNTER: 'unsignedLong',
} as const;

export type AttributeId = keyof typeof dictionary;

/** How the attribute is read and written, by the dictionary. */
export function kindOf(id: AttributeId): AttributeKind {
  return kinds[dictionary[id]];
}

/** One attribute as it was sent: unread text. */
interface SentAttribute {
  readonly text: string;
  /** Asks for what is not equal, which has a meaning in searches alone. */
  readonly isNegative: boolean;
}

export type AttributeSet = ReadonlyMap<string, SentAttribute>;

/** Sent by programs among the attributes of a logon; means nothing. */
export const ignoredExtras: readonly string[] = ['fieldSet', 'adminDomainInfoList'];

/**
 * The `attributes` of a set by `attributeID`. An empty value is the same as an absent attribute.
 *
 * @throws TallystickError `request-malformed` for a duplicate, and for anything that an attribute cannot hold
 */
export function readAttributeSet(set: XmlElement): AttributeSet {
  requireNoText(set);
  const attributes = new Map<string, SentAttribute>();
  const seen = new Set<string>();
  for (const child of set.children) {
    if (ignoredExtras.includes(child.local)) continue;
    if (child.local !== 'attributes' || !isUnqualified(child)) {
      throw clientFault('an attribute set holds attributes and nothing else');
    }
    const { id, attribute } = readAttribute(child);
    if (seen.has(id)) throw clientFault('each attributeID may be there once');
    seen.add(id);
    if (attribute.text !== '') attributes.set(id, attribute);
  }
  return attributes;
}

function readAttribute(element: XmlElement): { id: string; attribute: SentAttribute } {
  const parts = childrenByName(element, ['attributeOptions', 'value', 'attributeID']);
  const id = textOf(parts.attributeID).trim();
  if (id === '') throw clientFault('attributes must name an attributeID');
  const options = readOptions(parts.attributeOptions);
  const sent = textOf(parts.value);
  const isNull = options.get('null') === true;
  return {
    id,
    attribute: { text: isNull ? '' : sent, isNegative: options.get('negative') === true },
  };
}

const optionNames = ['null', 'negative', 'masked'];

function readOptions(element: XmlElement | undefined): ReadonlyMap<string, boolean> {
  const options = new Map<string, boolean>();
  if (element === undefined) return options;
  requireNoText(element);
  for (const child of element.children) {
    const option = child.local.toLowerCase();
    if (!optionNames.includes(option) || options.has(option) || !isUnqualified(child)) {
      throw clientFault(`attributeOptions holds each of ${optionNames.join(', ')} once at most`);
    }
    const sent = textOf(child).trim();
    const value = sent === '' ? false : parseBoolean(sent);
    if (value === undefined) throw clientFault('an attribute option must be true or false');
    options.set(option, value);
  }
  return options;
}

/** The first thing that was wrong with the fields of a request, in words that quote none of them. */
export interface FieldProblem {
  readonly code: 'field-missing' | 'field-invalid';
  readonly text: string;
}

/** Reads fields by their kind and keeps the first problem; what is absent or empty is null. */
export interface FieldReader {
  readonly text: (id: AttributeId) => string | null;
  /** As `text`, but must be there; '' when it is not. */
  readonly mandatoryText: (id: AttributeId) => string;
  /** Must be there; NaN when it is not. */
  readonly mandatoryNumber: (id: AttributeId) => number;
  readonly refuse: (problem: FieldProblem) => void;
  readonly problem: () => FieldProblem | null;
  /** The field as it came, whatever it is, for answers that repeat it. */
  readonly asReceived: (id: AttributeId) => string | null;
}

/**
 * What is wrong with one field, if anything.
 *
 * @param name the field as the program knows it
 * @param id the attribute whose bounds it has
 * @param text '' for a field that is absent or empty
 */
export function fieldProblem(
  name: string,
  id: AttributeId,
  text: string,
  isMandatory: boolean,
): FieldProblem | null {
  if (text === '') {
    return isMandatory ? { code: 'field-missing', text: `${name} must be given.` } : null;
  }
  const kind = kindOf(id);
  if (isAllowed(kind, text)) return null;
  return { code: 'field-invalid', text: `${name} must be ${allowedText(kind)}.` };
}

/** Reads the fields of one request. */
export function createFieldReader(attributes: AttributeSet): FieldReader {
  let first: FieldProblem | null = null;
  const refuse = (problem: FieldProblem): void => {
    first ??= problem;
  };
  const read = (id: AttributeId, isMandatory: boolean): string => {
    const { text = '', isNegative = false } = attributes.get(id) ?? {};
    const problem = isNegative
      ? { code: 'field-invalid' as const, text: `${id} must not be negative.` }
      : fieldProblem(id, id, text, isMandatory);
    if (problem === null) return text;
    refuse(problem);
    return '';
  };
  const text = (id: AttributeId): string | null => {
    const sent = read(id, false);
    return sent === '' ? null : sent;
  };
  const mandatoryText = (id: AttributeId): string => read(id, true);
  return {
    text,
    mandatoryText,
    mandatoryNumber: (id) => parseUnsignedInt(mandatoryText(id)),
    refuse,
    problem: () => first,
    asReceived: (id) => attributes.get(id)?.text ?? null,
  };
}

/** IDs in a set that the dictionary does not have and that look like some, for the log. */
export function unknownAttributeIds(attributes: AttributeSet): readonly string[] {
  return [...attributes.keys()].filter(
    (id) => !Object.hasOwn(dictionary, id) && /^[A-Z][A-Z0-9_]{0,63}$/.test(id),
  );
}

function allowedText(kind: AttributeKind): string {
  if (kind.type !== 'string') return `of the type ${kind.type}`;
  const most = `at most ${kind.charactersMax} characters`;
  switch (kind.holds) {
    case 'name':
      return `${most}, without control characters`;
    case 'challenge-key':
      return `the ${kind.charactersMax} digits of a key that was issued`;
    case 'text':
      return most;
  }
}

/** Control characters, and the separators that break lines. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}]/u;

const challengeKey = new RegExp(`^[0-9]{${challengeKeyDigits}}$`);

function isAllowed(kind: AttributeKind, sent: string): boolean {
  switch (kind.type) {
    case 'string':
      return sent.length <= kind.charactersMax && isOf(kind.holds, sent);
    case 'unsignedInt':
      return !Number.isNaN(parseUnsignedInt(sent));
    case 'unsignedLong':
    case 'dateTime':
      return false;
  }
}

function isOf(holds: 'name' | 'challenge-key' | 'text', sent: string): boolean {
  switch (holds) {
    case 'name':
      return !unprintable.test(sent);
    case 'challenge-key':
      return challengeKey.test(sent);
    case 'text':
      return true;
  }
}

/** XML Schema part 2 section 3.3.22, which allows white space around it; NaN for anything else. */
function parseUnsignedInt(sent: string): number {
  const text = sent.trim();
  const value = /^\+?[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= 0xffff_ffff ? value : Number.NaN;
}

function parseBoolean(sent: string): boolean | undefined {
  if (sent === 'true' || sent === '1') return true;
  return sent === 'false' || sent === '0' ? false : undefined;
}
