import { connect, type Socket } from 'node:net';

/** One request as bytes, and the status that its answer must have. */
export interface LoadRequest {
  readonly bytes: Buffer;
  readonly expectedStatus: number;
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
      let expected = 0;
      let received = '';
      const next = (): void => {
        if (sent === count) {
          socket.end();
          resolve();
          return;
        }
        sent += 1;
        const request = nextRequest();
        expected = request.expectedStatus;
        socket.write(request.bytes);
      };
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        const answer = completeAnswer(received);
        if (answer === null) return;
        received = '';
        if (answer !== expected) {
          stop(socket, reject, `expected status ${expected}, got ${answer}`);
          return;
        }
        next();
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

/** A POST with a JSON body on a kept connection. */
export function postBytes(path: string, body: object, bearer: string): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${bearer}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
