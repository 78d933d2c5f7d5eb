import { createTransport, type SendMailOptions } from 'nodemailer';
import { onTestFinished } from 'vitest';
import {
  type DeviceEnv,
  type Inbox,
  type InboxOptions,
  startInbox,
} from '../../../emulator/index.ts';

/** An inbox that ends with the test. */
export async function openInbox(options: InboxOptions = {}, env?: DeviceEnv): Promise<Inbox> {
  const inbox = await startInbox(options, env);
  onTestFinished(() => inbox.close());
  return inbox;
}

/** Sends a mail as a server does; rejects with what the inbox answered. */
export async function sendMail(
  port: number,
  mail: SendMailOptions,
  auth?: { user: string; pass: string },
): Promise<{ readonly accepted: readonly unknown[]; readonly rejected: readonly unknown[] }> {
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    secure: false,
    ignoreTLS: true,
    ...(auth === undefined ? {} : { auth }),
  });
  try {
    return await transport.sendMail({ from: 'otp@example.test', subject: 'Code', ...mail });
  } finally {
    transport.close();
  }
}

/** The SMTP code of the refusal of a mail; 250 if it was taken. */
export async function smtpCodeOf(sent: Promise<unknown>): Promise<number> {
  try {
    await sent;
    return 250;
  } catch (error) {
    return (error as { responseCode?: number }).responseCode ?? 0;
  }
}

/** Posts JSON, or a body of another type, and gives status and answer. */
export async function post(
  port: number,
  body: unknown,
  { type = 'application/json', path = '/messages' }: { type?: string; path?: string } = {},
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json() };
}
