#!/usr/bin/env node
import { createTerminalAsking } from './ask.ts';
import { processIo, report } from './io.ts';
import { runProgram } from './program.ts';
import { packageVersion } from '../config/index.ts';

const io = processIo(createTerminalAsking());
// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
try {
  await runProgram(io, process.argv.slice(2), packageVersion());
} catch (error) {
  report(io, error, false);
}
