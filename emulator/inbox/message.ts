import { EmulatorError } from '../errors.ts';
import { parseJson, readText, readWhole, ShapeError, type Members } from '../files/shape.ts';

/** A message that arrived, as the telephone or the mailbox of one person keeps it. */
export interface InboxMessage {
  /**
   * When it arrived, Unix milliseconds. In one inbox no two are the same and each is higher than
   * the one before, so that it also says which messages are newer.
   */
  readonly atMs: number;
  /** `email` or `http`, by how it came; a file that another program wrote may say `sms` etc. */
  readonly channel: string;
  readonly to: string;
  readonly subject?: string;
  readonly text: string;
}

/** A message of which it is not known yet when it arrived. */
export type ArrivingMessage = Omit<InboxMessage, 'atMs'>;

interface InboxLimits {
  readonly messageBytesMax: number;
  readonly recipientsMax: number;
  readonly addressCharactersMax: number;
  readonly countMax: number;
  /** Of all messages together, as they are in the file. */
  readonly bytesMax: number;
}

/** What an inbox takes at most; beyond `countMax` and `bytesMax` the oldest messages go. */
export const inboxLimits: InboxLimits = {
  messageBytesMax: 64 * 1024,
  recipientsMax: 16,
  addressCharactersMax: 254,
  countMax: 10_000,
  bytesMax: 16 * 1024 * 1024,
};

/** How many digits a one-time password has. */
export const otpDigits: { readonly min: number; readonly max: number } = { min: 4, max: 10 };

const subjectCharactersMax = 998;
/** A message of 64 KiB in a foreign character set grows when it is decoded. */
const textCharactersMax = 2 * inboxLimits.messageBytesMax;
const channelCharactersMax = 16;

/** Says when messages arrived: now, but later than any before them. */
export function stampMessages(
  arriving: readonly ArrivingMessage[],
  nowMs: number,
  lastAtMs: number,
): InboxMessage[] {
  const firstMs = Math.max(nowMs, lastAtMs + 1);
  return arriving.map((message, index) => ({ atMs: firstMs + index, ...message }));
}

/** The line of a file that keeps a message, with its line end. */
export function messageToLine(message: InboxMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** How much room a message takes in a file. */
export function messageBytes(message: InboxMessage): number {
  return Buffer.byteLength(messageToLine(message));
}

/**
 * Reads the lines of an inbox file. What follows the last line end is half a message, of a process
 * that was killed or is still writing, and is left out.
 *
 * @throws EmulatorError state-damaged for a line that is no message
 */
export function messagesFromLines(text: string): InboxMessage[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line, index) => {
    try {
      return messageFrom(parseJson(line));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      const reason = error.message.replace('the file', 'it');
      throw new EmulatorError('state-damaged', `line ${index + 1}: ${reason}`);
    }
  });
}

function messageFrom(value: unknown): InboxMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ShapeError('it must be an object');
  }
  // Other members are passed over: another program's lines may say more about a message.
  const { atMs, channel, to, subject, text } = value as Members;
  return {
    atMs: readWhole(atMs, 'atMs', 0, Number.MAX_SAFE_INTEGER),
    channel: readText(channel, 'channel', channelCharactersMax),
    to: readText(to, 'to', inboxLimits.addressCharactersMax),
    ...(subject === undefined ? {} : { subject: readText(subject, 'subject', textCharactersMax) }),
    text: readText(text, 'text', textCharactersMax),
  };
}

/** The newest messages that an inbox may keep, in their order. */
export function newestMessages(messages: readonly InboxMessage[]): readonly InboxMessage[] {
  let bytes = 0;
  let first = messages.length;
  while (first > 0 && messages.length - first < inboxLimits.countMax) {
    const message = messages[first - 1];
    if (message === undefined) break;
    bytes += messageBytes(message);
    if (bytes > inboxLimits.bytesMax) break;
    first -= 1;
  }
  return first === 0 ? messages : messages.slice(first);
}

/** Whether a message is for `to`; upper and lower case are the same. Undefined: for anybody. */
export function isFor(message: InboxMessage, to: string | undefined): boolean {
  return to === undefined || message.to.toLowerCase() === to.trim().toLowerCase();
}

/**
 * The one-time password of a message: the first run of 4 to 10 digits, or of exactly `digits`, in
 * the text, else in the subject. Null if there is none. A longer run is no password.
 */
export function otpOf(
  { text, subject = '' }: Pick<InboxMessage, 'text' | 'subject'>,
  digits?: number,
): string | null {
  const { min, max } = otpDigits;
  const pattern = new RegExp(`(?<![0-9])[0-9]{${digits ?? min},${digits ?? max}}(?![0-9])`);
  return pattern.exec(text)?.[0] ?? pattern.exec(subject)?.[0] ?? null;
}

/** A recipient as a client gave it, without white space around it; null if it is none. */
export function recipientOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const to = value.trim();
  const isAddress = to !== '' && to.length <= inboxLimits.addressCharactersMax;
  return isAddress && !/\p{Cc}/u.test(to) ? to : null;
}

/** A mail's subject of a length that the inbox keeps. */
export function subjectOf(subject: string): string {
  return subject.slice(0, subjectCharactersMax);
}

/** Text that moves no cursor and changes no colour on a terminal; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/(?![\n\t])\p{Cc}/gu, '\u{fffd}');
}
