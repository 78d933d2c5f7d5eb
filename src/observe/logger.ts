import { destination, pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Structured log lines. Fields are facts with names; secrets are not among them. */
export interface Logger {
  readonly debug: (fields: LogFields, message: string) => void;
  readonly info: (fields: LogFields, message: string) => void;
  readonly warn: (fields: LogFields, message: string) => void;
  readonly error: (fields: LogFields, message: string) => void;
  /**
   * Writes what is buffered, before the process ends; later lines are lost. Takes no longer than a
   * second, whatever has become of the reader.
   */
  readonly end: () => Promise<void>;
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
      ? { write: target.line, end: () => Promise.resolve() }
      : fileStream(target.fileDescriptor, (lines) => {
          logger.warn({ lines }, 'lines of the log were lost: nobody read them in time');
        });
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
    end: stream.end,
  };
}

const bufferedBytesMax = 1_048_576;
const endMs = 1000;

/**
 * Writes without waiting: a slow reader of the log holds up no request, and one that has gone is no
 * reason to stop serving, or not to stop.
 */
function fileStream(
  fileDescriptor: number,
  onLost: (lines: number) => void,
): { readonly write: (text: string) => void; readonly end: () => Promise<void> } {
  const file = destination({
    dest: fileDescriptor,
    sync: false,
    minLength: 0,
    maxLength: bufferedBytesMax,
  });
  let isEnding = false;
  let isGone = false;
  let lost = 0;
  file.on('error', (error: NodeJS.ErrnoException) => {
    isGone = error.code === 'EPIPE';
  });
  file.on('drop', () => {
    lost += 1;
  });
  file.on('drain', () => {
    if (lost === 0 || isEnding) return;
    const lines = lost;
    lost = 0;
    onLost(lines);
  });
  return {
    write: (text) => {
      if (!isEnding) file.write(text);
    },
    end: () =>
      new Promise((resolve) => {
        if (isEnding || isGone) {
          resolve();
          return;
        }
        isEnding = true;
        // pino calls it when the process exits, and it repeats a write that fails for ever.
        file.flushSync = () => undefined;
        for (const event of ['close', 'error'] as const) file.once(event, () => resolve());
        setTimeout(resolve, endMs);
        file.end();
      }),
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
