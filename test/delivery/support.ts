import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { createDelivery } from '../../src/delivery/index.ts';
import type { DeliveryFailure, GatewaySettings, Message } from '../../src/service/ports.ts';
import { runProgram } from '../support/cli.ts';
import { messageWith, secretWord } from './sample.ts';

export interface SendInput {
  readonly message?: Partial<Message>;
  readonly secret?: Uint8Array | null;
  readonly folder?: string | null;
  readonly deadlineMs?: number;
}

/** Sends through a new door: Grace's message, no secret, no folder, five seconds. */
export function send(settings: GatewaySettings, input: SendInput = {}): Promise<void> {
  const delivery = createDelivery({ folder: input.folder ?? null });
  const message = messageWith(input.message);
  return delivery.send(settings, input.secret ?? null, message, {
    deadlineMs: input.deadlineMs ?? 5000,
  });
}

/** Sends what must not be taken; the failure is plain data that keeps everything for itself. */
export async function failureOf(
  settings: GatewaySettings,
  input: SendInput = {},
): Promise<DeliveryFailure> {
  const outcome = await send(settings, input).then(
    () => 'sent',
    (failure: unknown) => failure,
  );
  expect(outcome).toEqual({
    kind: expect.any(String) as string,
    detail: expect.any(String) as string,
  });
  const failure = outcome as DeliveryFailure;
  const message = messageWith(input.message);
  for (const kept of [message.to, message.text, '493827', secretWord, 'confided']) {
    expect(failure.detail).not.toContain(kept);
  }
  return failure;
}

export interface ProgramInput {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** What runs the process, which is told by further arguments. */
  readonly within?: { readonly program: string; readonly args: readonly string[] };
}

const sendProgram = fileURLToPath(new URL('send-program.ts', import.meta.url));

/** Sends Grace's message, with the secret, in a process of its own: its failure, or null. */
export async function sentByProgram(
  settings: GatewaySettings,
  { environment = {}, folder, within }: ProgramInput = {},
): Promise<unknown> {
  const more = folder === undefined ? [] : [folder];
  const args = ['--import', 'tsx', sendProgram, JSON.stringify(settings), ...more];
  const [program, ...rest] = [
    ...(within === undefined ? [] : [within.program, ...within.args]),
    process.execPath,
    ...args,
  ];
  // A limit on files must not leave half of one where other processes look for it.
  const whole = { TSX_DISABLE_CACHE: '1', ...environment };
  const { stdout, stderr } = await runProgram(program!, rest, { environment: whole });
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout);
}
