import type {
  Channel,
  FileSettings,
  GatewaySettings,
  HttpContent,
  HttpSettings,
  SmtpSettings,
} from './gateway.ts';

/**
 * What a gateway may be set to. Stricter than what sends (`src/delivery`) is on its own: a mistake is
 * told to whoever makes it, and not found in a night when nobody gets his one-time password.
 */

/** One member that was refused, and what is allowed. */
export interface GatewayProblem {
  readonly name: string;
  readonly message: string;
}

export type ParsedGatewaySettings =
  | { readonly ok: true; readonly settings: GatewaySettings }
  | { readonly ok: false; readonly problems: readonly GatewayProblem[] };

const kinds: readonly GatewaySettings['kind'][] = ['smtp', 'http', 'file'];
const securities: readonly SmtpSettings['security'][] = ['tls', 'starttls', 'none'];
const contents: readonly HttpContent[] = ['json', 'form', 'text'];

const hostCharactersMax = 253;
const portMax = 65_535;
const lineCharactersMax = 255;
const addressCharactersMax = 254;
const urlCharactersMax = 2048;
const bodyCharactersMax = 4096;
const headersMax = 16;
const headerNameCharactersMax = 64;
const headerCharactersMax = 1024;
const secretCharactersMax = 1024;

const subjectDefault = 'Your one-time password';

const hostNamePattern =
  /^(?=.*[A-Za-z0-9])[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;
const loopbackPattern = /^127(?:\.(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$/;
/** RFC 5322 section 3.4, without comments, quoted local parts and groups. */
const addressPattern = /^[^\s\p{C}<>()[\],;:"\\@]+@[^\s\p{C}<>(),;"\\@]+$/u;
const fileNamePattern = /^[A-Za-z0-9._-]{1,64}$/;
/** RFC 9110 section 5.6.2. */
const tokenPattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Control characters, lone surrogates, and the separators that break lines. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
const placeholder = /\{(?:to|text|secret)\}/;

/** These frame the request and are written by this server alone. */
const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** One member of the settings: its value, or undefined for what is not allowed. */
interface Member<Value> {
  readonly read: (given: unknown) => Value | undefined;
  readonly allowed: string;
  /** Where the member may be left out. */
  readonly byDefault?: Value;
}

/** Total over the members of a kind: a new one does not compile until it can be read. */
type Form<Settings> = { readonly [Name in keyof Omit<Settings, 'kind'>]-?: Member<Settings[Name]> };

type Given = Readonly<Record<string, unknown>>;

/**
 * Reads the settings of a gateway. Strict: members of another kind and values that could not be sent
 * by are problems, all of them listed. Whether the secret fits is `gatewaySecretProblem`.
 *
 * @param value a JSON object with `kind` and the members of that kind
 */
export function parseGatewaySettings(channel: Channel, value: unknown): ParsedGatewaySettings {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, problems: [{ name: 'settings', message: 'settings must be an object.' }] };
  }
  const given = value as Given;
  switch (given['kind']) {
    case 'smtp':
      return channel === 'email'
        ? readForm('smtp', smtpForm, given, smtpProblems)
        : refused('kind', `http or file for the channel ${channel}: smtp sends mail only`);
    case 'http':
      return readForm('http', httpForm, given, httpProblems);
    case 'file':
      return readForm('file', fileForm, given, () => []);
    default:
      return refused('kind', `one of ${kinds.join(', ')}`);
  }
}

function refused(name: string, allowed: string): ParsedGatewaySettings {
  return { ok: false, problems: [problem(name, allowed)] };
}

function problem(name: string, allowed: string): GatewayProblem {
  return { name, message: `${name} must be ${allowed}.` };
}

function readForm<Settings extends GatewaySettings>(
  kind: Settings['kind'],
  form: Form<Settings>,
  given: Given,
  problemsOf: (settings: Settings) => readonly GatewayProblem[],
): ParsedGatewaySettings {
  const members: readonly (readonly [string, Member<unknown>])[] = Object.entries(form);
  const names = ['kind', ...members.map(([name]) => name)];
  const problems: GatewayProblem[] = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => ({
      name,
      message: `${name} is no member of ${kind}; allowed are ${names.join(', ')}.`,
    }));
  const read: Record<string, unknown> = { kind };
  for (const [name, member] of members) {
    read[name] = Object.hasOwn(given, name) ? member.read(given[name]) : member.byDefault;
    if (read[name] === undefined) problems.push(problem(name, member.allowed));
  }
  if (problems.length > 0) return { ok: false, problems };
  // Each member was read by its own entry of the form, so the record has its type.
  const settings = read as unknown as Settings;
  const together = problemsOf(settings);
  return together.length > 0 ? { ok: false, problems: together } : { ok: true, settings };
}

function choice<Value extends string>(choices: readonly Value[]): Member<Value> {
  return {
    read: (given) => choices.find((each) => each === given),
    allowed: `one of ${choices.join(', ')}`,
  };
}

function isText(given: unknown, charactersMax: number): given is string {
  return typeof given === 'string' && given !== '' && given.length <= charactersMax;
}

function isLine(given: unknown, charactersMax: number): given is string {
  return isText(given, charactersMax) && !unprintable.test(given);
}

const line = `a text of 1 to ${lineCharactersMax} characters, without control characters`;

const smtpForm: Form<SmtpSettings> = {
  host: {
    read: (given) =>
      isText(given, hostCharactersMax) && (hostNamePattern.test(given) || isIpv6(given))
        ? given
        : undefined,
    allowed:
      'a host name in ASCII, or an IP address without brackets; the port is a member of its own',
  },
  port: {
    read: (given) =>
      Number.isInteger(given) && Number(given) >= 1 && Number(given) <= portMax
        ? Number(given)
        : undefined,
    allowed: `a whole number from 1 to ${portMax}`,
  },
  security: choice(securities),
  userName: {
    read: (given) => (given === null || isLine(given, lineCharactersMax) ? given : undefined),
    allowed: `${line}, or null (does not log on)`,
    byDefault: null,
  },
  from: {
    read: (given) => (isLine(given, lineCharactersMax) && isMailbox(given) ? given : undefined),
    allowed: 'one e-mail address such as otp@example.org, or Codes <otp@example.org>',
  },
  subject: {
    read: (given) => (isLine(given, lineCharactersMax) ? given : undefined),
    allowed: line,
    byDefault: subjectDefault,
  },
};

const httpForm: Form<HttpSettings> = {
  url: {
    read: (given) => (isText(given, urlCharactersMax) && isUrl(given) ? given : undefined),
    allowed: `an https URL of at most ${urlCharactersMax} visible ASCII characters, or http to 127.0.0.0/8, ::1 or localhost, without user name, password and placeholders, which are for body and headers`,
  },
  content: choice(contents),
  body: {
    read: (given) =>
      isText(given, bodyCharactersMax) && !unprintable.test(given.replace(/[\t\n\r]/g, ''))
        ? given
        : undefined,
    allowed: `a text of 1 to ${bodyCharactersMax} characters, without control characters but tabs and line ends`,
  },
  headers: {
    read: readHeaders,
    allowed: `an object of at most ${headersMax} texts by the names of headers`,
    byDefault: {},
  },
};

const fileForm: Form<FileSettings> = {
  fileName: {
    read: (given) =>
      typeof given === 'string' && fileNamePattern.test(given) && given !== '.' && given !== '..'
        ? given
        : undefined,
    allowed: '1 to 64 letters, digits, dots, hyphens and underscores, not "." or ".."',
  },
};

function smtpProblems({ security, host }: SmtpSettings): readonly GatewayProblem[] {
  if (security !== 'none' || isLoopbackHost(host)) return [];
  return [problem('security', 'tls or starttls; none only to 127.0.0.0/8, ::1 or localhost')];
}

function isMailbox(text: string): boolean {
  const [, inBrackets = text] = /^[^<>]*<([^<>]*)>$/.exec(text) ?? [];
  return inBrackets.length <= addressCharactersMax && addressPattern.test(inBrackets);
}

function isUrl(text: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(text) || placeholder.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

function isIpv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

/** This machine itself; also in the brackets of a URL. */
function isLoopbackHost(host: string): boolean {
  const plain = host.toLowerCase();
  return ['localhost', '::1', '[::1]'].includes(plain) || loopbackPattern.test(plain);
}

function readHeaders(given: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const entries = Object.entries(given);
  const areTexts = entries.every(([, value]) => typeof value === 'string');
  // Defined as own members, whatever their names.
  return areTexts && entries.length <= headersMax ? Object.fromEntries(entries) : undefined;
}

function httpProblems(settings: HttpSettings): readonly GatewayProblem[] {
  const { body, headers } = settings;
  const problems = [...bodyProblems(settings), ...headerProblems(headers)];
  if (!body.includes('{text}')) {
    problems.push({ name: 'body', message: 'body must hold {text}, where the message goes.' });
  }
  if (![body, ...Object.values(headers)].some((each) => each.includes('{to}'))) {
    problems.push({
      name: 'body',
      message: 'body must hold {to}, where the recipient goes, unless a header does.',
    });
  }
  return problems;
}

function bodyProblems({ content, body }: HttpSettings): readonly GatewayProblem[] {
  if (content === 'json' && !isJson(body)) {
    return [
      problem('body', 'JSON where content is json, with placeholders only inside quoted strings'),
    ];
  }
  if (content === 'form' && !/^[\x21-\x7e]+$/.test(body)) {
    return [problem('body', 'percent-encoded where content is form, such as to={to}&text={text}')];
  }
  return [];
}

/** A placeholder outside of quotes is no JSON itself. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function headerProblems(headers: HttpSettings['headers']): readonly GatewayProblem[] {
  const seen = new Set<string>();
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!tokenPattern.test(name) || name.length > headerNameCharactersMax) {
      const allowed = `named by 1 to ${headerNameCharactersMax} letters, digits and hyphens, such as X-Api-Key`;
      return [problem('headers', allowed)];
    }
    const key = name.toLowerCase();
    const isRepeated = seen.has(key);
    seen.add(key);
    const wrong = isRepeated ? 'is there twice' : headerProblem(key, value);
    return wrong === null ? [] : [{ name: 'headers', message: `The header ${name} ${wrong}.` }];
  });
}

function headerProblem(key: string, value: string): string | null {
  if (ownHeaders.has(key)) return 'is written by this server and cannot be set';
  if (value.length > headerCharactersMax || !/^[\t\x20-\x7e]*$/.test(value)) {
    return `must be at most ${headerCharactersMax} printable ASCII characters and tabs`;
  }
  if (value.includes('{text}')) {
    return 'must not hold {text}, which is for the body; headers take {to} and {secret}';
  }
  if (key.endsWith('authorization') && !value.includes('{secret}')) {
    return 'must hold {secret}, because settings are shown; give the secret itself as the secret';
  }
  return null;
}

/** Whether anything of the settings stands for the secret. */
export function usesSecret(settings: GatewaySettings): boolean {
  switch (settings.kind) {
    case 'smtp':
      return settings.userName !== null;
    case 'http':
      return [settings.body, ...Object.values(settings.headers)].some(holdsSecret);
    case 'file':
      return false;
  }
}

/** What is wrong with a secret for these settings, as what it must be; null when it fits. */
export function gatewaySecretProblem(settings: GatewaySettings, secret: string): string | null {
  if (!usesSecret(settings)) {
    return 'must be left out: neither a user name nor {secret} in body or headers makes use of it';
  }
  if (!isLine(secret, secretCharactersMax)) {
    return `must be 1 to ${secretCharactersMax} characters without control characters`;
  }
  const isInHeader = settings.kind === 'http' && Object.values(settings.headers).some(holdsSecret);
  return isInHeader && !/^[\x20-\x7e]*$/.test(secret)
    ? 'must be printable ASCII characters where a header holds it'
    : null;
}

/**
 * Where a secret goes, as a text to compare: whoever may change settings must not make the stored
 * secret go elsewhere, be it to another server or, as the text of a message, to his own telephone.
 */
export function secretRoute(settings: GatewaySettings): string {
  switch (settings.kind) {
    case 'smtp': {
      const { kind, host, port, security, userName } = settings;
      return JSON.stringify([kind, host, port, security, userName]);
    }
    case 'http': {
      const { kind, url, headers, body } = settings;
      const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
      return JSON.stringify([kind, url, sorted, holdsSecret(body) ? body : null]);
    }
    case 'file':
      return settings.kind;
  }
}

function holdsSecret(text: string): boolean {
  return text.includes('{secret}');
}
