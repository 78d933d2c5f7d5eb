import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Everything as it arrived. */
  readonly text: string;
}

/** Sends bytes as they are and reads until the server closes or `until` appears. */
export function rawExchange(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  until?: RegExp,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => {
      const parts = Array.isArray(bytes) ? (bytes as readonly (string | Buffer)[]) : [bytes];
      for (const part of parts) socket.write(part as string | Buffer);
    });
    const finish = (): void => {
      socket.destroy();
      resolve(readAnswer(Buffer.concat(pieces).toString('utf8')));
    };
    socket.on('data', (piece) => {
      pieces.push(piece);
      if (until?.test(Buffer.concat(pieces).toString('utf8'))) finish();
    });
    socket.on('close', finish);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A server that closes while we still send resets the connection; its answer counts.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.setTimeout(10_000, () => {
      socket.destroy();
      reject(new Error('the server said nothing for ten seconds'));
    });
  });
}

function readAnswer(text: string): RawAnswer {
  const final = text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
  const [head = '', ...rest] = final.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const status = Number(statusLine.split(' ')[1] ?? 0);
  return { status, headers, body: rest.join('\r\n\r\n'), text };
}

/** A request's bytes, closing the connection unless told. */
export function rawRequest(
  method: string,
  path: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer;
    readonly keepAlive?: boolean;
  } = {},
): Buffer {
  const { headers = {}, body } = options;
  const all: Record<string, string> = {
    Host: 'tallystick.test',
    ...(options.keepAlive === true ? {} : { Connection: 'close' }),
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`),
    Buffer.from(body ?? ''),
  ]);
}
