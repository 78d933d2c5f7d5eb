import { EmulatorError } from '../errors.ts';

/** Why an inbox does not take a message, as SMTP (RFC 5321) and HTTP say it. */
export class InboxRefusal extends Error {
  override readonly name: string = 'InboxRefusal';
  readonly smtpCode: number;
  readonly httpStatus: number;

  constructor(smtpCode: number, httpStatus: number, message: string) {
    super(message);
    this.smtpCode = smtpCode;
    this.httpStatus = httpStatus;
  }
}

/** What a client is told of any error; of one that is a mistake of ours, only that there is one. */
export function refusalOf(error: unknown): InboxRefusal {
  if (error instanceof InboxRefusal) return error;
  const reason = error instanceof EmulatorError ? error.message : 'internal error';
  return new InboxRefusal(451, 500, reason.replace(/\s+/g, ' '));
}
