import { exitCodes } from './exit-codes.ts';
import { CliFailure, type CliIo, type Question, typedText, usageFailure } from './io.ts';

/**
 * The answers by the names of their questions: at a terminal one after the other, else from standard
 * input, a line each in the same order.
 */
export async function answersTo(
  io: CliIo,
  questions: Readonly<Record<string, Question>>,
): Promise<Readonly<Record<string, string>>> {
  const asked = Object.entries(questions);
  if (asked.length === 0) return {};
  const answers: [string, string][] = [];
  if (io.isInteractive) {
    for (const [name, question] of asked) answers.push([name, await io.ask(question)]);
    return Object.fromEntries(answers);
  }
  const lines = (await io.readInput()).split(/\r?\n/).filter((line) => line !== '');
  if (lines.length !== asked.length) {
    const names = asked.map(([, { prompt }]) => prompt).join(', ');
    throw usageFailure(`standard input must hold ${asked.length} line(s): ${names}`);
  }
  return Object.fromEntries(asked.map(([name], index) => [name, lines[index] ?? '']));
}

const lineBytesMax = 1024;
const [interrupt, endOfInput, backspace, lineFeed, carriageReturn, erase] = [3, 4, 8, 10, 13, 127];

/** Asks at this process's terminal. What was typed ahead goes to the next question. */
export function createTerminalAsking(): CliIo['ask'] {
  let ahead: readonly number[] = [];
  return async ({ prompt, isSecret }) => {
    const { stdin, stderr } = process;
    // Before the question: whoever answers at once must not see it echoed.
    stdin.setRawMode(true);
    stderr.write(`${prompt}: `);
    const typed: number[] = [];
    const show = (text: string | Uint8Array): void => {
      if (!isSecret) stderr.write(text);
    };
    /** Whether the line is complete; what is beyond it waits. */
    const take = (bytes: readonly number[]): boolean => {
      for (const [index, byte] of bytes.entries()) {
        if (byte === interrupt || byte === endOfInput) throw givenUp();
        if (byte === lineFeed || byte === carriageReturn) {
          ahead = bytes.slice(index + 1);
          return true;
        }
        if (byte === backspace || byte === erase) {
          if (typed.pop() !== undefined) show('\b \b');
        } else if (typed.length < lineBytesMax) {
          typed.push(byte);
          show(Uint8Array.of(byte));
        }
      }
      ahead = [];
      return false;
    };
    try {
      if (take(ahead)) return typedText(Uint8Array.from(typed));
      const chunks = stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
      for await (const chunk of chunks) if (take([...chunk])) break;
      return typedText(Uint8Array.from(typed));
    } finally {
      typed.fill(0);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
    }
  };
}

function givenUp(): CliFailure {
  return new CliFailure(exitCodes.interrupted, 'given up');
}
