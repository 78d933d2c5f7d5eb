import { type DeviceEnv, nodeEnv } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import type { InboxFile } from './file.ts';
import { startHttp } from './http.ts';
import {
  type ArrivingMessage,
  inboxLimits,
  type InboxMessage,
  isFor,
  messageBytes,
  stampMessages,
} from './message.ts';
import { InboxRefusal } from './refusal.ts';
import { type InboxUser, startSmtp } from './smtp.ts';
import type { LoopbackServer } from './loopback.ts';

export interface InboxOptions {
  /** Default 0: the system chooses. */
  readonly smtpPort?: number | undefined;
  /** Default 0: the system chooses. */
  readonly httpPort?: number | undefined;
  /** Whom SMTP asks for user name and password; default nobody. */
  readonly user?: InboxUser | undefined;
  /** Where messages are kept as well; default nowhere else. */
  readonly file?: InboxFile | undefined;
  /** The next so many messages are refused. */
  readonly refuseCount?: number | undefined;
  /** So long after a message was stored, or refused, the client is told. */
  readonly delayMs?: number | undefined;
  /** Called with every message after it was stored. */
  readonly onMessage?: ((message: InboxMessage) => void) | undefined;
}

export interface WaitOptions {
  /** Whose message; default anybody's. */
  readonly to?: string;
  /** Only messages after the first so many (see `Inbox.count`); default 0: any. */
  readonly sinceCount?: number;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

/**
 * A telephone and a mailbox for all the people of a test. Its functions may be taken apart from it;
 * `count` and `delayMs` may not.
 */
export interface Inbox {
  /** Where it listens on 127.0.0.1. */
  readonly ports: { readonly smtp: number; readonly http: number };
  /** How many messages have arrived since the start. */
  readonly count: number;
  /** So long after a message was stored, or refused, the client is told. */
  delayMs: number;
  /** What arrived since the start, the newest last; the newest 10,000 at most. */
  readonly messages: (to?: string) => readonly InboxMessage[];
  /**
   * The newest message that fits, as soon as there is one.
   *
   * @throws EmulatorError message-unknown after `timeoutMs`
   */
  readonly waitFor: (options?: WaitOptions) => Promise<InboxMessage>;
  /** The next so many messages are refused: 550 by SMTP, 503 by HTTP. Zero ends it. */
  readonly refuseNext: (count: number) => void;
  /** Answers what was taken and frees the ports. */
  readonly close: () => Promise<void>;
}

const waitMsDefault = 5000;

/**
 * Starts an SMTP server and an HTTP gateway on loopback that take messages for everybody.
 *
 * @throws EmulatorError state-busy if a port is taken
 */
export async function startInbox(
  options: InboxOptions = {},
  env: DeviceEnv = nodeEnv,
): Promise<Inbox> {
  const history = startHistory();
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const knobs = { refuseCount: options.refuseCount ?? 0, delayMs: options.delayMs ?? 0 };

  async function accept(arriving: readonly ArrivingMessage[]): Promise<void> {
    const taken = take(arriving, { options, env, history, knobs, stopping: stopping.signal });
    underWay.add(taken);
    try {
      await taken;
    } finally {
      underWay.delete(taken);
    }
  }

  const servers: LoopbackServer[] = [];
  const closeServers = (): Promise<unknown> => Promise.all(servers.map((server) => server.close()));
  try {
    servers.push(await startSmtp(options.smtpPort ?? 0, options.user, accept));
    servers.push(await startHttp(options.httpPort ?? 0, accept));
  } catch (error) {
    await closeServers();
    throw error;
  }
  const [smtp, http] = servers.map(({ port }) => port);
  return {
    ports: { smtp: smtp ?? 0, http: http ?? 0 },
    get count() {
      return history.count();
    },
    get delayMs() {
      return knobs.delayMs;
    },
    set delayMs(delayMs) {
      knobs.delayMs = delayMs;
    },
    messages: (to) => history.messages().filter((message) => isFor(message, to)),
    waitFor: (wait = {}) => history.waitFor(wait, env),
    refuseNext: (count) => {
      knobs.refuseCount = count;
    },
    close: async () => {
      stopping.abort();
      await Promise.allSettled(underWay);
      // The answers are written when the promises' callbacks have run.
      await env.sleepMs(0);
      await closeServers();
    },
  };
}

interface Desk {
  readonly options: InboxOptions;
  readonly env: DeviceEnv;
  readonly history: History;
  readonly knobs: { refuseCount: number; readonly delayMs: number };
  readonly stopping: AbortSignal;
}

/** Stores messages, or refuses them, and returns when the client may be told. */
async function take(
  arriving: readonly ArrivingMessage[],
  { options, env, history, knobs, stopping }: Desk,
): Promise<void> {
  const isRefused = knobs.refuseCount > 0;
  if (isRefused) knobs.refuseCount -= 1;
  else {
    const lastAtMs = history.messages().at(-1)?.atMs ?? -1;
    const stored =
      options.file === undefined
        ? stampMessages(arriving, env.nowMs(), lastAtMs)
        : await options.file.append(arriving);
    history.add(stored);
    for (const message of stored) options.onMessage?.(message);
  }
  // Nobody who ends the inbox wants to wait for it.
  if (knobs.delayMs > 0) await env.sleepMs(knobs.delayMs, stopping);
  if (isRefused) throw new InboxRefusal(550, 503, 'refused, as this inbox was told to');
}

interface History {
  count(): number;
  messages(): readonly InboxMessage[];
  add(messages: readonly InboxMessage[]): void;
  waitFor(options: WaitOptions, env: DeviceEnv): Promise<InboxMessage>;
}

/** What arrived since the start, as much of it as an inbox keeps. */
function startHistory(): History {
  const kept: InboxMessage[] = [];
  let bytes = 0;
  let count = 0;
  const waiting = new Set<() => void>();

  function find({ to, sinceCount = 0 }: WaitOptions): InboxMessage | undefined {
    const goneCount = count - kept.length;
    const since = kept.slice(Math.max(0, sinceCount - goneCount));
    return since.findLast((message) => isFor(message, to));
  }

  function forgetOldest(): void {
    while (kept.length > inboxLimits.countMax || bytes > inboxLimits.bytesMax) {
      const oldest = kept.shift();
      if (oldest !== undefined) bytes -= messageBytes(oldest);
    }
  }

  return {
    count: () => count,
    messages: () => kept,
    add: (messages) => {
      kept.push(...messages);
      for (const message of messages) bytes += messageBytes(message);
      count += messages.length;
      forgetOldest();
      for (const look of waiting) look();
    },
    waitFor: async (options, env) => {
      const { to = 'anybody', timeoutMs = waitMsDefault } = options;
      const giveUp = new AbortController();
      let found = find(options);
      const look = (): void => {
        found = find(options);
        if (found !== undefined) giveUp.abort();
      };
      waiting.add(look);
      if (found === undefined) await env.sleepMs(timeoutMs, giveUp.signal);
      waiting.delete(look);
      if (found !== undefined) return found;
      throw new EmulatorError('message-unknown', `no message for ${to} within ${timeoutMs} ms`);
    },
  };
}
