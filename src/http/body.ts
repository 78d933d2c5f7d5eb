import type { IncomingMessage, ServerResponse } from 'node:http';
import { TallystickError } from '../errors.ts';

/**
 * Reads a request's body, at most `bytesMax` bytes: a longer one is refused by its declared length
 * before any of it is read, or as soon as the limit is passed. The caller overwrites the bytes
 * after use: they may hold responses and seeds.
 *
 * @throws TallystickError `request-too-large`, `media-type-unsupported` for a compressed body,
 *   `request-malformed` when the client goes away in the middle
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  bytesMax: number,
): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    // A small compressed body may be a large one.
    return Promise.reject(
      new TallystickError('media-type-unsupported', 'a body must not be compressed'),
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
    return Promise.reject(tooLarge(bytesMax));
  }
  // The listener leaves this answer to us, so that a refused body is never sent.
  if (request.headers.expect === '100-continue') response.writeContinue();
  return collect(request, bytesMax);
}

function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const stop = (error: TallystickError): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      request.pause();
      for (const piece of pieces) piece.fill(0);
      reject(error);
    };
    const onData = (piece: Buffer): void => {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes > bytesMax) stop(tooLarge(bytesMax));
    };
    const onEnd = (): void => {
      request.off('close', onClose);
      const [only] = pieces;
      if (pieces.length === 1 && only !== undefined) {
        resolve(only);
        return;
      }
      const body = Buffer.concat(pieces, bytes);
      for (const piece of pieces) piece.fill(0);
      resolve(body);
    };
    const onClose = (): void => {
      stop(new TallystickError('request-malformed', 'the body ended early'));
    };
    request.on('data', onData).once('end', onEnd).once('close', onClose);
    request.once('error', onClose);
  });
}

function tooLarge(bytesMax: number): TallystickError {
  return new TallystickError(
    'request-too-large',
    `the body is too large: at most ${bytesMax} bytes are read`,
  );
}

const discardBytesMax = 262_144;
const discardMs = 500;

/**
 * Sends a finished answer although the request's body was not read. Closing at once would reset the
 * connection and could take the answer with it, so a bounded rest is read and thrown away first.
 */
export function endUnread(
  request: IncomingMessage,
  response: ServerResponse,
  payload: string,
): void {
  if (request.complete) {
    response.end(payload);
    return;
  }
  response.setHeader('Connection', 'close');
  response.setHeader('Content-Length', Buffer.byteLength(payload));
  response.write(payload);
  let bytes = 0;
  const finish = (): void => {
    clearTimeout(timer);
    request.off('data', onData);
    response.end();
  };
  const onData = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > discardBytesMax) finish();
  };
  const timer = setTimeout(finish, discardMs);
  request.once('end', finish).once('close', finish).on('data', onData);
  request.resume();
}
