import { text } from './commands.ts';
import { usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';

type Options = Readonly<Record<string, unknown>>;
type Kind = 'smtp' | 'http' | 'file';

/** The option that says where messages go, and so of which kind a gateway is. */
const targets: Readonly<Record<Kind, string>> = { smtp: 'smtp', http: 'url', file: 'file' };

/** Options by the kind that they are for, each beside what it is called on the command line. */
const members: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  smtp: {
    security: '--security',
    userName: '--user-name',
    from: '--from',
    subject: '--subject',
  },
  http: {
    content: '--content',
    body: '--body',
    header: '--header',
    headers: '--no-headers',
  },
  file: {},
};

const smtpPortDefault = 587;

/** What most web services take; `text` has no form that is common. */
const usualBodies: Readonly<Record<string, string>> = {
  json: '{"to":"{to}","text":"{text}"}',
  form: 'to={to}&text={text}',
};

/**
 * The settings that the options describe, on top of those that a gateway has; undefined when the
 * options change none. The server knows what is allowed.
 *
 * @param current null for a new gateway
 * @throws CliFailure for options of several kinds
 */
export function gatewaySettings(options: Options, current: JsonRecord | null): object | undefined {
  const kind = kindOf(options, current);
  refuseOthers(options, kind);
  const before = current?.['kind'] === kind ? current : defaults(options, kind);
  const changes = { ...targetOf(options, kind), ...membersOf(options, kind) };
  return Object.keys(changes).length === 0 && current !== null
    ? undefined
    : { kind, ...before, ...changes };
}

function kindOf(options: Options, current: JsonRecord | null): Kind {
  const chosen = (Object.keys(targets) as Kind[]).filter(
    (kind) => text(options, targets[kind]) !== undefined,
  );
  const [kind = current?.['kind'] as Kind | undefined, ...others] = chosen;
  if (kind === undefined || others.length > 0) {
    throw usageFailure('choose one: --smtp HOST:PORT, --url URL or --file NAME');
  }
  return kind;
}

function refuseOthers(options: Options, kind: Kind): void {
  for (const [other, names] of Object.entries(members)) {
    for (const [name, option] of Object.entries(names)) {
      if (other === kind || !isGiven(options, name)) continue;
      throw usageFailure(`${option} is for ${other} gateways, and this one is of kind ${kind}`);
    }
  }
}

function isGiven(options: Options, name: string): boolean {
  // An option `--no-...` is true until it is given.
  return name === 'headers' ? options[name] === false : options[name] !== undefined;
}

function defaults(options: Options, kind: Kind): JsonRecord {
  switch (kind) {
    case 'smtp':
      return { security: 'starttls' };
    case 'http': {
      const body = usualBodies[text(options, 'content') ?? 'json'];
      return { content: 'json', ...(body === undefined ? {} : { body }) };
    }
    case 'file':
      return {};
  }
}

function targetOf(options: Options, kind: Kind): JsonRecord {
  const target = text(options, targets[kind]);
  if (target === undefined) return {};
  switch (kind) {
    case 'smtp':
      return readHostPort(target);
    case 'http':
      return { url: target };
    case 'file':
      return { fileName: target };
  }
}

function membersOf(options: Options, kind: Kind): JsonRecord {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(members[kind])) {
    const value = text(options, name);
    if (value !== undefined) given[name] = value;
  }
  if (given['userName'] === '') given['userName'] = null;
  const headers = options['header'] as readonly string[] | undefined;
  if (isGiven(options, 'headers')) given['headers'] = {};
  if (headers !== undefined) given['headers'] = readHeaders(headers);
  return given;
}

/** `mail.example.com:587`, `[::1]:2525`, or a host alone. */
function readHostPort(typed: string): JsonRecord {
  const [, bracketed, plain, port] =
    /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(typed) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined) return { host, port: Number(port ?? smtpPortDefault) };
  throw usageFailure(
    '--smtp takes HOST:PORT such as mail.example.com:587, an IPv6 address in brackets',
  );
}

function readHeaders(typed: readonly string[]): Readonly<Record<string, string>> {
  const entries = typed.map((each): readonly [string, string] => {
    const [, name, value] = /^([^:\s]+):[ \t]*(.*)$/s.exec(each) ?? [];
    if (name !== undefined && value !== undefined) return [name, value];
    throw usageFailure("--header takes 'Name: value', such as 'Authorization: Bearer {secret}'");
  });
  const names = new Set(entries.map(([name]) => name));
  if (names.size === entries.length) return Object.fromEntries(entries);
  throw usageFailure('--header takes each name once');
}
