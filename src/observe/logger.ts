import { destination, pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Structured log lines. Fields are facts with names; secrets are not among them. */
export interface Logger {
  readonly debug: (fields: LogFields, message: string) => void;
  readonly info: (fields: LogFields, message: string) => void;
  readonly warn: (fields: LogFields, message: string) => void;
  readonly error: (fields: LogFields, message: string) => void;
  /** Writes what is buffered; before the process ends. */
  readonly flush: () => void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Where lines go: a file descriptor, or for tests a function that gets each line. */
export type LogTarget =
  { readonly fileDescriptor: number } | { readonly line: (text: string) => void };

/**
 * Members that never reach a log, whatever a caller passes by mistake. This is the second line: the
 * first is not to pass them.
 */
const redactedMembers: readonly string[] = [
  'apiKey',
  'authorization',
  'body',
  'challenge',
  'connectionString',
  'cookie',
  'key',
  'keyText',
  'otp',
  'password',
  'pin',
  'privateKey',
  'response',
  'secret',
  'seed',
  'serverPin',
  'soPin',
  'userPin',
  'value',
];

/** How deep below a line's top redaction looks. */
const redactedDepth = 3;

/** A logger of JSON lines (time, level, message, fields), with redaction. */
export function createLogger(options: { level: LogLevel; target: LogTarget }): Logger {
  const { target } = options;
  const stream =
    'line' in target
      ? { write: (text: string) => target.line(text) }
      : // Unbuffered but asynchronous: a slow reader of the log does not hold up a request.
        destination({ dest: target.fileDescriptor, sync: false, minLength: 0 });
  // Whoever read the log has gone; that is no reason to stop serving.
  if ('on' in stream) stream.on('error', () => undefined);
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths(), censor: '[redacted]' },
      serializers: { error: describeError },
    },
    stream,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () => {
      if ('flushSync' in stream) stream.flushSync();
    },
  };
}

function redactedPaths(): string[] {
  const paths: string[] = [];
  for (let depth = 0; depth < redactedDepth; depth += 1) {
    for (const member of redactedMembers) paths.push(`${'*.'.repeat(depth)}${member}`);
  }
  return paths;
}

const causesMax = 4;

/**
 * An error as a log shows it: name, code, message and stack, and the same of its causes. Further
 * members of foreign errors are left out: nobody knows what they hold.
 */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return plainFailure(error);
  const code = 'code' in error ? error.code : undefined;
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { errorCode: code } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined || depth >= causesMax
      ? {}
      : { cause: describeError(error.cause, depth + 1) }),
  };
}

/** The module rejects with plain objects `{ kind, ckr, detail }`. */
function plainFailure(failure: unknown): unknown {
  if (typeof failure !== 'object' || failure === null) return String(failure);
  const { kind, ckr, detail } = failure as Readonly<Record<string, unknown>>;
  return { kind, ckr, detail };
}
