import type { FileSettings, HttpSettings, SmtpSettings } from '../../src/domain/gateway.ts';

/** Settings of each kind as an administrator gives them, all members there. */
export const smtpGiven: SmtpSettings = {
  kind: 'smtp',
  host: 'mail.example.com',
  port: 587,
  security: 'starttls',
  userName: 'otp',
  from: 'Codes <otp@example.org>',
  subject: 'Code',
};

export const httpGiven: HttpSettings = {
  kind: 'http',
  url: 'https://sms.example.com/v1/messages?from=42',
  content: 'json',
  body: '{"to":"{to}","text":"{text}"}',
  headers: { Authorization: 'Bearer {secret}' },
};

export const fileGiven: FileSettings = { kind: 'file', fileName: 'messages.jsonl' };
