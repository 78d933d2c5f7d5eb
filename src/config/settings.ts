/**
 * The catalogue of configuration: one row per setting. Validation, environment names, the JSON
 * Schema, `config show` and the documentation all read it.
 */

export type SettingKind =
  | { readonly type: 'integer'; readonly least: number; readonly most: number }
  | { readonly type: 'text'; readonly pattern: RegExp; readonly allowed: string }
  /** A file's name; relative ones start at the configuration file's folder. */
  | { readonly type: 'path' }
  | { readonly type: 'boolean' }
  | { readonly type: 'choice'; readonly choices: readonly string[] };

export type SettingValue = string | number | boolean;

export interface Setting {
  /** Dotted, e.g. `listen.tls.certFile`. */
  readonly name: string;
  readonly kind: SettingKind;
  /** Absent: not set unless somebody sets it. */
  readonly byDefault?: SettingValue;
  /** Of the value; '' where it has none. */
  readonly unit: string;
  readonly meaning: string;
  /** Shown by no command. */
  readonly isSecret?: boolean;
}

const anyText = { type: 'text', pattern: /^[^\p{Cc}]{1,4096}$/u, allowed: 'text' } as const;
const path = { type: 'path' } as const;
const integer = (least: number, most: number): SettingKind => ({ type: 'integer', least, most });
const choice = (...choices: string[]): SettingKind => ({ type: 'choice', choices });

export const settings: readonly Setting[] = [
  {
    name: 'instance.name',
    kind: {
      type: 'text',
      pattern: /^[A-Za-z0-9._-]{1,64}$/,
      allowed: '1 to 64 of A-Z a-z 0-9 . _ -',
    },
    byDefault: 'main',
    unit: '',
    meaning:
      'Names the audit chain of this server. Servers on one PostgreSQL need different names.',
  },
  {
    name: 'listen.host',
    kind: { type: 'text', pattern: /^[A-Za-z0-9.:_-]{1,255}$/, allowed: 'an address or host name' },
    byDefault: '127.0.0.1',
    unit: '',
    meaning: 'Where to listen. Anything but loopback needs TLS, or listen.forcePlain.',
  },
  {
    name: 'listen.port',
    kind: integer(0, 65_535),
    byDefault: 8888,
    unit: 'TCP port',
    meaning: 'The one port for everything; 0 lets the operating system choose.',
  },
  {
    name: 'listen.tls.certFile',
    kind: path,
    unit: 'PEM file',
    meaning: "The server's certificate with its chain; together with listen.tls.keyFile.",
  },
  {
    name: 'listen.tls.keyFile',
    kind: path,
    unit: 'PEM file',
    meaning: 'The private key of the certificate; readable by the server only.',
  },
  {
    name: 'listen.forcePlain',
    kind: { type: 'boolean' },
    byDefault: false,
    unit: '',
    meaning:
      'Listen without TLS beyond loopback: responses and API keys then cross the net in clear.',
  },
  {
    name: 'database.kind',
    kind: choice('sqlite', 'postgres'),
    byDefault: 'sqlite',
    unit: '',
    meaning: 'SQLite serves one server, PostgreSQL several.',
  },
  {
    name: 'database.path',
    kind: path,
    unit: 'file',
    meaning: 'The SQLite database.',
  },
  {
    name: 'database.connectionString',
    kind: anyText,
    unit: 'postgres:// address',
    meaning: 'PostgreSQL, when the address holds no password.',
    isSecret: true,
  },
  {
    name: 'database.connectionStringFile',
    kind: path,
    unit: 'file, mode 0600',
    meaning: 'A file with the PostgreSQL address, when the address holds a password.',
  },
  {
    name: 'database.maxConnections',
    kind: integer(2, 64),
    byDefault: 8,
    unit: 'connections',
    meaning: 'PostgreSQL connections of this server: one commits, the others read.',
  },
  {
    name: 'module.uri',
    kind: { ...anyText, pattern: /^pkcs11:[\x21-\x7e]{1,2048}$/, allowed: 'a pkcs11: address' },
    unit: 'RFC 7512 address',
    meaning: 'The p11Token that holds the keys, with its module-path. Exactly one must match.',
  },
  {
    name: 'module.pinFile',
    kind: path,
    unit: 'file, mode 0600',
    meaning: 'Holds the PIN of the p11Token. Either this or module.pinEnvironment.',
  },
  {
    name: 'module.pinEnvironment',
    kind: { type: 'text', pattern: /^[A-Za-z_][A-Za-z0-9_]{0,99}$/, allowed: 'a variable name' },
    unit: 'variable',
    meaning: 'Names the environment variable that holds the PIN of the p11Token.',
  },
  {
    name: 'module.refusedPinMarkerPath',
    kind: path,
    unit: 'file',
    meaning: 'Where a refused PIN is remembered. Unset: beside PIN, configuration or database.',
  },
  {
    name: 'module.residency',
    kind: choice('resident', 'wrapped'),
    byDefault: 'resident',
    unit: '',
    meaning: 'New seeds live in the module (resident) or in the database under its key (wrapped).',
  },
  {
    name: 'module.maxSessions',
    kind: integer(1, 64),
    byDefault: 4,
    unit: 'sessions',
    meaning: 'PKCS#11 sessions that work at once.',
  },
  {
    name: 'module.lruHandles',
    kind: integer(1, 100_000),
    byDefault: 4096,
    unit: 'seeds',
    meaning: 'Unwrapped seeds that the module keeps as session objects (wrapped residency).',
  },
  {
    name: 'module.softhsmConf',
    kind: path,
    unit: 'file',
    meaning: 'For SoftHSM: becomes SOFTHSM2_CONF before the module is loaded.',
  },
  {
    name: 'soap.enabled',
    kind: { type: 'boolean' },
    byDefault: true,
    unit: '',
    meaning: 'Serve programs written for OneSpan Authentication Server on POST /.',
  },
  {
    name: 'soap.challengeIssuedProfile',
    kind: choice('failure', 'challenge'),
    byDefault: 'failure',
    unit: '',
    meaning: 'How authUser tells that it issued a challenge: RET_FAILURE or RET_CHALLENGE.',
  },
  {
    name: 'delivery.folder',
    kind: path,
    unit: 'folder',
    meaning: 'Where gateways of the kind file write; unset: there can be none.',
  },
  {
    name: 'delivery.deadlineMs',
    kind: integer(100, 60_000),
    byDefault: 10_000,
    unit: 'milliseconds',
    meaning: 'For one gateway to take a message with a one-time password.',
  },
  {
    name: 'delivery.totalDeadlineMs',
    kind: integer(100, 120_000),
    byDefault: 20_000,
    unit: 'milliseconds',
    meaning: 'For all gateways of one message together; then the rest are not tried.',
  },
  {
    name: 'delivery.sendsPerHourMax',
    kind: integer(1, 10_000_000),
    byDefault: 10_000,
    unit: 'messages',
    meaning: 'Messages in an hour of the clock, all users and servers of one database together.',
  },
  {
    name: 'limits.bodyBytesMax',
    kind: integer(1024, 1_048_576),
    byDefault: 65_536,
    unit: 'bytes',
    meaning: 'Larger request bodies are refused, unread.',
  },
  {
    name: 'limits.requestsInFlightMax',
    kind: integer(1, 10_000),
    byDefault: 512,
    unit: 'requests',
    meaning: 'More requests at once are answered 503 (overloaded).',
  },
  {
    name: 'limits.connectionsMax',
    kind: integer(1, 65_535),
    byDefault: 2048,
    unit: 'connections',
    meaning: 'More TCP connections at once are closed.',
  },
  {
    name: 'limits.headersTimeoutMs',
    kind: integer(100, 600_000),
    byDefault: 10_000,
    unit: 'milliseconds',
    meaning: "For a request's headers to arrive.",
  },
  {
    name: 'limits.requestTimeoutMs',
    kind: integer(100, 600_000),
    byDefault: 15_000,
    unit: 'milliseconds',
    meaning: 'For a whole request to arrive; at least limits.headersTimeoutMs.',
  },
  {
    name: 'limits.keepAliveMs',
    kind: integer(0, 600_000),
    byDefault: 5000,
    unit: 'milliseconds',
    meaning: 'An idle connection is kept this long for the next request.',
  },
  {
    name: 'limits.drainMs',
    kind: integer(0, 600_000),
    byDefault: 10_000,
    unit: 'milliseconds',
    meaning: 'On SIGTERM requests in flight have this long to finish.',
  },
  {
    name: 'log.level',
    kind: choice('debug', 'info', 'warn', 'error', 'silent'),
    byDefault: 'info',
    unit: '',
    meaning: 'Least severity that is logged; one line per request is info.',
  },
];

const settingByName = new Map(settings.map((setting) => [setting.name, setting]));

export function settingNamed(name: string): Setting | undefined {
  return settingByName.get(name);
}

/** `listen.tls.certFile` is `TALLYSTICK_LISTEN__TLS__CERT_FILE` in the environment. */
export function environmentName(name: string): string {
  const parts = name.split('.').map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase());
  return `TALLYSTICK_${parts.join('__')}`;
}

/** What a kind admits, for error texts and documents. */
export function allowedText(kind: SettingKind): string {
  switch (kind.type) {
    case 'integer':
      return `a whole number from ${kind.least} to ${kind.most}`;
    case 'text':
      return kind.allowed;
    case 'path':
      return 'a file name';
    case 'boolean':
      return 'true or false';
    case 'choice':
      return kind.choices.join(', ');
  }
}

/** The value if the kind admits it. */
export function admit(kind: SettingKind, value: unknown): SettingValue | undefined {
  if (typeof value === 'string') return admitsText(kind, value) ? value : undefined;
  if (typeof value === 'boolean') return kind.type === 'boolean' ? value : undefined;
  const isAdmitted = typeof value === 'number' && kind.type === 'integer' && isWithin(kind, value);
  return isAdmitted ? value : undefined;
}

function isWithin({ least, most }: { least: number; most: number }, value: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function admitsText(kind: SettingKind, value: string): boolean {
  if (kind.type === 'text') return kind.pattern.test(value);
  if (kind.type === 'path') return /^[^\p{Cc}]{1,4096}$/u.test(value);
  return kind.type === 'choice' && kind.choices.includes(value);
}

/** Text from the environment or a flag as the kind's own type; still to be admitted. */
export function fromText(kind: SettingKind, text: string): unknown {
  if (kind.type === 'integer') return /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
  if (kind.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
