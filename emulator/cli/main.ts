#!/usr/bin/env node
import type { CliWorld } from './context.ts';
import { runVtoken } from './program.ts';
import { defaultTokenFolder, nodeEnv, systemErrorCode } from '../env.ts';
import { EmulatorError } from '../errors.ts';

/** More than any PIN has. */
const secretBytesMax = 256;

const world: CliWorld = {
  env: nodeEnv,
  defaultFolder: defaultTokenFolder(),
  readStdin,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  promptSecret,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  ...(process.stderr.isTTY ? { terminalColumns: () => process.stderr.columns } : {}),
  untilStopped,
};

// A reader that has seen enough (`vtoken list | head -1`) is no error.
process.stdout.on('error', (error) => {
  if (systemErrorCode(error) !== 'EPIPE') throw error;
});

process.exitCode = await runVtoken(process.argv.slice(2), world);

/** Only once each: who asks a second time wants the process to end at once. */
async function untilStopped(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

/** A line typed at the terminal without showing it; Ctrl-C and Ctrl-D give up. */
async function promptSecret(question: string): Promise<Buffer> {
  // Before the question: whoever answers at once must not see it echoed.
  process.stdin.setRawMode(true);
  process.stderr.write(question);
  const typed: number[] = [];
  try {
    for await (const chunk of process.stdin.iterator({
      destroyOnReturn: false,
    }) as AsyncIterable<Buffer>) {
      for (const byte of chunk) {
        if (byte === 0x03 || byte === 0x04) throw new EmulatorError('input-invalid', 'given up');
        if (byte === 0x0d || byte === 0x0a) return Buffer.from(typed);
        if (byte === 0x7f || byte === 0x08) typed.pop();
        else if (typed.length < secretBytesMax) typed.push(byte);
      }
    }
    return Buffer.from(typed);
  } finally {
    typed.fill(0);
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stderr.write('\n');
  }
}

async function readStdin(bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bytesMax) {
      throw new EmulatorError('input-invalid', `the input is larger than ${bytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
