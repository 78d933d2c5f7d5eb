/** Adds messages to an inbox file and writes a line after each: `inbox-loop.ts FILE TIMES NAME`. */
import { writeSync } from 'node:fs';
import { nodeEnv, openInboxFile } from '../../../../emulator/index.ts';

const [path = '', times = '0', name = ''] = process.argv.slice(2);
const file = openInboxFile(path, nodeEnv);
for (let count = 0; count < Number(times); count += 1) {
  await file.append([{ channel: 'http', to: name, text: String(count) }]);
  writeSync(1, `${count}\n`);
}
