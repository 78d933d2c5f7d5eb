import { exitCodes, exitCodeOf } from './exit-codes.ts';
import type { Environment } from '../main.ts';
import { TallystickError } from '../errors.ts';

/** Something that a command has to be told, and that is no argument. */
export interface Question {
  /** As it is called before the colon. */
  readonly prompt: string;
  /** Hidden while it is typed. */
  readonly isSecret: boolean;
}

/** What a command may touch besides its arguments. Tests give others. */
export interface CliIo {
  readonly environment: Environment;
  /** One line, or several, to standard output: results only. */
  readonly print: (text: string) => void;
  /** To standard error: everything that is no result. */
  readonly say: (text: string) => void;
  /** All of standard input, at most 64 KiB. */
  readonly readInput: () => Promise<string>;
  /** One line from a person at a keyboard; not shown while it is typed when it is a secret. */
  readonly ask: (question: Question) => Promise<string>;
  /** Whether standard input is a person at a keyboard. */
  readonly isInteractive: boolean;
  /** Standard error as a screen, for what is drawn over; null when it is a file or a pipe. */
  readonly terminal: Terminal | null;
  /** Width of the terminal that results go to; null where they go elsewhere. */
  readonly outputColumns: number | null;
  setExitCode: (code: number) => void;
}

export interface Terminal {
  readonly write: (text: string) => void;
  readonly columns: () => number;
}

/** Ends a command with a code and words for people; `document` is what `--json` prints instead. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: number;
  readonly document: object | undefined;

  constructor(exitCode: number, message: string, document?: object) {
    super(message);
    this.exitCode = exitCode;
    this.document = document;
  }
}

/** Wrong arguments, in words that say what is allowed. */
export function usageFailure(message: string): CliFailure {
  return new CliFailure(exitCodes.usage, message);
}

const inputBytesMax = 65_536;

/**
 * What was typed or piped as text.
 *
 * @throws CliFailure where it is no UTF-8: replacing what is not would make different secrets the same
 */
export function typedText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usageFailure(
      'the input is not UTF-8: set the terminal, or the program before the pipe, to it',
    );
  }
}

/** The process's own streams. */
export function processIo(ask: CliIo['ask']): CliIo {
  return {
    environment: process.env,
    print: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
    readInput,
    ask,
    isInteractive: process.stdin.isTTY,
    terminal: process.stderr.isTTY
      ? {
          write: (text) => void process.stderr.write(text),
          columns: () => process.stderr.columns,
        }
      : null,
    outputColumns: process.stdout.isTTY ? process.stdout.columns : null,
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}

async function readInput(): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > inputBytesMax) throw usageFailure('standard input is longer than 64 KiB');
    pieces.push(piece);
  }
  return typedText(Buffer.concat(pieces));
}

/** Says what went wrong, without a stack, and sets the exit code. */
export function report(io: CliIo, error: unknown, asJson: boolean): void {
  if (error instanceof CliFailure) {
    if (asJson && error.document !== undefined) io.print(JSON.stringify(error.document));
    else io.say(error.message);
    io.setExitCode(error.exitCode);
    return;
  }
  if (error instanceof TallystickError) {
    const { code, message } = error;
    if (asJson) io.print(JSON.stringify({ code, message }));
    else io.say(`tallystick: ${message}${fieldsText(error)}`);
    io.setExitCode(exitCodeOf(code));
    return;
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  const isSystem = typeof code === 'string' && typeof syscall === 'string';
  if (isSystem) {
    io.say(`tallystick: ${(error as Error).message}`);
    io.setExitCode(exitCodes.usage);
    return;
  }
  const text = error instanceof Error ? error.message : 'no error object';
  io.say(`tallystick: a mistake in this program: ${text}`);
  if (io.environment['TALLYSTICK_DEBUG'] === '1' && error instanceof Error)
    io.say(error.stack ?? '');
  io.setExitCode(exitCodes.internal);
}

/** Facts that the text leaves out, such as the path of a missing database. */
function fieldsText({ fields }: TallystickError): string {
  const facts = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}`);
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}
