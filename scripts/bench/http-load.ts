import { connect, type Socket } from 'node:net';

/** One request as bytes, and what its answer must have: this status, and this text in it. */
export interface LoadRequest {
  readonly bytes: Buffer;
  readonly expectedStatus: number;
  readonly expectedText: string;
}

/**
 * Keeps `width` connections busy with one request each until `count` answers have come. A client this
 * thin leaves the processor to the server that is measured.
 */
export async function httpLoad(
  port: number,
  width: number,
  count: number,
  nextRequest: () => LoadRequest,
): Promise<void> {
  let sent = 0;
  const drive = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      let expected: LoadRequest | null = null;
      let received = '';
      const next = (): void => {
        if (sent === count) {
          socket.end();
          resolve();
          return;
        }
        sent += 1;
        expected = nextRequest();
        socket.write(expected.bytes);
      };
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        const answer = completeAnswer(received);
        if (answer === null) return;
        const isRight =
          answer === expected?.expectedStatus && received.includes(expected.expectedText);
        received = '';
        if (isRight) next();
        else stop(socket, reject, `an answer of status ${answer} was not as expected`);
      });
    });
  await Promise.all(Array.from({ length: width }, drive));
}

/** The status of an answer with Content-Length once all of it is there. */
function completeAnswer(received: string): number | null {
  const headerEnd = received.indexOf('\r\n\r\n');
  if (headerEnd < 0) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, headerEnd))?.[1];
  if (length === undefined) throw new Error('an answer without Content-Length');
  if (received.length < headerEnd + 4 + Number(length)) return null;
  return Number(received.slice(9, 12));
}

function stop(socket: Socket, reject: (error: Error) => void, message: string): void {
  socket.destroy();
  reject(new Error(message));
}

/** A POST on a kept connection. */
export function postBytes(path: string, text: string, headers: readonly string[]): Buffer {
  const all = ['Host: 127.0.0.1', ...headers, `Content-Length: ${Buffer.byteLength(text)}`];
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${text}`);
}
