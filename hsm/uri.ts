import { fault, faultOf } from './errors.ts';
import type { ModuleFailure, P11TokenInfo } from './types.ts';

/** The parts of a `pkcs11:` URI (RFC 7512 section 2.3) by which one p11Token is found. */
export interface Pkcs11Uri {
  readonly modulePath?: string;
  readonly token?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly slotId?: number;
  /** Path of the file that holds the PIN. */
  readonly pinSourcePath?: string;
}

const uriBytesMax = 4096;
const pathNames = ['token', 'serial', 'manufacturer', 'model', 'slot-id'] as const;
const queryNames = ['module-path', 'pin-source', 'pin-value'] as const;

export type ParsedPkcs11Uri =
  | { readonly ok: true; readonly uri: Pkcs11Uri }
  | { readonly ok: false; readonly failure: ModuleFailure };

/** Reads an RFC 7512 URI; see `requirePkcs11Uri` for what is refused. */
export function parsePkcs11Uri(text: string): ParsedPkcs11Uri {
  try {
    return { ok: true, uri: parsed(text) };
  } catch (error) {
    return { ok: false, failure: faultOf(error, 'parsePkcs11Uri').failure };
  }
}

/**
 * Reads an RFC 7512 URI that names a library, strictly: an attribute that would not be honoured is
 * refused, because to ignore it could select another p11Token than the one that was meant.
 *
 * @throws ModuleFault `contract`, naming the attribute
 */
export function requirePkcs11Uri(text: string): Pkcs11Uri & { readonly modulePath: string } {
  const uri = parsed(text);
  const { modulePath } = uri;
  if (modulePath === undefined) {
    throw fault('contract', 'the pkcs11: URI needs module-path=/path/of/the/library');
  }
  return { ...uri, modulePath };
}

function parsed(text: string): Pkcs11Uri {
  if (text.length > uriBytesMax) throw fault('contract', 'the pkcs11: URI is too long');
  if (!text.startsWith('pkcs11:')) {
    throw fault(
      'contract',
      'the module is addressed by a URI that begins with "pkcs11:" (RFC 7512)',
    );
  }
  const [path = '', query = '', ...rest] = text.slice('pkcs11:'.length).split('?');
  if (rest.length > 0) throw fault('contract', 'the pkcs11: URI has two question marks');
  const inPath = attributesOf(path, ';', pathNames);
  const inQuery = attributesOf(query, '&', queryNames);
  if (inQuery.has('pin-value')) {
    throw fault(
      'contract',
      'pin-value is refused: a PIN in a URI ends up in logs and process lists; use pin-source=file:...',
    );
  }
  return {
    ...textMember('modulePath', inQuery.get('module-path')),
    ...textMember('token', inPath.get('token')),
    ...textMember('serial', inPath.get('serial')),
    ...textMember('manufacturer', inPath.get('manufacturer')),
    ...textMember('model', inPath.get('model')),
    ...slotIdMember(inPath.get('slot-id')),
    ...textMember('pinSourcePath', pinSourcePath(inQuery.get('pin-source'))),
  };
}

/** True if the p11Token has everything that the URI asks for. */
export function matchesUri(uri: Pkcs11Uri, info: P11TokenInfo): boolean {
  return (
    (uri.token === undefined || uri.token === info.label) &&
    (uri.serial === undefined || uri.serial === info.serial) &&
    (uri.manufacturer === undefined || uri.manufacturer === info.manufacturer) &&
    (uri.model === undefined || uri.model === info.model) &&
    (uri.slotId === undefined || uri.slotId === info.slotId)
  );
}

/** Percent-encodes one attribute value of a `pkcs11:` URI. */
export function encodeUriValue(value: string): string {
  return encodeURIComponent(value).replaceAll('%2F', '/').replaceAll('%3A', ':');
}

function attributesOf(
  text: string,
  separator: string,
  known: readonly string[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of text.split(separator)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (!known.includes(name)) {
      throw fault(
        'contract',
        `the pkcs11: URI has "${name}"; here it may have ${known.join(', ')}`,
      );
    }
    if (equals < 0 || found.has(name)) {
      throw fault('contract', `the pkcs11: URI needs "${name}=..." once`);
    }
    found.set(name, decoded(name, part.slice(equals + 1)));
  }
  return found;
}

function decoded(name: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw fault('contract', `"${name}" in the pkcs11: URI is not percent-encoded UTF-8`);
  }
}

function textMember<K extends string>(
  key: K,
  value: string | undefined,
): Partial<Record<K, string>> {
  if (value === undefined) return {};
  const member: Partial<Record<K, string>> = {};
  member[key] = value;
  return member;
}

function slotIdMember(value: string | undefined): { slotId?: number } {
  if (value === undefined) return {};
  if (!/^\d{1,15}$/.test(value)) throw fault('contract', 'slot-id in the pkcs11: URI is a number');
  return { slotId: Number(value) };
}

function pinSourcePath(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.startsWith('|')) {
    throw fault('contract', 'pin-source may not be a command; use pin-source=file:/path');
  }
  const path = value.replace(/^file:(\/\/(localhost)?(?=\/))?/, '');
  if (path === '' || /^[a-z][a-z0-9+.-]+:/i.test(path)) {
    throw fault('contract', 'pin-source is a file: pin-source=file:/path');
  }
  return path;
}
