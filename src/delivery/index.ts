/**
 * The door of the room by which one-time passwords leave: mail servers, web services and files.
 * Everything that rejects, rejects with a plain `DeliveryFailure`.
 */
import type { Delivery, GatewaySettings, Message } from '../service/ports.ts';
import { fault, plainly } from './failure.ts';
import { sendToFile } from './file.ts';
import { sendByHttp } from './http.ts';
import { hasControls } from './mail-address.ts';
import { sendBySmtp } from './smtp.ts';

export interface DeliveryOptions {
  /** Where file gateways may write; null: they are not configured and refuse with `contract`. */
  readonly folder: string | null;
}

/** Sends by what the settings say; a connection lives for one message. */
export function createDelivery({ folder }: DeliveryOptions): Delivery {
  return {
    obstacleTo: ({ kind }) =>
      kind === 'file' && folder === null
        ? 'file needs a folder on this server: set delivery.folder in its configuration first'
        : null,
    send: (settings, secret, message, { deadlineMs }) =>
      plainly(() => {
        if (hasControls(message.to)) {
          throw fault('contract', 'the recipient must be one line without control characters');
        }
        return send(folder, settings, secret, message, deadlineMs);
      }),
  };
}

function send(
  folder: string | null,
  settings: GatewaySettings,
  secret: Uint8Array | null,
  message: Message,
  deadlineMs: number,
): Promise<void> {
  switch (settings.kind) {
    case 'smtp':
      return sendBySmtp(settings, secret, message, deadlineMs);
    case 'http':
      return sendByHttp(settings, secret, message, deadlineMs);
    case 'file':
      return sendToFile(folder, settings, message, deadlineMs);
  }
}
