import { createDelivery } from '../../src/delivery/index.ts';
import type { GatewaySettings } from '../../src/service/ports.ts';
import { messageWith, secret } from './sample.ts';

/**
 * Sends one message in a process of its own, whose environment says whom to trust, and prints the
 * failure or null. Arguments: the settings as JSON, and the folder of files.
 */
const settings = JSON.parse(process.argv[2] ?? '') as GatewaySettings;
const outcome = await createDelivery({ folder: process.argv[3] ?? null })
  .send(settings, secret, messageWith(), { deadlineMs: 5000 })
  .then(
    () => null,
    (failure: unknown) => failure,
  );
process.stdout.write(JSON.stringify(outcome));
