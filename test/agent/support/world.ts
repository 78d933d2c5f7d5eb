import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runAgentProgram } from '../../../src/agent/cli-program.ts';
import { type AgentEnv, nodeEnv } from '../../../src/agent/env.ts';
import type { Files } from '../../../src/agent/files.ts';
import { ScriptedServer, type ServedUser } from './server.ts';

/** A computer whose clocks are set by the test; only what happens on its disk is real. */
export class Computer {
  /** True time. */
  trueMs: number = Date.UTC(2030, 0, 15, 12, 0, 5);
  /** What its clock is wrong by. */
  clockErrorMs = 0;
  bootId: string = randomUUID();
  bootMs = 1_000_000;
  /** All that was slept. */
  sleptMs = 0;
  files: Files = nodeEnv.files;

  pass(durationMs: number): void {
    this.trueMs += durationMs;
    this.bootMs += durationMs;
  }

  restart(): void {
    this.bootId = randomUUID();
    this.bootMs = 100_000;
  }

  readonly env: AgentEnv = {
    ...nodeEnv,
    now: () => ({
      clockMs: this.trueMs + this.clockErrorMs,
      bootMs: this.bootMs,
      bootId: this.bootId,
    }),
    sleepMs: (durationMs) => {
      this.sleptMs += durationMs;
      this.pass(durationMs);
      return Promise.resolve();
    },
    files: new Proxy(nodeEnv.files, {
      get: (_, name: keyof Files): unknown => Reflect.get(this.files, name),
    }),
  };
}

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** What is typed, or what is made of what standard error has shown so far. */
export type Line = string | ((shown: string) => string);

/** A server, a computer and the folder of its agent. */
export interface Office {
  readonly server: ScriptedServer;
  readonly computer: Computer;
  readonly folder: string;
  readonly state: string;
  readonly keyFile: string;
  /** Runs a command; `lines` are what is typed. */
  agent(argv: readonly string[], lines?: readonly Line[]): Promise<Ran>;
  /** What the device of the one user shows, steps from now. */
  shown(steps?: number): string;
}

export const jane: ServedUser = { user: 'jane', pin: '4711', serial: 'VT00000001' };

/** Nobody is enrolled yet. */
export async function openOffice(user: ServedUser = jane): Promise<Office> {
  const folder = mkdtempSync(join(tmpdir(), 'agent-test-'));
  const server = new ScriptedServer();
  const computer = new Computer();
  server.nowMs = () => computer.trueMs;
  server.users.set(user.user, user);
  await server.start();
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const keyFile = join(folder, 'api.key');
  writeFileSync(keyFile, 'tsk_test\n', { mode: 0o600 });
  const state = join(folder, 'agent');
  return {
    server,
    computer,
    folder,
    state,
    keyFile,
    agent: (argv, lines = []) => runAgent(computer, state, argv, lines),
    shown: (steps = 0) => {
      const step = BigInt(Math.floor(computer.trueMs / 30_000) + steps);
      return server.response('TOTP-SHA1-8-30S', step);
    },
  };
}

export async function runAgent(
  computer: Pick<Computer, 'env'>,
  state: string,
  argv: readonly string[],
  lines: readonly Line[],
): Promise<Ran> {
  let out = '';
  let err = '';
  const left = [...lines];
  const status = await runAgentProgram([...argv, '--state', state], {
    env: computer.env,
    defaultFolder: state,
    patience: { connectMs: 2000, totalMs: 10_000 },
    pam: { user: undefined, type: undefined },
    out: (text) => (out += text),
    err: (text) => (err += text),
    isInteractive: false,
    prompt: () => Promise.reject(new Error('no terminal')),
    readLine: () => {
      const next = left.shift();
      return Promise.resolve(
        next === undefined ? null : typeof next === 'string' ? next : next(err),
      );
    },
    stopSignal: () => AbortSignal.abort(),
  });
  return { status, out, err };
}

/** Enrolled, and signed on once, so that there is a package; then the device has gone on. */
export async function equippedOffice(user: ServedUser = jane): Promise<Office> {
  const office = await openOffice(user);
  await enrol(office);
  const ran = await office.agent(
    ['logon', user.user, '--stdin', '--verbose'],
    [`${user.pin}${user.online ?? office.shown()}`],
  );
  if (ran.status !== 0 || !ran.out.includes('renewed')) throw new Error(ran.out + ran.err);
  office.computer.pass(60_000);
  return office;
}

export async function enrol(
  office: Office,
  more: readonly string[] = ['--mode', 'sw'],
): Promise<Ran> {
  const { server, keyFile } = office;
  const argv = ['enrol', '--server', server.url, '--key-file', keyFile, '--name', 'desk', ...more];
  const ran = await office.agent(argv);
  if (ran.status !== 0) throw new Error(ran.err);
  return ran;
}

/** One logon of jane: PIN and response as typed. */
export function logon(office: Office, typed: string, more: readonly string[] = []): Promise<Ran> {
  return office.agent(['logon', 'jane', '--stdin', ...more], [typed]);
}
