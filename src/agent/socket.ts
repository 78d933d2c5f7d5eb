import { chmod } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { AgentError } from './agent-error.ts';
import type { AgentApi } from './api.ts';
import { type Ask, logon, type LogonRequest, type Outcome } from './logon.ts';
import type { Agent } from './agent.ts';

/**
 * By which commands ask the running agent, one line of JSON after the other: a request; then questions
 * and answers; then the outcome. Only the owner of the folder gets to it.
 */
const requestShape: z.ZodType<LogonRequest> = z.strictObject({
  user: z.string(),
  domain: z.string().nullable(),
  purpose: z.enum(['logon', 'update']),
});
const answerShape = z.strictObject({ answer: z.string() });
const lineCharactersMax = 8192;

interface Line {
  readonly ask?: Parameters<Ask>[0];
  readonly outcome?: Outcome;
}

function socketPath(folder: string): string {
  return join(folder, 'agent.sock');
}

/** @returns closes it. @throws AgentError busy when another agent is running */
export async function serveSocket(agent: Agent, api: AgentApi): Promise<() => Promise<void>> {
  const path = socketPath(agent.folder);
  if (await isServed(path)) throw new AgentError('busy', `another agent listens on ${path}`);
  await agent.env.files.remove(path);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    void converse(agent, api, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
}

async function converse(agent: Agent, api: AgentApi, socket: Socket): Promise<void> {
  const lines = linesOf(socket);
  const write = (line: Line): void => void socket.write(`${JSON.stringify(line)}\n`);
  try {
    const request = requestShape.parse(JSON.parse(await lines()));
    const ask: Ask = async (question) => {
      write({ ask: question });
      return answerShape.parse(JSON.parse(await lines())).answer;
    };
    write({ outcome: await logon(agent, api, request, ask) });
    socket.end();
  } catch (error) {
    agent.log('socket', error instanceof Error ? error.name : 'unknown');
    socket.destroy();
  }
}

/** Asks the running agent. @throws AgentError not-running when there is none */
export async function logonBySocket(
  folder: string,
  request: LogonRequest,
  ask: Ask,
): Promise<Outcome> {
  const socket = createConnection(socketPath(folder));
  const lines = linesOf(socket);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for (;;) {
      const line = JSON.parse(await lines()) as Line;
      if (line.outcome !== undefined) return line.outcome;
      if (line.ask !== undefined) {
        socket.write(`${JSON.stringify({ answer: await ask(line.ask) })}\n`);
      }
    }
  } finally {
    socket.destroy();
  }
}

/** The next line each time. @throws AgentError not-running when the other side is gone */
function linesOf(socket: Socket): () => Promise<string> {
  const gone = new AgentError('not-running', 'nobody listens on the socket of the agent');
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  const ready: string[] = [];
  let isGone = false;
  const reader = createInterface({ input: socket, crlfDelay: Infinity });
  reader.on('line', (line) => {
    if (line.length > lineCharactersMax) socket.destroy();
    else if (waiting.length > 0) waiting.shift()?.resolve(line);
    else ready.push(line);
  });
  const end = (): void => {
    isGone = true;
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  reader.on('error', end);
  socket.on('error', end);
  socket.on('close', end);
  return () =>
    new Promise((resolve, reject) => {
      const line = ready.shift();
      if (line !== undefined) resolve(line);
      else if (isGone) reject(gone);
      else waiting.push({ resolve, reject });
    });
}

async function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
