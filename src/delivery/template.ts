import type { HttpSettings } from '../service/ports.ts';
import { fault } from './failure.ts';

/** What `{to}`, `{text}` and `{secret}` stand for; the secret is null where there is none. */
export interface TemplateValues {
  readonly to: string;
  readonly text: string;
  readonly secret: string | null;
}

type Placeholder = keyof TemplateValues;

/** How a value is written so that it stays one value of its content. */
const writers: Record<HttpSettings['content'], (value: string) => string> = {
  json: (value) => JSON.stringify(value).slice(1, -1),
  form: (value) => encodeURIComponent(wellFormed(value)),
  text: (value) => value,
};

/**
 * @throws DeliveryFault `contract` if the template wants a secret that is not there or, for JSON, is
 *   not JSON with its placeholders inside strings
 */
export function fillBody(
  template: string,
  content: HttpSettings['content'],
  values: TemplateValues,
): string {
  if (content === 'json') requireJson(template);
  const write = writers[content];
  return fill(template, (name) => write(valueOf(name, values, 'body')));
}

/**
 * @param name of the header, for the error
 * @throws DeliveryFault `contract` if the template wants the message or a secret that is not there,
 *   or if the value has characters that headers do not allow
 */
export function fillHeader(name: string, template: string, values: TemplateValues): string {
  const where = `header "${name}"`;
  const filled = fill(template, (placeholder) => {
    if (placeholder !== 'text') return valueOf(placeholder, values, where);
    throw fault('contract', `${where}: {text} is for the body; headers take {to} and {secret}`);
  });
  if (/^[\t\x20-\x7e]*$/.test(filled)) return filled;
  throw fault('contract', `${where}: only printable ASCII characters and tabs are allowed`);
}

/** One pass: what a value contains is never expanded again. */
function fill(template: string, valueFor: (name: Placeholder) => string): string {
  return template.replace(/\{(to|text|secret)\}/g, (_all, name: Placeholder) => valueFor(name));
}

function valueOf(name: Placeholder, values: TemplateValues, where: string): string {
  const value = values[name];
  if (value !== null) return value;
  throw fault('contract', `${where}: {secret} is used, but the gateway has no secret`);
}

/** A placeholder outside of quotes is no JSON itself, which finds it before a value can be one. */
function requireJson(template: string): void {
  try {
    JSON.parse(template);
  } catch {
    throw fault('contract', 'body: must be JSON, with placeholders only inside quoted strings');
  }
}

/** Half a surrogate pair, which UTF-8 cannot write, becomes U+FFFD. */
function wellFormed(value: string): string {
  return Buffer.from(value, 'utf8').toString('utf8');
}
