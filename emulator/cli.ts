#!/usr/bin/env node
import type { CliWorld } from './cli-context.ts';
import { runVtoken } from './cli-program.ts';
import { defaultTokenFolder, nodeEnv, systemErrorCode } from './env.ts';
import { EmulatorError } from './errors.ts';

const world: CliWorld = {
  env: nodeEnv,
  defaultFolder: defaultTokenFolder(),
  readStdin,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

// A reader that has seen enough (`vtoken list | head -1`) is no error.
process.stdout.on('error', (error) => {
  if (systemErrorCode(error) !== 'EPIPE') throw error;
});

process.exitCode = await runVtoken(process.argv.slice(2), world);

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
