#!/usr/bin/env node
import { createInterface } from 'node:readline';
import { runAgentProgram } from './cli-program.ts';
import type { AgentWorld } from './cli-world.ts';
import { AgentError } from './agent-error.ts';
import { nodeEnv } from './env.ts';
import { patience } from './http.ts';

/** More than any credential has. */
const lineBytesMax = 1024;

const world: AgentWorld = {
  env: nodeEnv,
  defaultFolder: process.env['TALLYSTICK_AGENT_STATE'] ?? '/var/lib/tallystick-agent',
  patience,
  pam: { user: process.env['PAM_USER'], type: process.env['PAM_TYPE'] },
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  isInteractive: process.stdin.isTTY,
  prompt,
  readLine: lineReader(),
  stopSignal,
};

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runAgentProgram(process.argv.slice(2), world);
process.stdin.destroy();

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGTERM', () => controller.abort());
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}

/** Lines of standard input; pam_exec ends what it writes with a NUL. */
function lineReader(): () => Promise<string | null> {
  let lines: AsyncIterator<string> | null = null;
  return async () => {
    lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const next = await lines.next();
    return next.done === true ? null : next.value.replace(/\0+$/, '').slice(0, lineBytesMax);
  };
}

/** A line typed at the terminal without showing it; Ctrl-C and Ctrl-D give up. */
async function prompt(question: string): Promise<string> {
  // Before the question: whoever answers at once must not see it echoed.
  process.stdin.setRawMode(true);
  process.stderr.write(question);
  const typed: number[] = [];
  try {
    const chunks = process.stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      for (const byte of chunk) {
        if (byte === 0x03 || byte === 0x04) throw new AgentError('unanswered', 'given up');
        if (byte === 0x0d || byte === 0x0a) return Buffer.from(typed).toString('utf8');
        if (byte === 0x7f || byte === 0x08) dropCharacter(typed);
        else if (typed.length < lineBytesMax) typed.push(byte);
      }
    }
    return Buffer.from(typed).toString('utf8');
  } finally {
    typed.fill(0);
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stderr.write('\n');
  }
}

/** The last one, of as many bytes as UTF-8 gave it. */
function dropCharacter(typed: number[]): void {
  let byte = typed.pop();
  while (byte !== undefined && byte >> 6 === 0b10) byte = typed.pop();
}
