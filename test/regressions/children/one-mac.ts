/**
 * Opens a module when told to by a line on standard input, has a MAC computed, closes it, and so on a
 * few times: `one-mac.ts URI SEED MESSAGE`, SEED the reference to a resident seed as JSON, MESSAGE in
 * hex. Writes `ready`, then the MAC in hex, once for all if all were the same.
 */
import { once } from 'node:events';
import { openModule, type SeedReference } from '../../../hsm/index.ts';
import { macsOf, soon } from '../../hsm/support.ts';

const times = 25;
const [uri = '', seedJson = '', messageHex = ''] = process.argv.slice(2);
const seed = JSON.parse(seedJson) as SeedReference;
const messages = [Buffer.from(messageHex, 'hex')];

process.stdout.write('ready\n');
await once(process.stdin, 'data');
const macs = new Set<string>();
for (let count = 0; count < times; count += 1) {
  const module = await openModule({ uri, residency: 'resident' });
  const [result] = await module.mac([{ seed, messages }], soon);
  for (const mac of macsOf(result)) macs.add(mac);
  await module.close();
}
process.stdout.write(`${[...macs].join(' ')}\n`);
process.stdin.destroy();
